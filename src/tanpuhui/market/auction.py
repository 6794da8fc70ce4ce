"""Auction: sealed bids with their money held, one price for all, units and money moved together when it is cleared.

Sealed means: no verb, page or command shows a bid, or how many there are, before the auction is cleared. Whoever reads
the database itself could; there is no commitment scheme.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.ledger.release import release_all
from tanpuhui.market.answer import Answer, once
from tanpuhui.market.clearing import AuctionBid, Clearing, Fill, clear
from tanpuhui.market.control import read_price, refuse_large_order, refuse_position
from tanpuhui.market.listing import read_time
from tanpuhui.market.member import are_one, get_member, may_trade, refuse_outsider, refuse_self_trade
from tanpuhui.market.models import Auction, AuctionEnding, Bid, BidEnding, Trade, UnitLock
from tanpuhui.market.refusals import (
    AuctionOpen,
    AuctionOver,
    BadTonnes,
    BidUnderReserve,
    NotEnoughMoney,
    UnitsGone,
    UnknownAuction,
)
from tanpuhui.market.rule import MarketRule, market_rule
from tanpuhui.market.trade import settle
from tanpuhui.market.units import free, get_lot, is_locked, lock_for, newest_lock, refuse_unless_free
from tanpuhui.money.account import available_minor, lock_money, money_account, money_asset
from tanpuhui.money.amounts import to_text
from tanpuhui.money.deposit import deposit_reference
from tanpuhui.quantify.jurisdiction import Jurisdiction

REASON = "market.bid"
BATCH = 5_000
SUSPENDED, ONE_GROUP, NOT_CLEARED = "suspended", "one_group", "not_cleared"


@dataclass(frozen=True)
class AuctionOrder:
    """Auction tonnes of a lot off, at a reserve price of a tonne at least; bids come in until it closes."""

    key: str
    seller: str
    lot: str
    tonnes: int
    reserve: str
    currency: str
    closes_at: datetime


@dataclass(frozen=True)
class BidOrder:
    """So many tonnes at most at a price of a tonne at most, once under its key. A bid is not taken back."""

    key: str
    auction: int
    buyer: str
    tonnes: int
    price: str
    currency: str


def open_auction(order: AuctionOrder, place: Jurisdiction, *, at: datetime) -> Answer:
    """Lock a seller's units and ask for bids, in the caller's transaction."""
    content = [order.seller, order.lot, order.tonnes, order.reserve, order.currency]
    content.append(order.closes_at.isoformat())
    return once("open_auction", order.key, content, lambda: _open(order, place, at), at=at)


def bid(order: BidOrder, place: Jurisdiction, *, at: datetime) -> Answer:
    """Enter a sealed bid and hold its money: the most that it can cost."""
    content = [order.auction, order.buyer, order.tonnes, order.price, order.currency]
    return once("bid", order.key, content, lambda: _bid(order, place, at), at=at)


def clear_auction(number: int, place: Jurisdiction, *, key: str, at: datetime) -> Answer:
    """Clear a closed auction: winners' money and units move in one transaction, all other money is let go."""
    return once("clear", key, [number], lambda: _clear(number, place, at), at=at)


def _open(order: AuctionOrder, place: Jurisdiction, at: datetime) -> dict[str, Any]:
    rule = market_rule(place, at)
    price_minor = read_price(rule, order.reserve, order.currency)
    refuse_large_order(rule, order.tonnes, price_minor)
    closes_at = read_time(rule, order.closes_at, at)
    lock_money()
    seller, lot = get_member(order.seller), get_lot(order.lot)
    refuse_unless_free(seller, lot, order.tonnes)
    made = Auction.objects.create(
        seller=seller,
        lot=lot,
        tonnes=order.tonnes,
        price_minor=price_minor,
        currency=rule.currency,
        rule=rule.name,
        expires_at=closes_at,
        at=at,
    )
    lock_for(made, made.tonnes, day=rule.day, at=at)
    return describe(made)


