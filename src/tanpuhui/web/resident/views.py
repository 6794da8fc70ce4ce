"""Home: what a resident avoided, what became of it, where it came from, and what is new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.close.summary import Summary, summary
from tanpuhui.kit.moment import utc_now
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.points.balance import balances_of
from tanpuhui.web.resident.chart import months_shown
from tanpuhui.web.resident.news import news_since
from tanpuhui.web.resident.visit import last_visit
from tanpuhui.web.resident.words import kind_of_methodology
from tanpuhui.web.shared.access import ResidentRequest, resident_page

ILLUSTRATIVE = "illustrative"


@dataclass(frozen=True)
class Source:
    """What one methodology gave this account, over all time."""

    key: str
    methodology: Methodology | None
    name: str
    status: str
    amount_mg: int


@resident_page
def home(request: HttpRequest) -> HttpResponse:
    """The account in a few numbers, each with a plain sentence."""
    resident = cast(ResidentRequest, request)
    now = utc_now()
    found = summary(resident.account, at=now, today=timezone.localdate(now))
    before = last_visit(resident.user, at=now)
    sources = sources_of(found)
    context = {
        "account": resident.account,
        "summary": found,
        "holdings": found.holdings,
        "sources": sources,
        "is_illustrative": any(source.status == ILLUSTRATIVE for source in sources),
        "table": table_of(found),
        "points": balances_of(resident.account, at=now),
        "before": before,
        "news": news_since(resident.account, before, at=now) if before else [],
    }
    return render(request, "resident/home.html", context)


def sources_of(found: Summary) -> list[Source]:
    """What each methodology gave, the most first."""
    statuses = found.statuses()
    sums: dict[str, int] = {}
    for credit in found.credits:
        sums[credit.methodology] = sums.get(credit.methodology, 0) + credit.amount_mg
    named = [(key, find_methodology(key), amount) for key, amount in sums.items()]
    return sorted(
        (
            Source(
                key,
                methodology,
                kind_of_methodology(methodology.kind if methodology else None),
                statuses[key],
                amount,
            )
            for key, methodology, amount in named
        ),
        key=lambda source: (-source.amount_mg, source.key),
    )


def table_of(found: Summary) -> dict[str, Any]:
    """What the chart shows, as a table: a row for each behaviour, a column for each month that has anything."""
    shown = months_shown(found)
    months = list(shown)
    kinds = sorted({kind for sums in shown.values() for kind in sums}, key=str)
    rows = [(kind_of_methodology(kind), [shown[month].get(kind, 0) for month in months]) for kind in kinds]
    sums: list[tuple[date, int]] = [(month, sum(shown[month].values())) for month in months]
    return {"months": months, "rows": rows, "sums": sums}
