"""Cancel: a seller, or the operator, takes back what is offered; its units are free again. Made trades stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tanpuhui.access.models import Organisation
from tanpuhui.market import auction as auctions
from tanpuhui.market import listing as listings
from tanpuhui.market import negotiate as proposals
from tanpuhui.market.answer import Answer, once
from tanpuhui.market.member import get_organisation
from tanpuhui.market.models import AuctionEnding, ListingEnding, ProposalEnding
from tanpuhui.market.refusals import NotYours, ReasonMissing, UnknownKind
from tanpuhui.market.rule import MarketRule, market_rule
from tanpuhui.market.units import free, newest_lock
from tanpuhui.money.account import lock_money
from tanpuhui.quantify.jurisdiction import Jurisdiction

LISTING, PROPOSAL, AUCTION = "listing", "proposal", "auction"


@dataclass(frozen=True)
class CancelOrder:
    """Take back a listing, a proposal or an auction. Without an organisation it is the operator who does so."""

    key: str
    kind: str
    number: int
    reason: str
    organisation: str | None = None


def cancel(order: CancelOrder, place: Jurisdiction, *, at: datetime) -> Answer:
    """Cancel once, in the caller's transaction. Only the operator cancels an auction: bids are bound to it."""
    content = [order.kind, order.number, order.reason, order.organisation]
    return once("cancel", order.key, content, lambda: _cancel(order, place, at), at=at)


def _cancel(order: CancelOrder, place: Jurisdiction, at: datetime) -> dict[str, Any]:
    if not order.reason.strip():
        raise ReasonMissing()
    if order.kind not in (LISTING, PROPOSAL, AUCTION):
        raise UnknownKind(kind=order.kind)
    rule = market_rule(place, at)
    lock_money()
    if order.kind == LISTING:
        return _listing(order, rule, at)
    if order.kind == PROPOSAL:
        return _proposal(order, rule, at)
    auction = auctions.get_auction(order.number)
    if order.organisation is not None:
        raise NotYours(what=f"auction {auction.pk} with its bids", organisation=order.organisation)
    auctions.refuse_over(auction)
    auctions.end_without_sale(auction, AuctionEnding.CANCELLED, order.reason, rule=rule, at=at)
    return auctions.describe(auction)


def _listing(order: CancelOrder, rule: MarketRule, at: datetime) -> dict[str, Any]:
    listing = listings.get_listing(order.number)
    _refuse_others(order, listing.seller)
    listings.refuse_over(listing, at)
    free(newest_lock(listing), day=rule.day, at=at)
    ListingEnding.objects.create(listing=listing, outcome=ListingEnding.CANCELLED, reason=order.reason, at=at)
    return listings.describe(listing)


def _proposal(order: CancelOrder, rule: MarketRule, at: datetime) -> dict[str, Any]:
    proposal = proposals.get_proposal(order.number)
    _refuse_others(order, proposal.seller)
    proposals.refuse_over(proposal, at)
    free(newest_lock(proposal), day=rule.day, at=at)
    ProposalEnding.objects.create(
        proposal=proposal, outcome=ProposalEnding.CANCELLED, reason=order.reason, at=at
    )
    return proposals.describe(proposal)


def _refuse_others(order: CancelOrder, seller: Organisation) -> None:
    if order.organisation is not None and get_organisation(order.organisation).pk != seller.pk:
        raise NotYours(what=f"{order.kind} {order.number}", organisation=order.organisation)