def _bid(order: BidOrder, place: Jurisdiction, at: datetime) -> dict[str, Any]:
    rule = market_rule(place, at)
    price_minor = read_price(rule, order.price, order.currency)
    refuse_large_order(rule, order.tonnes, price_minor)
    lock_money()
    buyer, auction = get_member(order.buyer), get_auction(order.auction)
    refuse_over(auction)
    if auction.expires_at <= at:
        raise AuctionOver(auction=auction.pk, outcome="closed", at=auction.expires_at.isoformat())
    refuse_self_trade(seller=auction.seller, buyer=buyer)
    if order.tonnes > auction.tonnes:
        raise BadTonnes(tonnes=order.tonnes, most=auction.tonnes)
    if price_minor < auction.price_minor:
        raise BidUnderReserve(
            price=to_text(price_minor, rule.currency),
            currency=rule.currency,
            reserve=to_text(auction.price_minor, rule.currency),
        )
    refuse_position(rule, buyer, order.tonnes)
    account, amount_minor = money_account(buyer.pk), price_minor * order.tonnes
    lines = (HoldLine(account, money_asset(rule.currency), amount_minor),)
    held = hold(connection, HoldOrder(f"{REASON}:{order.key}", REASON, lines), at=at)
    if held.refusal is not None:
        raise NotEnoughMoney(
            buyer=buyer.code,
            currency=rule.currency,
            available=to_text(available_minor(account, rule.currency), rule.currency),
            wanted=to_text(amount_minor, rule.currency),
            reference=deposit_reference(buyer),
        )
    made = Bid.objects.create(
        auction=auction, buyer=buyer, price_minor=price_minor, tonnes=order.tonnes, hold_id=held.id, at=at
    )
    return {
        "bid": made.pk,
        "auction": auction.pk,
        "buyer": buyer.code,
        "tonnes": order.tonnes,
        "price": to_text(price_minor, rule.currency),
        "held": to_text(amount_minor, rule.currency),
        "currency": rule.currency,
        "closes_at": auction.expires_at.isoformat(),
    }


def _clear(number: int, place: Jurisdiction, at: datetime) -> dict[str, Any]:
    rule = market_rule(place, at)
    lock_money()
    auction = get_auction(number)
    refuse_over(auction)
    if at < auction.expires_at:
        raise AuctionOpen(auction=number, closes_at=auction.expires_at.isoformat())
    refuse_outsider(auction.seller)
    get_lot(auction.lot_id)
    held = newest_lock(auction)
    if not is_locked(held):
        raise UnitsGone(what=f"auction {number}", lot=auction.lot_id)
    bids = list(auction.bids.select_related("buyer").order_by("id"))
    shut_out = _shut_out(auction, bids)
    taking_part = [AuctionBid(one.pk, one.price_minor, one.tonnes) for one in bids if one.pk not in shut_out]
    found = clear(taking_part, auction.tonnes, auction.price_minor)
    _deliver(auction, held, bids, found, rule=rule, at=at)
    whys = {fill.number: fill for fill in (*found.fills, *shut_out.values())}
    BidEnding.objects.bulk_create(
        (BidEnding(bid=one, tonnes=whys[one.pk].tonnes, why=whys[one.pk].as_json()) for one in bids),
        batch_size=BATCH,
    )
    AuctionEnding.objects.create(
        auction=auction,
        outcome=AuctionEnding.CLEARED,
        reason="",
        price_minor=found.price_minor,
        sold_t=found.sold_t,
        above_t=found.above_t,
        at_price_t=found.at_price_t,
        at=at,
    )
    return describe(auction)


def _shut_out(auction: Auction, bids: list[Bid]) -> dict[int, Fill]:
    """Bids of members that may not trade any more, or not with this seller: they get nothing."""
    why: dict[int, str] = {}
    for buyer in {one.buyer_id: one.buyer for one in bids}.values():
        if not may_trade(buyer):
            why[buyer.pk] = SUSPENDED
        elif are_one(auction.seller, buyer):
            why[buyer.pk] = ONE_GROUP
    return {one.pk: Fill(one.pk, 0, why[one.buyer_id]) for one in bids if one.buyer_id in why}


