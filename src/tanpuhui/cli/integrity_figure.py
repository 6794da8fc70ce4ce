"""Integrity's figure: what each scheme issues against what was truly saved, as SVG with its text alternative."""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

INK, SOFT, LINE = "#1d2b24", "#5b6b62", "#d9e0dc"
#: Distinct without colour too: each line has its name at its end and marks of its own.
COLOURS = ("#8a5a00", "#a3386f", "#4a5fb5", "#0b7a4b", "#5b6b62", "#8c3b1f")
TRUTH = "the truth"
TRUE_PERCENT = {"no_effect": 0, "true_3": 3, "true_8": 8}


def drawn(answer: dict[str, Any]) -> str:
    """Lines over the true saving: 0, 3 and 8 % of use. Above the dashed line more was issued than exists."""
    import altair as alt
    import vl_convert

    rows = [row for row in answer["schemes"] if not row["title"].startswith("control")]
    points = [
        {"scheme": row["title"], "true": TRUE_PERCENT[world], "issued": issued}
        for row in rows
        for world, issued in row["issued_percent"].items()
    ]
    truth = [{"scheme": TRUTH, "true": true, "issued": true} for true in TRUE_PERCENT.values()]
    names = [row["title"] for row in rows]
    x = alt.X(
        "true:Q",
        title="truly saved, % of use",
        axis=alt.Axis(values=[0, 3, 8]),
        scale=alt.Scale(domain=[0, 8]),
    )
    y = alt.Y("issued:Q", title="issued, % of use", scale=alt.Scale(domainMin=0))
    colours = [COLOURS[place % len(COLOURS)] for place in range(len(names))]
    colour = alt.Color("scheme:N", legend=None, scale=alt.Scale(domain=names, range=colours))
    lines = alt.Chart(alt.InlineData(values=points)).encode(x=x, y=y, color=colour)
    marks = lines.mark_point(filled=True, size=70, opacity=1).encode(
        shape=alt.Shape("scheme:N", legend=None, scale=alt.Scale(domain=names))
    )
    even = alt.Chart(alt.InlineData(values=truth)).encode(x=x, y=y)
    ends = alt.Chart(alt.InlineData(values=[p for p in (*points, *truth) if p["true"] == 8]))
    labels = ends.mark_text(align="left", dx=10, fontSize=13, color=INK).encode(x=x, y=y, text="scheme:N")
    chart = even.mark_line(strokeDash=[6, 4], color=SOFT) + lines.mark_line(strokeWidth=2.5) + marks + labels
    spec = chart.properties(width=440, height=400).to_dict()
    spec["background"] = "white"
    axis = {"labelFontSize": 13, "titleFontSize": 13, "labelColor": INK, "titleColor": INK, "gridColor": LINE}
    spec["config"] = {"font": "system-ui, sans-serif", "view": {"stroke": None}, "axis": axis}
    return described(vl_convert.vegalite_to_svg(json.dumps(spec)), alternative(answer))


def alternative(answer: dict[str, Any]) -> str:
    """The figure in words."""
    said = [
        "{title}: {no_effect:g}, {true_3:g} and {true_8:g} %".format(
            title=row["title"], **row["issued_percent"]
        )
        for row in answer["schemes"]
    ]
    return "Issued on average where 0, 3 and 8 % of use were truly saved. " + "; ".join(said) + "."


def described(svg: str, words: str, *, title: str = "Issued against true") -> str:
    """The SVG as one image whose title and description a screen reader reads."""
    head = '<svg role="img" aria-labelledby="title said" '
    inner = f'<title id="title">{escape(title)}</title><desc id="said">{escape(words)}</desc>'
    return re.sub(r"<svg ([^>]*)>", lambda found: f"{head}{found[1]}>{inner}", svg, count=1)
