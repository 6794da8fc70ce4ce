"""Statistics as pages: releases with their tables, and pictures of them."""

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
from tanpuhui.registry.models import PrivateRelease, StatisticsRelease
from tanpuhui.registry.private import MG_A_GRAM
from tanpuhui.registry.statistics import latest
from tanpuhui.web.public.chart import bars, narrow_bars
from tanpuhui.web.public.names import kind_name, month_name, sector_name
from tanpuhui.web.public.picture import svg_response

NEWEST = 24
#: The side of a district's square in the picture.
TILE = 72
LANGUAGES = dict(settings.LANGUAGES)
WIDTHS = {"wide": bars, "narrow": narrow_bars}


def page(request: HttpRequest, number: int | None = None) -> HttpResponse:
    """The release that stands, or an earlier one as it was."""
    last = latest()
    release = last if number is None else StatisticsRelease.objects.filter(pk=number).first()
    if number is not None and release is None:
        raise Http404
    context: dict[str, Any] = {"release": release, "is_last": release == last}
    if release is not None:
        context |= _tables(release.body)
        context["releases"] = StatisticsRelease.objects.order_by("-id").only("id", "published_at")[:NEWEST]
    return render(request, "public/statistics.html", context)


def chart(request: HttpRequest, number: int, name: str, language: str, width: str) -> HttpResponse:
    """A picture of one table of a release, in one language, for a wide screen or a narrow one."""
    release = StatisticsRelease.objects.filter(pk=number).first()
    if release is None or name not in CHARTS or language not in LANGUAGES or width not in WIDTHS:
        raise Http404
    with translation.override(language):
        rows, title = CHARTS[name](release.body)
        axis = _("kg CO₂ equivalent")
    if not rows:
        raise Http404
    shows = [name, width, rows, title, axis]
    return svg_response(request, shows, lambda: WIDTHS[width](rows, title=title, axis=axis))


def _tables(body: dict[str, Any]) -> dict[str, Any]:
    months = [row["month"] for row in body["months"]]
    by_key = {(cell["kind"], cell["month"]): cell for cell in body["cells"]}
    return {
        "body": body,
        "months": [{**row, "name": month_name(row["month"])} for row in body["months"]],
        "sectors": [{**row, "name": sector_name(row["sector"])} for row in body["sectors"]],
        "kinds": [
            {
                **row,
                "name": kind_name(row["kind"]),
                "sector_name": sector_name(row["sector"]),
                "cells": [by_key[row["kind"], month] for month in months],
            }
            for row in body["kinds"]
        ],
        "other": [kind_name(kind) for kind in body["other"]],
        "left_out": sum(cell["left_out"] for cell in body["cells"]),
    }


def _by_kind(body: dict[str, Any]) -> tuple[list[tuple[str, int]], str]:
    rows = [(kind_name(row["kind"]), row["credited_mg"]) for row in body["kinds"]]
    return rows, _("Credited reductions by kind of act")


def _by_month(body: dict[str, Any]) -> tuple[list[tuple[str, int]], str]:
    rows = [(month_name(row["month"]), row["credited_mg"]) for row in body["months"]]
    return rows, _("Credited reductions by month")


def _by_sector(body: dict[str, Any]) -> tuple[list[tuple[str, int]], str]:
    rows = [(sector_name(row["sector"]), row["credited_mg"]) for row in body["sectors"]]
    return rows, _("Credited reductions by sector")


CHARTS: dict[str, Callable[[dict[str, Any]], tuple[list[tuple[str, int]], str]]] = {
    "kinds": _by_kind,
    "months": _by_month,
    "sectors": _by_sector,
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


def _shade(grams: int | None, most: int) -> int:
    """0 where nothing is shown, otherwise 1 to 4."""
    return 0 if grams is None or not most else 1 + 4 * grams // (most + 1)


def format_decimal(millionths: int) -> str:
    """Millionths as a decimal without needless zeros.

    >>> format_decimal(1_000_000), format_decimal(250_000)
    ('1', '0.25')
    """
    return f"{millionths // 1_000_000}.{millionths % 1_000_000:06d}".rstrip("0").rstrip(".")
