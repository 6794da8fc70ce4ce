"""Listing: a seller offers whole tonnes at a price to everybody; others take all of it or a part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum

from tanpuhui.access.models import Organisation
from tanpuhui.market.answer import Answer, once
from tanpuhui.market.control import (
    read_price,
    refuse_bad_tonnes,
    refuse_large_order,
    refuse_outside_band,
    refuse_position,
)
from tanpuhui.market.member import get_member, refuse_outsider, refuse_self_trade
from tanpuhui.market.models import Listing, ListingEnding, Trade
from tanpuhui.market.refusals import BadTime, ListingOver, MoreThanListed, UnitsGone, UnknownListing
from tanpuhui.market.rule import MarketRule, market_rule
from tanpuhui.market.trade import deal
from tanpuhui.market.trade import describe as describe_trade
from tanpuhui.market.units import get_lot, is_locked, lock_for, newest_lock, refuse_unless_free
from tanpuhui.money.account import lock_money
from tanpuhui.money.amounts import to_text
from tanpuhui.quantify.jurisdiction import Jurisdiction


@dataclass(frozen=True)
class ListOrder:
    """Offer tonnes of a lot at a price of a tonne, until a moment: the rule's most days when left out."""

    key: str
    seller: str
    lot: str
    tonnes: int
    price: str
    currency: str
    expires_at: datetime | None = None


@dataclass(frozen=True)
class TakeOrder:
    """Take tonnes of one listing at its price, for a buyer, once under its key."""

    key: str
    listing: int
    buyer: str
    tonnes: int


def list_units(order: ListOrder, place: Jurisdiction, *, at: datetime) -> Answer:
    """Lock a seller's units and offer them, in the caller's transaction."""
    until = order.expires_at.isoformat() if order.expires_at else None
    content = [order.seller, order.lot, order.tonnes, order.price, order.currency, until]
    return once("list", order.key, content, lambda: _list(order, place, at), at=at)


def take(order: TakeOrder, place: Jurisdiction, *, at: datetime) -> Answer:
    """Take all or a part of a listing: the trade settles at once, or waits for its money."""
    content = [order.listing, order.buyer, order.tonnes]
    return once("take", order.key, content, lambda: _take(order, place, at), at=at)


def _list(order: ListOrder, place: Jurisdiction, at: datetime) -> dict[str, Any]:
    rule = market_rule(place, at)
    price_minor = read_price(rule, order.price, order.currency)
    refuse_large_order(rule, order.tonnes, price_minor)
    expires_at = read_time(rule, order.expires_at, at)
    lock_money()
    seller, lot = get_member(order.seller), get_lot(order.lot)
    refuse_outside_band(rule, lot.jurisdiction, price_minor)
    refuse_unless_free(seller, lot, order.tonnes)
    made = Listing.objects.create(
        seller=seller,
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


def _take(order: TakeOrder, place: Jurisdiction, at: datetime) -> dict[str, Any]:
    rule = market_rule(place, at)
    refuse_bad_tonnes(order.tonnes)
    lock_money()
    buyer, listing = get_member(order.buyer), get_listing(order.listing)
    refuse_over(listing, at)
    refuse_outsider(listing.seller)
    refuse_self_trade(seller=listing.seller, buyer=buyer)
    get_lot(listing.lot_id)
    refuse_outside_band(rule, listing.product, listing.price_minor)
    left = left_t(listing)
    if order.tonnes > left:
        raise MoreThanListed(listing=listing.pk, left_t=left, wanted_t=order.tonnes)
    refuse_large_order(rule, order.tonnes, listing.price_minor)
    refuse_position(rule, buyer, order.tonnes)
    return describe_trade(take_part(listing, buyer, order.tonnes, rule, at=at))


def take_part(listing: Listing, buyer: Organisation, tonnes: int, rule: MarketRule, *, at: datetime) -> Trade:
    """Make the trade of a part that was decided on, and end a listing of which nothing is left."""
    if not is_locked(newest_lock(listing)):
        raise UnitsGone(what=f"listing {listing.pk}", lot=listing.lot_id)
    trade = deal(listing, buyer, tonnes, rule, at=at)
    if left_t(listing) == 0:
        ListingEnding.objects.create(listing=listing, outcome=ListingEnding.TAKEN, reason="", at=at)
    return trade


def read_time(rule: MarketRule, given: datetime | None, at: datetime) -> datetime:
    """Until when an offer stands: after now, and no longer than the rule's days."""
    last = at + timedelta(days=rule.listing_days)
    if given is not None and not at < given <= last:
        raise BadTime(given=given.isoformat(), after=at.isoformat(), days=rule.listing_days)
    return given or last


def get_listing(number: int) -> Listing:
    """A listing by its number; refuses an unknown one."""
    found = Listing.objects.filter(pk=number).select_related("seller", "lot").first()
    if found is None:
        raise UnknownListing(listing=number)
    return found


def refuse_over(listing: Listing, at: datetime) -> None:
    """Refuse a listing that ended, or whose time is over."""
    ended = ListingEnding.objects.filter(pk=listing.pk).first()
    if ended is not None:
        raise ListingOver(listing=listing.pk, outcome=ended.outcome, at=ended.at.isoformat())
    if listing.expires_at <= at:
        raise ListingOver(
            listing=listing.pk, outcome=ListingEnding.EXPIRED, at=listing.expires_at.isoformat()
        )


def left_t(listing: Listing) -> int:
    """What nobody has taken. A trade that is not paid in time does not come back: its units are the seller's again."""
    taken = Trade.objects.filter(listing=listing).aggregate(tonnes=Sum("tonnes"))["tonnes"]
    return listing.tonnes - int(taken or 0)


def open_listings(at: datetime, *, product: str | None = None, lot: str | None = None) -> list[Listing]:
    """Listings that can be taken, by price, then by time: in the order in which the best are taken."""
    found = Listing.objects.filter(ending__isnull=True, expires_at__gt=at)
    if product is not None:
        found = found.filter(lot__jurisdiction=product)
    if lot is not None:
        found = found.filter(lot_id=lot)
    return list(found.select_related("seller", "lot").order_by("price_minor", "id"))


def describe(listing: Listing) -> dict[str, Any]:
    """A listing as JSON-ready values."""
    ended = ListingEnding.objects.filter(pk=listing.pk).first()
    return {
        "listing": listing.pk,
        "seller": listing.seller.code,
        "lot": listing.lot_id,
        "product": listing.product,
        "methodology": listing.lot.methodology,
        "vintage": listing.lot.vintage,
        "tonnes": listing.tonnes,
        "left_t": 0 if ended else left_t(listing),
        "price": to_text(listing.price_minor, listing.currency),
        "currency": listing.currency,
        "state": ended.outcome if ended else "open",
        "expires_at": listing.expires_at.isoformat(),
        "rule": listing.rule,
    }
