"""Chart: published statistics as SVG bars by Altair and vl-convert; the table beside it says the same in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from tanpuhui.web.public.picture import BAR, INK, LINE, SOFT

#: Families that readers have, since a picture uses the reader's own fonts.
FONT = "system-ui, PingFang SC, Microsoft YaHei, Noto Sans CJK SC, Noto Sans SC, sans-serif"
KG = 1_000_000
WIDE, NARROW = 560, 300
#: Room at the right of the longest bar, for its amount, as a part of it; the second where errors are written too.
ROOM, ROOM_WITH_ERRORS = 0.2, 0.5


class Bar(NamedTuple):
    """A name, its milligrams, and how far off they may be: a whisker of the bar."""

    name: str
    mg: int
    error_mg: int = 0


Rows = Sequence[Bar]


def bars(rows: Rows, *, title: str, axis: str) -> str:
    """Horizontal bars of milligrams in kilograms, in the order given, with the names at their left."""
    import altair as alt

    names = alt.Axis(ticks=False, domain=False, labelPadding=10, labelLimit=320)
    drawn = _bars(rows, axis, alt.Axis(title=None, **names.to_dict()))
    # Readers' fonts may be wider than the one that was measured.
    padding = {"left": 28, "right": 5, "top": 5, "bottom": 5}
    return svg(drawn.properties(width=WIDE, height=alt.Step(34), description=title, padding=padding))


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
    most, has_errors = max(value["high"] for value in values), any(row.error_mg for row in rows)
    room = ROOM_WITH_ERRORS if has_errors else ROOM
    base = alt.Chart(alt.InlineData(values=values)).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=names),
        x=alt.X(
            "kg:Q",
            title=axis,
            scale=alt.Scale(domain=[0, most * (1 + room)], nice=False),
            axis=alt.Axis(tickCount=3, domain=False, format=",.0f"),
        ),
    )
    amounts = base.mark_text(align="left", dx=6, color=INK, fontWeight=600).encode(x="high:Q", text="text:N")
    drawn = base.mark_bar(color=BAR, cornerRadiusEnd=4, height=20)
    if has_errors:
        whiskers = base.mark_rule(color=INK, strokeWidth=1.5).encode(x="low:Q", x2="high:Q")
        ends = [
            base.mark_tick(color=INK, thickness=1.5, size=10).encode(x=f"{end}:Q") for end in ("low", "high")
        ]
        drawn = alt.layer(drawn, whiskers, *ends)
    return drawn + amounts


def _values(rows: Rows) -> list[dict[str, Any]]:
    return [
        {
            "name": row.name,
            "kg": row.mg / KG,
            "low": max(0, row.mg - row.error_mg) / KG,
            "high": (row.mg + row.error_mg) / KG,
            "text": _text(row),
        }
        for row in rows
    ]


def _text(row: Bar) -> str:
    shown = f"{row.mg // KG:,}" if row.mg >= KG else "< 1"
    return f"{shown} ± {-(-row.error_mg // KG):,}" if row.error_mg else shown


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
