"""Chart: what was avoided by behaviour and month, drawn on the server as SVG, kept by its content."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any, cast

from django.core.cache import caches
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.close.summary import Summary, summary
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.moment import utc_now
from tanpuhui.web.resident.words import kind_of_methodology
from tanpuhui.web.shared.access import ResidentRequest, resident_page
from tanpuhui.web.shared.mass import UNITS, unit_name

MOST_MONTHS = 12
#: Each worker keeps its latest drawings in memory; figures of people are not left on a disk.
KEPT_S = 24 * 3600
#: As the stylesheet has them: ink, what is said softly, lines; then one colour for each behaviour, told apart by
#: people who see colours differently too (Okabe and Ito's, darkened or lightened to 3:1 against the page).
THEMES = {
    "light": {"ink": "#17231e", "soft": "#51605a", "line": "#d9dfd8"},
    "dark": {"ink": "#e8eeea", "soft": "#a9b8b0", "line": "#2c3a33"},
}
COLOURS = {
    "light": ["#0b6b53", "#b8620a", "#1c5f8a", "#8a4f9e", "#9a7b00", "#c0392b", "#4a7c8c", "#6b6b6b"],
    "dark": ["#5cc7a4", "#f0a35c", "#84c3ec", "#cda2dd", "#e3cb5c", "#ff9d90", "#9cc7d4", "#b5b5b5"],
}
FONT = "system-ui, 'PingFang SC', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif"


def months_shown(found: Summary) -> dict[date, Counter[str | None]]:
    """Milligrams by month and kind of act: the last twelve months up to the last that has anything."""
    by_kind: dict[date, Counter[str | None]] = {}
    for month, sums in found.by_month().items():
        for key, amount in sums.items():
            methodology = find_methodology(key)
            by_kind.setdefault(month, Counter())[methodology.kind if methodology else None] += amount
    return dict(sorted(by_kind.items())[-MOST_MONTHS:])


@resident_page
def chart(request: HttpRequest, theme: str) -> HttpResponse:
    """The chart of the reader's own account, in light or dark colours."""
    if theme not in THEMES:
        raise Http404
    account = cast(ResidentRequest, request).account
    now = utc_now()
    shown = months_shown(summary(account, at=now, today=timezone.localdate(now)))
    if not shown:
        raise Http404
    return HttpResponse(drawn(shown, theme), content_type="image/svg+xml; charset=utf-8")


def drawn(shown: dict[date, Counter[str | None]], theme: str) -> bytes:
    """The SVG, made once for the same figures, words and colours."""
    top = max(sum(sums.values()) for sums in shown.values())
    size, unit = next(((size, unit) for size, unit in UNITS if top >= size), UNITS[-1])
    rows = [
        {
            "month": date_format(month, "YEAR_MONTH_FORMAT"),
            "kind": kind_of_methodology(kind),
            "amount": amount / size,
        }
        for month, sums in shown.items()
        for kind, amount in sorted(sums.items(), key=lambda item: str(item[0]))
    ]
    axis = _("CO₂ equivalent, %(unit)s") % {"unit": unit_name(unit)}
    key = f"chart:{digest_json({'rows': rows_text(rows), 'theme': theme, 'axis': axis})}"
    known: bytes | None = caches["worker"].get(key)
    if known is None:
        known = _draw(rows, theme, axis, one_month=len(shown) == 1).encode()
        caches["worker"].set(key, known, KEPT_S)
    return known


def rows_text(rows: list[dict[str, Any]]) -> list[list[str]]:
    """Rows as text: what is digested has no floats."""
    return [[row["month"], row["kind"], repr(row["amount"])] for row in rows]


def _draw(rows: list[dict[str, Any]], theme: str, axis: str, *, one_month: bool) -> str:
    """Columns by month, one colour for each behaviour; of a single month, a bar for each behaviour."""
    import altair
    import vl_convert

    colours = THEMES[theme]
    names = sorted({row["kind"] for row in rows})
    amount = "sum(amount):Q"
    base = altair.Chart(altair.InlineData(values=rows))
    scale = altair.Scale(domain=names, range=[COLOURS[theme][at % 8] for at in range(len(names))])
    legend = altair.Legend(title=None, orient="bottom", columns=2, labelLimit=160)
    if one_month:
        marks = base.mark_bar(cornerRadiusEnd=4, size=16, color=COLOURS[theme][0]).encode(
            y=altair.Y(
                "kind:N", sort="-x", title=None, axis=altair.Axis(labelLimit=190, ticks=False, domain=False)
            ),
            x=altair.X(amount, title=axis, axis=altair.Axis(tickCount=4)),
        )
        size = {"width": 190, "height": 30 * len(names)}
    else:
        marks = base.mark_bar(size=18).encode(
            x=altair.X("month:O", sort=None, title=None, axis=altair.Axis(labelAngle=-35, ticks=False)),
            y=altair.Y(amount, title=axis, axis=altair.Axis(tickCount=4)),
            color=altair.Color("kind:N", scale=scale, legend=legend),
        )
        size = {"width": 300, "height": 190}
    whole = (
        marks.properties(**size)
        .configure(background="transparent", font=FONT, padding=8)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=colours["soft"],
            titleColor=colours["soft"],
            gridColor=colours["line"],
            domainColor=colours["line"],
            tickColor=colours["line"],
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
        )
        .configure_legend(labelColor=colours["ink"], labelFontSize=12, symbolType="square")
    )
    return str(vl_convert.vegalite_to_svg(whole.to_dict()))
