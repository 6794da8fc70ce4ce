"""Negotiate: a seller proposes tonnes at a price to one buyer, who accepts or declines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from tanpuhui.market.answer import Answer, once
from tanpuhui.market.control import read_price, refuse_large_order, refuse_outside_band, refuse_position
from tanpuhui.market.listing import read_time
from tanpuhui.market.member import get_member, get_organisation, refuse_outsider, refuse_self_trade
from tanpuhui.market.models import Proposal, ProposalEnding
from tanpuhui.market.refusals import NotYours, ProposalOver, UnitsGone, UnknownProposal
from tanpuhui.market.rule import market_rule
from tanpuhui.market.trade import deal
from tanpuhui.market.trade import describe as describe_trade
from tanpuhui.market.units import free, get_lot, is_locked, lock_for, newest_lock, refuse_unless_free
from tanpuhui.money.account import lock_money
from tanpuhui.money.amounts import to_text
from tanpuhui.quantify.jurisdiction import Jurisdiction


@dataclass(frozen=True)
class ProposeOrder:
    """Offer tonnes of a lot at a price of a tonne to one buyer, until a moment: the rule's most days when left out."""

    key: str
    seller: str
    buyer: str
    lot: str
    tonnes: int
    price: str
    currency: str
    expires_at: datetime | None = None


@dataclass(frozen=True)
class ReplyOrder:
    """A buyer's answer to a proposal, once under its key."""

    key: str
    proposal: int
    buyer: str


def propose(order: ProposeOrder, place: Jurisdiction, *, at: datetime) -> Answer:
    """Lock a seller's units and offer them to one buyer, in the caller's transaction."""
    until = order.expires_at.isoformat() if order.expires_at else None
    content = [order.seller, order.buyer, order.lot, order.tonnes, order.price, order.currency, until]
    return once("propose", order.key, content, lambda: _propose(order, place, at), at=at)


def accept(order: ReplyOrder, place: Jurisdiction, *, at: datetime) -> Answer:
    """Make the trade: it settles at once, or waits for its money."""
    return once("accept", order.key, [order.proposal, order.buyer], lambda: _accept(order, place, at), at=at)


def decline(order: ReplyOrder, place: Jurisdiction, *, at: datetime) -> Answer:
    """Let a proposal go; its units are the seller's again."""
    return once(
        "decline", order.key, [order.proposal, order.buyer], lambda: _decline(order, place, at), at=at
    )


def _propose(order: ProposeOrder, place: Jurisdiction, at: datetime) -> dict[str, Any]:
    rule = market_rule(place, at)
    price_minor = read_price(rule, order.price, order.currency)
    refuse_large_order(rule, order.tonnes, price_minor)
    expires_at = read_time(rule, order.expires_at, at)
    lock_money()
    seller, buyer, lot = get_member(order.seller), get_member(order.buyer), get_lot(order.lot)
    refuse_self_trade(seller=seller, buyer=buyer)
    refuse_outside_band(rule, lot.jurisdiction, price_minor, negotiated=True)
    refuse_unless_free(seller, lot, order.tonnes)
    made = Proposal.objects.create(
        seller=seller,
        buyer=buyer,
        lot=lot,
        tonnes=order.tonnes,
        price_minor=price_minor,
        currency=rule.currency,
        rule=rule.name,
        expires_at=expires_at,
        at=at,
    )
    lock_for(made, made.tonnes, day=rule.day, at=at)
    return describe(made)


def _accept(order: ReplyOrder, place: Jurisdiction, at: datetime) -> dict[str, Any]:
    rule = market_rule(place, at)
    lock_money()
    proposal = _open_to(order, at)
    for side in (proposal.seller, proposal.buyer):
        refuse_outsider(side)
    refuse_self_trade(seller=proposal.seller, buyer=proposal.buyer)
    get_lot(proposal.lot_id)
    if not is_locked(newest_lock(proposal)):
        raise UnitsGone(what=f"proposal {proposal.pk}", lot=proposal.lot_id)
    refuse_outside_band(rule, proposal.product, proposal.price_minor, negotiated=True)
    refuse_position(rule, proposal.buyer, proposal.tonnes)
    trade = deal(proposal, proposal.buyer, proposal.tonnes, rule, at=at)
    ProposalEnding.objects.create(proposal=proposal, outcome=ProposalEnding.ACCEPTED, reason="", at=at)
    return describe_trade(trade)


def _decline(order: ReplyOrder, place: Jurisdiction, at: datetime) -> dict[str, Any]:
    rule = market_rule(place, at)
    lock_money()
    proposal = _open_to(order, at)
    free(newest_lock(proposal), day=rule.day, at=at)
    ProposalEnding.objects.create(proposal=proposal, outcome=ProposalEnding.DECLINED, reason="", at=at)
    return describe(proposal)


def _open_to(order: ReplyOrder, at: datetime) -> Proposal:
    proposal = get_proposal(order.proposal)
    if get_organisation(order.buyer).pk != proposal.buyer_id:
        raise NotYours(what=f"proposal {proposal.pk}", organisation=order.buyer)
    refuse_over(proposal, at)
    return proposal


def get_proposal(number: int) -> Proposal:
    """A proposal by its number; refuses an unknown one."""
    found = Proposal.objects.filter(pk=number).select_related("seller", "buyer", "lot").first()
    if found is None:
        raise UnknownProposal(proposal=number)
    return found


def proposals(organisation: str | None = None) -> list[Proposal]:
    """Proposals, newest first: of all, or from or for one organisation."""
    found = Proposal.objects.select_related("seller", "buyer", "lot").order_by("-id")
    if organisation is not None:
        found = found.filter(Q(seller__code=organisation) | Q(buyer__code=organisation))
    return list(found)


def refuse_over(proposal: Proposal, at: datetime) -> None:
    """Refuse a proposal that ended, or whose time is over."""
    ended = ProposalEnding.objects.filter(pk=proposal.pk).first()
    if ended is not None:
        raise ProposalOver(proposal=proposal.pk, outcome=ended.outcome, at=ended.at.isoformat())
    if proposal.expires_at <= at:
        raise ProposalOver(
            proposal=proposal.pk, outcome=ProposalEnding.EXPIRED, at=proposal.expires_at.isoformat()
        )


def describe(proposal: Proposal) -> dict[str, Any]:
    """A proposal as JSON-ready values."""
    ended = ProposalEnding.objects.filter(pk=proposal.pk).first()
    return {
        "proposal": proposal.pk,
        "seller": proposal.seller.code,
        "buyer": proposal.buyer.code,
        "lot": proposal.lot_id,
        "product": proposal.product,
        "tonnes": proposal.tonnes,
        "price": to_text(proposal.price_minor, proposal.currency),
        "amount": to_text(proposal.price_minor * proposal.tonnes, proposal.currency),
        "currency": proposal.currency,
        "state": ended.outcome if ended else "open",
        "expires_at": proposal.expires_at.isoformat(),
        "rule": proposal.rule,
    }
