"""Statistics as pages: each month's tables as they were published, and pictures of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _

from tanpuhui.close.installation import jurisdiction
from tanpuhui.registry.districts import districts_of
from tanpuhui.registry.models import PrivateRelease
from tanpuhui.registry.monthly import Figures, MonthTable, tables
from tanpuhui.registry.private import MG_A_GRAM
from tanpuhui.web.public.chart import Bar, bars, narrow_bars
from tanpuhui.web.public.names import format_decimal, kind_name, month_name, sector_name
from tanpuhui.web.public.picture import svg_response

NEWEST = 24
#: The side of a district's square in the picture.
TILE = 72
LANGUAGES = dict(settings.LANGUAGES)
WIDTHS = {"wide": bars, "narrow": narrow_bars}


def page(request: HttpRequest, month: str | None = None) -> HttpResponse:
    """The newest month's statistics, or an earlier month's as they were published."""
    known = tables()
    table = next((one for one in known if month in (None, one.month)), None)
    if month is not None and table is None:
        raise Http404
    context: dict[str, Any] = {"table": table, "is_noisy": jurisdiction().private is not None}
    if table is not None:
        shown = [one for one in known if one.month <= table.month][:NEWEST]
        context |= {
            "body": table.body,
            "month_name": month_name(table.month),
            "everybody": table.everybody,
            "kinds": [_named(row) for row in table.rows],
            "shown_kinds": sum(not row.left_out for row in table.rows),
            "other": [kind_name(kind) for kind in table.other],
            "epsilon": format_decimal(table.body["epsilon_millionths"]) if table.noisy else "",
            "months": [
                {"month": one.month, "name": month_name(one.month), "all": one.everybody} for one in shown
            ],
            "shown_months": sum(not one.everybody.left_out for one in shown),
            "tells_persons": all(row.left_out or row.persons is not None for row in table.rows),
            "is_last": table == known[0],
            "others": [one.month for one in known if one.month != table.month][:NEWEST],
        }
    return render(request, "public/statistics.html", context)


def chart(request: HttpRequest, month: str, name: str, language: str, width: str) -> HttpResponse:
    """A picture of a month's kinds of act, or of the months up to it, in one language, for one width of screen."""
    if name not in CHARTS or language not in LANGUAGES or width not in WIDTHS:
        raise Http404
    known = [one for one in tables() if one.month <= month]
    if not known or known[0].month != month:
        raise Http404
    with translation.override(language):
        rows, title = CHARTS[name](known)
        axis = _("kg CO₂ equivalent")
    if not rows:
        raise Http404
    shows = [name, width, rows, title, axis]
    return svg_response(request, shows, lambda: WIDTHS[width](rows, title=title, axis=axis))


def _named(row: Figures) -> dict[str, Any]:
    return {"all": row, "name": kind_name(row.kind), "sector": sector_name(row.sector)}


def _by_kind(known: list[MonthTable]) -> tuple[list[Bar], str]:
    rows = [Bar(kind_name(row.kind), *_bar(row)) for row in known[0].rows if not row.left_out]
    return rows, _("Credited reductions by kind of act")


def _by_month(known: list[MonthTable]) -> tuple[list[Bar], str]:
    shown = [one for one in known[:NEWEST] if not one.everybody.left_out]
    rows = [Bar(month_name(one.month), *_bar(one.everybody)) for one in reversed(shown)]
    return rows, _("Credited reductions by month")


def _bar(row: Figures) -> tuple[int, int]:
    return row.credited_mg or 0, row.credited_error_mg


CHARTS: dict[str, Callable[[list[MonthTable]], tuple[list[Bar], str]]] = {
    "kinds": _by_kind,
    "months": _by_month,
}


def districts(request: HttpRequest, month: str | None = None) -> HttpResponse:
    """A month's figures of each district, with their noise: a map of tiles and the table of the same numbers."""
    releases = PrivateRelease.objects.order_by("-month")
    release = releases.first() if month is None else releases.filter(month=month).first()
    if month is not None and release is None:
        raise Http404
    context: dict[str, Any] = {
        "release": release,
        "months": releases.values_list("month", flat=True)[:NEWEST],
    }
    if release is not None:
        context |= _map(release.body)
    return render(request, "public/districts.html", context)


def _map(body: dict[str, Any]) -> dict[str, Any]:
    found = {row["code"]: row for row in body["districts"]}
    most = max((row["credited_g"] for row in body["districts"] if not row["left_out"]), default=0)
    language = translation.get_language() or ""
    tiles = [
        {
            **found[one.code],
            "name": one.name(language),
            "x": (one.column - 1) * TILE,
            "y": (one.row - 1) * TILE,
            "shade": 0
            if found[one.code]["left_out"] or not most
            else 1 + 4 * found[one.code]["credited_g"] // (most + 1),
            "credited_mg": (found[one.code]["credited_g"] or 0) * MG_A_GRAM,
        }
        for one in districts_of(jurisdiction())
        if one.code in found
    ]
    return {
        "body": body,
        "tiles": tiles,
        "width": max((tile["x"] for tile in tiles), default=0) + TILE,
        "height": max((tile["y"] for tile in tiles), default=0) + TILE,
        "error_mg": body["credited_error_g"] * MG_A_GRAM,
        "epsilon": format_decimal(body["epsilon_millionths"]),
        "month_name": month_name(body["month"]),
    }
