"""Expire: what nobody took, accepted or paid in time ends, as does what an annulment undid; units are free again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q

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

_ANNULLED = Q(lot__annulment__isnull=False)


def expire(place: Jurisdiction, *, at: datetime, most: int = 100) -> dict[str, int]:
    """End at most so many of each kind, in the caller's transaction; answers how many. Nothing left: all are zero.

    An auction whose time is over waits to be cleared.
    """
    rule = market_rule(place, at)
    lock_money()
    ended: dict[str, Any] = {}
    open_trades = Trade.objects.filter(ending__isnull=True).select_related("lock")
    ended["trades"] = list(open_trades.filter(Q(pay_by__lte=at) | _ANNULLED).order_by("id")[:most])
    for trade in ended["trades"]:
        lost = hasattr(trade.lot, "annulment")
        end_unpaid(trade, TradeEnding.LOST if lost else TradeEnding.EXPIRED, day=rule.day, at=at)
    over = Q(expires_at__lte=at) | _ANNULLED
    ended["listings"] = list(Listing.objects.filter(over, ending__isnull=True).order_by("id")[:most])
    for listing in ended["listings"]:
        free(newest_lock(listing), day=rule.day, at=at)
        ListingEnding.objects.create(listing=listing, outcome=_outcome(listing), reason="", at=at)
    ended["proposals"] = list(Proposal.objects.filter(over, ending__isnull=True).order_by("id")[:most])
    for proposal in ended["proposals"]:
        free(newest_lock(proposal), day=rule.day, at=at)
        ProposalEnding.objects.create(proposal=proposal, outcome=_outcome(proposal), reason="", at=at)
    ended["auctions"] = list(Auction.objects.filter(_ANNULLED, ending__isnull=True).order_by("id")[:most])
    for auction in ended["auctions"]:
        end_without_sale(auction, AuctionEnding.LOST, "", rule=rule, at=at)
    return {kind: len(rows) for kind, rows in ended.items()}


def _outcome(offered: Listing | Proposal) -> str:
    return ListingEnding.LOST if hasattr(offered.lot, "annulment") else ListingEnding.EXPIRED
