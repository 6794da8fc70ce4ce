"""Trades: what a company bought and sold, how to pay what waits, and the serial numbers of what is settled."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from tanpuhui.copies import market_words as words
from tanpuhui.market.models import Trade, TradeEnding
from tanpuhui.market.trade import find_trade
from tanpuhui.registry.serial import written
from tanpuhui.web.company.owner import looks, mine
from tanpuhui.web.shared.access import own_or_404

PER_PAGE = 25


@looks
def trades(request: HttpRequest) -> HttpResponse:
    """Every trade of the company, newest first."""
    page = Paginator(_own(request), PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request, "company/trades.html", {"page": page, "rows": [_row(request, one) for one in page]}
    )


@looks
def trade(request: HttpRequest, reference: str) -> HttpResponse:
    """One trade: how it stands, how to pay it, or which serial numbers moved."""
    known = find_trade(reference)
    if known is None:
        raise Http404
    found = own_or_404(_own(request), pk=known.pk)
    row = _row(request, found)
    ending = row["ending"]
    row["serials"] = [written(found.lot, first, last) for first, last in ending.ranges] if ending else []
    return render(request, "company/trade_one.html", row)


def _own(request: HttpRequest) -> QuerySet[Trade]:
    own = mine(request).organisation
    found = Trade.objects.filter(Q(seller=own) | Q(buyer=own))
    return found.select_related("seller", "buyer", "lot", "ending").order_by("-id")


def _row(request: HttpRequest, found: Trade) -> dict[str, Any]:
    ending: TradeEnding | None = getattr(found, "ending", None)
    return {
        "trade": found,
        "ending": ending,
        "state": ending.outcome if ending else words.WAITING,
        "way": words.way_name(found.way),
        "we_buy": found.buyer_id == mine(request).organisation.pk,
    }
