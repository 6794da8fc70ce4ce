"""That a day costs as much an activity however large the city: 2, 20 and 60 million activities on one chart.

Run: .venv/bin/python bench/linear.py [--millions 2 20 60] [--runs 2] [--figure docs/reference/linear.svg]
Each size is measured as by bench/quantify.py, a resident for four activities and a bucket for each 250,000, in a folder
of its own; sizes take turns, so that a busy neighbour meets all of them. On both scales of the chart ten times is as
far: what is linear is a line of the slope of the thin one, which is the time merely to decode the columns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quantify import in_process

MILLION = 1_000_000
INK, GREEN, LINE = "#1d2b24", "#0b7a4b", "#d9e0dc"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--millions", type=int, nargs="+", default=[2, 20, 60])
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    sizes = measured(given.millions, given.runs)
    if given.figure:
        given.figure.write_text(drawn(sizes))
    told = {"date": str(datetime.now(UTC).date()), "cores": os.cpu_count(), "load_average": load}
    print(json.dumps({**told, "load_average_after": os.getloadavg()[0], "sizes": sizes}, indent=2))


def measured(millions: list[int], runs: int) -> list[dict[str, Any]]:
    """Medians of the runs of each size."""
    with tempfile.TemporaryDirectory() as folder:
        cities = {size: (Path(folder) / str(size), given_for(size)) for size in millions}
        for place, city in cities.values():
            place.mkdir()
            in_process("make", city, str(place))
        turns = [
            {size: (in_process("roofline", city, str(place)), in_process("measure", city, str(place)))
             for size, (place, city) in cities.items()}
            for _ in range(runs)
        ]  # fmt: skip
    return [figures(size, [turn[size] for turn in turns]) for size in millions]


def given_for(millions: int) -> argparse.Namespace:
    activities = millions * MILLION
    return argparse.Namespace(
        activities=activities, residents=activities // 4, buckets=max(2, activities // 250_000)
    )


def figures(millions: int, turns: list[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    least, done = zip(*turns, strict=True)
    wall = statistics.median(one["wall_s"] for one in done)
    return {
        "millions": millions,
        "wall_s": round(wall, 2),
        "cpu_s": round(statistics.median(one["cpu_s"] for one in done), 2),
        "wall_s_a_million": round(wall / millions, 3),
        "decode_s": round(statistics.median(one["wall_s"] for one in least), 2),
        "peak_GB": round(max(one["peak_bytes"] for one in done) / 1e9, 2),
    }


def drawn(sizes: list[dict[str, Any]]) -> str:
    """Seconds over millions of activities, both by logarithm: the whole of it, and merely decoding."""
    import altair as alt
    import vl_convert

    from tanpuhui.cli.integrity_figure import described

    names = {"wall_s": "quantified", "decode_s": "columns merely decoded"}
    points = [
        {"millions": one["millions"], "seconds": one[key], "what": name}
        for one in sizes
        for key, name in names.items()
    ]
    amounts = [one["millions"] for one in sizes]
    x = alt.X("millions:Q", title="million activities", axis=alt.Axis(values=amounts),
              scale=alt.Scale(type="log", domain=[min(amounts) / 1.3, max(amounts) * 1.3]))  # fmt: skip
    y = alt.Y("seconds:Q", title="seconds", scale=alt.Scale(type="log"), axis=alt.Axis(tickCount=5))
    colour = alt.Color("what:N", legend=None, scale=alt.Scale(domain=[*names.values()], range=[GREEN, INK]))
    base = alt.Chart(alt.InlineData(values=points)).encode(x=x, y=y, color=colour)
    marks = base.mark_point(filled=True, size=70, opacity=1)
    labels = base.mark_text(dy=-14, fontSize=13).encode(text=alt.Text("seconds:Q", format=".3~g"))
    ends = alt.Chart(alt.InlineData(values=points[:2])).encode(x=x, y=y, color=colour)
    named = ends.mark_text(align="left", dx=10, dy=12, fontSize=13).encode(text="what:N")
    spec = (
        (base.mark_line(strokeWidth=2) + marks + labels + named).properties(width=440, height=360).to_dict()
    )
    axis = {"labelFontSize": 13, "titleFontSize": 13, "labelColor": INK, "titleColor": INK, "gridColor": LINE}
    spec |= {
        "background": "white",
        "config": {"font": "system-ui, sans-serif", "view": {"stroke": None}, "axis": axis},
    }
    words = "; ".join(
        f"{one['millions']} million in {one['wall_s']:g} s, decoded in {one['decode_s']:g} s" for one in sizes
    )
    return described(
        vl_convert.vegalite_to_svg(json.dumps(spec)), f"{words}.", title="Seconds for a day, by its size"
    )


if __name__ == "__main__":
    main()
