"""On the market: a round's tonnes are listed at its price or more; what is traded is sold, the rest is kept again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tanpuhui.ledger.account import organisation
from tanpuhui.market.cancel import LISTING, CancelOrder, cancel
from tanpuhui.market.listing import ListOrder, left_t, list_units
from tanpuhui.market.models import Listing, ListingEnding, Trade, TradeEnding
from tanpuhui.market.rule import market_rule
from tanpuhui.market.units import free, newest_lock
from tanpuhui.money.account import lock_money
from tanpuhui.money.amounts import to_minor, to_text
from tanpuhui.pooling.models import MARKET, Offering, Round
from tanpuhui.pooling.refusals import KeyReused, NotForLess, NotSoMuchLeft
from tanpuhui.pooling.rounds import (
    closing_of,
    hold_round,
    is_annulled,
    keep,
    kept_t,
    refuse_over,
    set_free,
    sold_t,
)
from tanpuhui.pooling.sale import Sold, known_sale, record_sale
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.units import Range, lock_lots, ranges_as_json

#: What is asked for beyond is refused by the market's rule all the same.
MOST_DAYS = 10_000


@dataclass(frozen=True)
class OfferOrder:
    """So many tonnes of a round on the market, at a price of a tonne, for so many days, once under its key."""

    key: str
    round: int
    tonnes: int
    price: str
    days: int | None = None


def offer(order: OfferOrder, *, at: datetime) -> Offering:
    """List tonnes for the pool, in the caller's transaction; the market's own rules hold, and the round's price."""
    of_round = hold_round(order.round)
    pool = of_round.pool
    price_minor = to_minor(order.price, pool.currency)
    known = Offering.objects.filter(round=of_round, key=order.key).select_related("listing").first()
    if known is not None:
        if (known.tonnes, known.listing.price_minor) != (order.tonnes, price_minor):
            raise KeyReused(key=order.key)
        return known
    lock_money()
    refuse_over(of_round)
    if price_minor < of_round.price_minor:
        raise NotForLess(price_minor=price_minor, least_minor=of_round.price_minor)
    free_t = kept_t(of_round)
    if not 1 <= order.tonnes <= free_t:
        raise NotSoMuchLeft(wanted_t=order.tonnes, number=of_round.pk, left_t=free_t)
    key = f"pool-offer:{of_round.pk}:{order.key}"
    kept = set_free(of_round, key=key, at=at)
    wanted = ListOrder(
        key=key,
        seller=pool.code,
        lot=of_round.lot,
        tonnes=order.tonnes,
        price=to_text(price_minor, pool.currency),
        currency=pool.currency,
        expires_at=None if order.days is None else at + timedelta(days=min(max(order.days, 0), MOST_DAYS)),
    )
    listed = list_units(wanted, load_jurisdiction(pool.jurisdiction), at=at).accepted()
    keep(of_round, kept - order.tonnes, key=key, at=at)
    return Offering.objects.create(
        listing_id=listed["listing"], round=of_round, key=order.key, tonnes=order.tonnes, listed_at=at
    )


def settle_round(number: int, *, at: datetime) -> Round:
    """Write down what the market sold of a round, and keep again what came back from it. Again, it changes nothing."""
    of_round = hold_round(number)
    if closing_of(of_round) is not None or not of_round.offerings.exists():
        return of_round
    lock_money()
    lock_lots([of_round.lot])
    for trade in settled_trades(of_round):
        sold = _sold(trade)
        if known_sale(sold.key, sold.digest(of_round.pk)) is None:
            record_sale(of_round, sold)
    if not is_annulled(of_round):
        _keep_again(of_round, at)
    return of_round


def take_back(number: int, *, reason: str, at: datetime) -> Round:
    """Cancel what a round has listed; what waits for its money stays sold until that comes, or its time is over."""
    of_round = hold_round(number)
    lock_money()
    place = load_jurisdiction(of_round.pool.jurisdiction)
    for listing in open_listings(of_round):
        order = CancelOrder(f"pool-take-back:{listing.pk}", LISTING, listing.pk, reason, of_round.pool.code)
        if listing.expires_at > at:
            cancel(order, place, at=at).accepted()
        else:
            _expire(listing, at)
    return settle_round(number, at=at)


def waiting_t(of_round: Round) -> int:
    """Whole tonnes of a round that are listed, or bought and not paid."""
    return sum(left_t(listing) for listing in open_listings(of_round)) + sum(
        trade.tonnes for trade in _trades(of_round) if _ending(trade) is None
    )


def open_listings(of_round: Round) -> list[Listing]:
    """What a round has on offer on the market."""
    return list(
        Listing.objects.filter(pk__in=of_round.offerings.values("listing"), ending__isnull=True).order_by(
            "pk"
        )
    )


def settled_trades(of_round: Round) -> list[Trade]:
    """Trades of a round's listings of which both sides moved, in their order."""
    return [
        trade
        for trade in _trades(of_round)
        if (ended := _ending(trade)) is not None and ended.outcome == TradeEnding.SETTLED
    ]


def _trades(of_round: Round) -> list[Trade]:
    found = Trade.objects.filter(listing__in=of_round.offerings.values("listing"))
    return list(found.select_related("ending", "listing", "buyer").order_by("pk"))


def _ending(trade: Trade) -> TradeEnding | None:
    return getattr(trade, "ending", None)


def _keep_again(of_round: Round, at: datetime) -> None:
    kept = kept_t(of_round)
    back = of_round.tonnes - sold_t(of_round) - waiting_t(of_round) - kept
    assert back >= 0, "what is sold, listed and kept is no more than the round has"
    if back:
        key = f"pool-settle:{of_round.pk}:{of_round.keepings.count()}"
        set_free(of_round, key=key, at=at)
        keep(of_round, kept + back, key=key, at=at)


def _expire(listing: Listing, at: datetime) -> None:
    """End a listing whose time is over, as the market's own clock does later."""
    rule = market_rule(load_jurisdiction(listing.lot.jurisdiction), at)
    free(newest_lock(listing), day=rule.day, at=at)
    ListingEnding.objects.create(listing=listing, outcome=ListingEnding.EXPIRED, reason="", at=at)


def _sold(trade: Trade) -> Sold:
    ended = _ending(trade)
    assert ended is not None
    ranges: list[dict[str, Any]] = ranges_as_json(
        [Range(trade.lot_id, first, last) for first, last in ended.ranges]
    )
    return Sold(
        key=f"{MARKET}:{trade.reference}",
        via=MARKET,
        reference=trade.reference,
        buyer=organisation(trade.buyer_id),
        tonnes=trade.tonnes,
        amount_minor=trade.amount_minor,
        ranges=tuple(ranges),
        sold_at=ended.at,
    )
