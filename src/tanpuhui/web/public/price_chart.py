"""Price chart: a line of daily prices with their lowest and highest, as SVG; the table beside it says the same."""

from __future__ import annotations

from collections.abc import Sequence

from tanpuhui.web.public.chart import NARROW, WIDE, svg
from tanpuhui.web.public.picture import BAR

HEIGHT = 220
#: More labels than these would stand on each other.
MOST_LABELS = {False: 10, True: 4}


def prices_by_day(
    days: Sequence[str],
    numbers: Sequence[tuple[int, int, int]],
    *,
    places: int,
    axis: str,
    title: str,
    is_narrow: bool,
) -> str:
    """Lowest, average and highest of each day in minor units of a currency with so many places, in the order given."""
    import altair as alt

    one = 10**places
    values = [
        {"at": place, "day": day, "low": low / one, "average": average / one, "high": high / one}
        for place, (day, (low, average, high)) in enumerate(zip(days, numbers, strict=True))
    ]
    step = -(-len(values) // MOST_LABELS[is_narrow])
    labels = "[" + ",".join(f"'{day}'" for day in days) + "][datum.value]"
    base = alt.Chart(alt.InlineData(values=values)).encode(
        x=alt.X(
            "at:O",
            title=None,
            axis=alt.Axis(
                labelExpr=labels, labelAngle=0, ticks=False, values=list(range(0, len(values), step))
            ),
        )
    )
    scale = alt.Scale(zero=False, nice=True, padding=8)
    span = base.mark_rule(color=BAR, strokeWidth=2, opacity=0.45).encode(
        y=alt.Y("low:Q", title=axis, scale=scale, axis=alt.Axis(tickCount=4, domain=False)), y2="high:Q"
    )
    line = base.mark_line(color=BAR, strokeWidth=2).encode(y="average:Q")
    points = base.mark_point(color=BAR, filled=True, size=50, opacity=1).encode(y="average:Q")
    width = NARROW if is_narrow else WIDE
    return svg((span + line + points).properties(width=width, height=HEIGHT, description=title))