def _deliver(
    auction: Auction, held: UnitLock, bids: list[Bid], found: Clearing, *, rule: MarketRule, at: datetime
) -> None:
    """Let all held money go and take winners' in the same transaction, so that nobody else can have it between."""
    release_all(connection, [one.hold_id for one in bids], at=at)
    won = {fill.number: fill.tonnes for fill in found.fills if fill.tonnes}
    if not won:
        free(held, day=rule.day, at=at)
        return
    trades = Trade.objects.bulk_create(
        (
            Trade(
                way=Trade.AUCTION,
                seller=auction.seller,
                buyer=one.buyer,
                lot=auction.lot,
                product=auction.product,
                tonnes=won[one.pk],
                price_minor=found.price_minor,
                amount_minor=won[one.pk] * found.price_minor,
                currency=auction.currency,
                auction=auction,
                bid=one,
                at=at,
            )
            for one in bids
            if one.pk in won
        ),
        batch_size=BATCH,
    )
    settle(trades, held, day=rule.day, at=at)


def end_without_sale(auction: Auction, outcome: str, reason: str, *, rule: MarketRule, at: datetime) -> None:
    """End an auction that is not cleared: units are the seller's again, and money the bidders'."""
    free(newest_lock(auction), day=rule.day, at=at)
    bids = list(auction.bids.order_by("id"))
    release_all(connection, [one.hold_id for one in bids], at=at)
    BidEnding.objects.bulk_create(
        (BidEnding(bid=one, tonnes=0, why=Fill(one.pk, 0, NOT_CLEARED).as_json()) for one in bids),
        batch_size=BATCH,
    )
    AuctionEnding.objects.create(
        auction=auction, outcome=outcome, reason=reason, sold_t=0, above_t=0, at_price_t=0, at=at
    )


def get_auction(number: int) -> Auction:
    """An auction by its number; refuses an unknown one."""
    found = Auction.objects.filter(pk=number).select_related("seller", "lot").first()
    if found is None:
        raise UnknownAuction(auction=number)
    return found


def auctions() -> list[Auction]:
    """Every auction, newest first."""
    return list(Auction.objects.select_related("seller", "lot").order_by("-id"))


def refuse_over(auction: Auction) -> None:
    """Refuse an auction that ended."""
    ended = AuctionEnding.objects.filter(pk=auction.pk).first()
    if ended is not None:
        raise AuctionOver(auction=auction.pk, outcome=ended.outcome, at=ended.at.isoformat())


def describe(auction: Auction) -> dict[str, Any]:
    """An auction as JSON-ready values; of bids there is nothing before it ended, and then everything."""
    ended = AuctionEnding.objects.filter(pk=auction.pk).first()
    said: dict[str, Any] = {
        "auction": auction.pk,
        "seller": auction.seller.code,
        "lot": auction.lot_id,
        "product": auction.product,
        "tonnes": auction.tonnes,
        "reserve": to_text(auction.price_minor, auction.currency),
        "currency": auction.currency,
        "state": ended.outcome if ended else "open",
        "closes_at": auction.expires_at.isoformat(),
        "rule": auction.rule,
    }
    if ended is None or ended.price_minor is None:
        return said
    return {
        **said,
        "price": to_text(ended.price_minor, auction.currency),
        "sold_t": ended.sold_t,
        "why": explain(ended, auction),
        "fills": [
            {
                "bid": one.bid_id,
                "buyer": one.bid.buyer.code,
                "bid_t": one.bid.tonnes,
                "bid_price": to_text(one.bid.price_minor, auction.currency),
                **one.why,
            }
            for one in BidEnding.objects.filter(bid__auction=auction)
            .select_related("bid__buyer")
            .order_by("pk")
        ],
    }


def explain(ended: AuctionEnding, auction: Auction) -> str:
    """How the price and the tonnes came about, in a sentence."""
    assert ended.price_minor is not None
    price = to_text(ended.price_minor, auction.currency)
    wanted = ended.above_t + ended.at_price_t
    if wanted < auction.tonnes:
        return (
            f"Bids want {wanted} t of {auction.tonnes} t at the reserve price of {price} {auction.currency}: "
            "all get what they bid for, at that price."
        )
    left = auction.tonnes - ended.above_t
    return (
        f"{price} {auction.currency} is the highest price at which bids want all {auction.tonnes} t: "
        f"{ended.above_t} t above it are filled, and the {left} t left are shared among {ended.at_price_t} t at it, "
        "rounded down, then by largest remainder, the earlier bid first."
    )
