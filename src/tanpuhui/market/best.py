"""Best: buy so many tonnes at the best prices that are listed. The answer says what was taken and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tanpuhui.access.models import Organisation
from tanpuhui.market.answer import Answer, once
from tanpuhui.market.control import is_within_band, read_price, refuse_large_order, refuse_position
from tanpuhui.market.listing import left_t, open_listings, take_part
from tanpuhui.market.member import are_one, get_member, may_trade
from tanpuhui.market.models import Listing
from tanpuhui.market.refusals import NotEnoughOffered
from tanpuhui.market.rule import MarketRule, market_rule
from tanpuhui.market.trade import describe as describe_trade
from tanpuhui.market.units import is_locked, newest_lock
from tanpuhui.money.account import lock_money
from tanpuhui.money.amounts import to_text
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.units import lock_lots

DEARER = "dearer than asked for"


@dataclass(frozen=True)
class BuyOrder:
    """So many tonnes of a product (units of a place), or of one lot, at a price of a tonne at most: all, or nothing."""

    key: str
    buyer: str
    product: str
    tonnes: int
    most_price: str
    currency: str
    lot: str | None = None


@dataclass(frozen=True)
class Step:
    """Tonnes of one listing, in the order in which they are taken, and why it is its turn."""

    listing: Listing
    tonnes: int
    why: str


def buy(order: BuyOrder, place: Jurisdiction, *, at: datetime) -> Answer:
    """Take the cheapest listings first, of one price the oldest; every trade settles at once or waits for its money."""
    content = [order.buyer, order.product, order.tonnes, order.most_price, order.currency, order.lot]
    return once("buy", order.key, content, lambda: _buy(order, place, at), at=at)


def _buy(order: BuyOrder, place: Jurisdiction, at: datetime) -> dict[str, Any]:
    rule = market_rule(place, at)
    most_minor = read_price(rule, order.most_price, order.currency)
    refuse_large_order(rule, order.tonnes, most_minor)
    lock_money()
    buyer = get_member(order.buyer)
    found = open_listings(at, product=order.product, lot=order.lot)
    lock_lots(listing.lot_id for listing in found)
    passed_over = {listing.pk: _why_not(listing, buyer, most_minor, rule) for listing in found}
    steps = decide(
        [(listing, left_t(listing)) for listing in found if not passed_over[listing.pk]], order.tonnes
    )
    why_not = [
        {
            "listing": listing.pk,
            "price": to_text(listing.price_minor, listing.currency),
            "why": passed_over[listing.pk],
        }
        for listing in found
        if passed_over[listing.pk]
    ]
    offered_t = sum(step.tonnes for step in steps)
    if offered_t < order.tonnes:
        raise NotEnoughOffered(
            wanted_t=order.tonnes,
            most_price=order.most_price,
            currency=rule.currency,
            offered_t=offered_t,
            buyer=buyer.code,
            passed_over="; ".join(
                f"listing {one['listing']} at {one['price']}: {one['why']}" for one in why_not
            )
            or "nothing else is listed",
        )
    refuse_position(rule, buyer, order.tonnes)
    trades = [(step, take_part(step.listing, buyer, step.tonnes, rule, at=at)) for step in steps]
    return {
        "buyer": buyer.code,
        "product": order.product,
        "tonnes": order.tonnes,
        "amount": to_text(sum(trade.amount_minor for _, trade in trades), rule.currency),
        "currency": rule.currency,
        "taken": [
            {
                "listing": step.listing.pk,
                "price": to_text(step.listing.price_minor, rule.currency),
                "tonnes": step.tonnes,
                "why": step.why,
                "trade": trade.reference,
            }
            for step, trade in trades
        ],
        "passed_over": why_not,
        "trades": [describe_trade(trade) for _, trade in trades],
    }


def decide(found: list[tuple[Listing, int]], wanted_t: int) -> list[Step]:
    """Which listings are taken: in the order given (price, then time) until there is enough."""
    steps: list[Step] = []
    for listing, left in found:
        if wanted_t == 0:
            break
        tonnes = min(left, wanted_t)
        before = steps[-1].listing.price_minor if steps else None
        why = "lowest price" if before is None else "next price"
        if before == listing.price_minor:
            why = "same price, listed later"
        why += "; all that is left of it" if tonnes == left else f"; {tonnes} t of {left} t were still wanted"
        steps.append(Step(listing, tonnes, why))
        wanted_t -= tonnes
    return steps


def _why_not(listing: Listing, buyer: Organisation, most_minor: int, rule: MarketRule) -> str:
    """Why a listing is passed over; nothing where it may be taken."""
    if listing.price_minor > most_minor:
        return DEARER
    if are_one(listing.seller, buyer):
        return "of the buyer itself or its group"
    if not may_trade(listing.seller):
        return "its seller is suspended"
    if not is_within_band(rule, listing.product, listing.price_minor):
        return "outside of today's price band"
    return "" if is_locked(newest_lock(listing)) else "its lot was annulled"
