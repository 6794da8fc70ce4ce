"""Sell: tonnes of a round go to a company at a price, and its money to the pool, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tanpuhui.access.models import Organisation
from tanpuhui.access.organise import get_organisation
from tanpuhui.ledger.account import organisation
from tanpuhui.ledger.refusals import Insufficient
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.market.member import are_one, newest, refuse_outsider
from tanpuhui.money.account import lock_money, money_account, money_asset
from tanpuhui.money.amounts import to_text
from tanpuhui.money.deposit import deposit_reference
from tanpuhui.pooling.join import MOST_MINOR
from tanpuhui.pooling.models import DIRECT, Round, Sale
from tanpuhui.pooling.refusals import (
    BadRound,
    BuyerLacksMoney,
    NoBuyer,
    NotForLess,
    NotSoMuchLeft,
    PoolBuysNothing,
)
from tanpuhui.pooling.rounds import day_of, hand_over, hold_round, kept_t, refuse_over
from tanpuhui.pooling.sale import Sold, known_sale, record_sale
from tanpuhui.registry.units import ranges_as_json

REASON = "pool_sale"


@dataclass(frozen=True)
class SellOrder:
    """So many tonnes of a round to a company at a price for each, in minor units, once under its key."""

    key: str
    round: int
    buyer: str
    tonnes: int
    price_minor: int


def sell(order: SellOrder, *, at: datetime) -> Sale:
    """Sell in the caller's transaction: tonnes and money both, or neither. Asked again, it is answered as before."""
    buyer = get_organisation(order.buyer)
    of_round = hold_round(order.round)
    sold = Sold(
        key=f"{DIRECT}:{order.key}",
        via=DIRECT,
        reference=order.key,
        buyer=organisation(buyer.pk),
        tonnes=order.tonnes,
        amount_minor=order.tonnes * order.price_minor,
        ranges=(),
        sold_at=at,
    )
    known = known_sale(sold.key, sold.digest(of_round.pk))
    if known is not None:
        return known
    lock_money()
    _refuse(order, of_round, buyer)
    _take_money(order, of_round, buyer, at)
    ranges = hand_over(of_round, order.tonnes, to=sold.buyer, key=f"pool-sale:{order.key}", at=at)
    return record_sale(of_round, sold.with_ranges(ranges_as_json(ranges)))


def _refuse(order: SellOrder, of_round: Round, buyer: Organisation) -> None:
    if are_one(of_round.pool.organisation, buyer):
        raise PoolBuysNothing(buyer=buyer.code)
    if buyer.kind != Organisation.COMPANY:
        raise NoBuyer(buyer=buyer.code, kind=buyer.kind)
    known = newest(buyer)
    if known is not None:
        refuse_outsider(buyer)
    refuse_over(of_round)
    if order.price_minor < of_round.price_minor:
        raise NotForLess(price_minor=order.price_minor, least_minor=of_round.price_minor)
    free = kept_t(of_round)
    if not 1 <= order.tonnes <= free:
        raise NotSoMuchLeft(wanted_t=order.tonnes, number=of_round.pk, left_t=free)
    if order.price_minor > MOST_MINOR:
        raise BadRound(tonnes=order.tonnes, price_minor=order.price_minor, most=MOST_MINOR)


def _take_money(order: SellOrder, of_round: Round, buyer: Organisation, at: datetime) -> None:
    currency, amount = of_round.pool.currency, order.tonnes * order.price_minor
    legs = move(
        source=money_account(buyer.pk),
        target=money_account(of_round.pool_id),
        asset_id=money_asset(currency),
        amount=amount,
    )
    posted = TransferOrder(f"{REASON}:{order.key}", REASON, day_of(of_round.pool, at), legs)
    answer = transfer(connection, posted, at=at)
    if isinstance(answer.refusal, Insufficient):
        raise BuyerLacksMoney(
            buyer=buyer.code,
            currency=currency,
            wanted=to_text(amount, currency),
            available=to_text(answer.refusal.facts["available"], currency),
            reference=deposit_reference(buyer),
        )
    answer.accepted()
