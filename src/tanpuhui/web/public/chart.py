"""Chart: published statistics as SVG bars by Altair and vl-convert; the table beside it says the same in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tanpuhui.web.public.picture import BAR, INK, LINE, SOFT

#: Families that readers have, since a picture uses the reader's own fonts.
FONT = "system-ui, PingFang SC, Microsoft YaHei, Noto Sans CJK SC, Noto Sans SC, sans-serif"
KG = 1_000_000
WIDE, NARROW = 560, 300
Rows = Sequence[tuple[str, int]]


def bars(rows: Rows, *, title: str, axis: str) -> str:
    """Horizontal bars of milligrams in kilograms, in the order given, with the names at their left."""
    import altair as alt

    names = alt.Axis(ticks=False, domain=False, labelPadding=10, labelLimit=320)
    drawn = _bars(rows, axis, alt.Axis(title=None, **names.to_dict()))
    return svg(drawn.properties(width=WIDE, height=alt.Step(34), description=title))


def narrow_bars(rows: Rows, *, title: str, axis: str) -> str:
    """The same for a phone: each name stands above its bar."""
    import altair as alt

    drawn = _bars(rows, axis, None)
    names = (
        alt.Chart(alt.InlineData(values=_values(rows)))
        .mark_text(align="left", baseline="bottom", dy=-13, color=INK)
        .encode(y=alt.Y("name:N", sort=None), x=alt.value(0), text="name:N")
    )
    return svg((drawn + names).properties(width=NARROW, height=alt.Step(54), description=title))


def _bars(rows: Rows, axis: str, names: Any) -> Any:
    import altair as alt

    values = _values(rows)
    most = max(value["kg"] for value in values)
    base = alt.Chart(alt.InlineData(values=values)).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=names),
        x=alt.X(
            "kg:Q",
            title=axis,
            scale=alt.Scale(domain=[0, most * 1.2], nice=False),
            axis=alt.Axis(tickCount=3, domain=False, format=",.0f"),
        ),
    )
    amounts = base.mark_text(align="left", dx=6, color=INK, fontWeight=600).encode(text="text:N")
    return base.mark_bar(color=BAR, cornerRadiusEnd=4, height=20) + amounts


def _values(rows: Rows) -> list[dict[str, Any]]:
    return [
        {"name": name, "kg": mg / KG, "text": f"{mg // KG:,}" if mg >= KG else "< 1"} for name, mg in rows
    ]


def svg(drawn: Any) -> str:
    """A drawing as SVG, with the fonts and colours of every picture here."""
    import vl_convert

    spec = drawn.to_dict()
    spec["background"] = None
    spec["config"] = {
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelFontSize": 14,
            "titleFontSize": 13,
            "titleFontWeight": 400,
            "labelColor": INK,
            "titleColor": SOFT,
            "gridColor": LINE,
            "tickColor": LINE,
        },
        "text": {"fontSize": 13},
    }
    return vl_convert.vegalite_to_svg(json.dumps(spec))
