"""Expire: what nobody took, accepted or paid in time ends, as does what an annulment undid; units are free again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from tanpuhui.market.auction import end_without_sale
from tanpuhui.market.models import (
    Auction,
    AuctionEnding,
    Listing,
    ListingEnding,
    Proposal,
    ProposalEnding,
    Trade,
    TradeEnding,
)
from tanpuhui.market.rule import market_rule
from tanpuhui.market.trade import end_unpaid
from tanpuhui.market.units import free, newest_lock
from tanpuhui.money.account import lock_money
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.units import lock_lots

_ANNULLED = Q(lot__annulment__isnull=False)


def expire(place: Jurisdiction, *, at: datetime, most: int = 100) -> dict[str, int]:
    """End at most so many of each kind, in the caller's transaction; answers how many. Nothing left: all are zero.

    An auction whose time is over waits to be cleared.
    """
    rule = market_rule(place, at)
    lock_money()
    due = Q(expires_at__lte=at) | _ANNULLED
    ended: dict[str, list[Any]] = {
        "trades": list(_due(Trade, Q(pay_by__lte=at) | _ANNULLED)[:most]),
        "listings": list(_due(Listing, due)[:most]),
        "proposals": list(_due(Proposal, due)[:most]),
        "auctions": list(_due(Auction, _ANNULLED)[:most]),
    }
    lock_lots(row.lot_id for rows in ended.values() for row in rows)
    for trade in ended["trades"]:
        lost = hasattr(trade.lot, "annulment")
        end_unpaid(trade, TradeEnding.LOST if lost else TradeEnding.EXPIRED, day=rule.day, at=at)
    for listing in ended["listings"]:
        free(newest_lock(listing), day=rule.day, at=at)
        ListingEnding.objects.create(listing=listing, outcome=_outcome(listing), reason="", at=at)
    for proposal in ended["proposals"]:
        free(newest_lock(proposal), day=rule.day, at=at)
        ProposalEnding.objects.create(proposal=proposal, outcome=_outcome(proposal), reason="", at=at)
    for auction in ended["auctions"]:
        end_without_sale(auction, AuctionEnding.LOST, "", rule=rule, at=at)
    return {kind: len(rows) for kind, rows in ended.items()}


def _due(kind: type[Trade | Listing | Proposal | Auction], due: Q) -> QuerySet[Any]:
    found = kind._default_manager.filter(due, ending__isnull=True)
    return found.select_related("lot__annulment").order_by("id")


def _outcome(offered: Listing | Proposal) -> str:
    return ListingEnding.LOST if hasattr(offered.lot, "annulment") else ListingEnding.EXPIRED
