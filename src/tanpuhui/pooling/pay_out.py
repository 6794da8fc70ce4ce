"""Pay out: what a sale brought goes to the residents whose milligrams it took, once, to the last unit."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from django.db import connection

from tanpuhui.kit.digest import digest_json
from tanpuhui.ledger.account import KIND_BITS, Kind
from tanpuhui.ledger.legs import Legs
from tanpuhui.ledger.post_batch import post_batch
from tanpuhui.ledger.refusals import Insufficient
from tanpuhui.money.account import available_minor, lock_money, money_account, money_asset
from tanpuhui.money.amounts import to_text
from tanpuhui.money.deposit import deposit_reference
from tanpuhui.points.buy import BuyOrder, buy
from tanpuhui.points.refusals import BuyerLacksMoney
from tanpuhui.points.rule import good_until
from tanpuhui.pooling.models import PayOut, Sale
from tanpuhui.pooling.refusals import PaidOutBefore, PoolLacksMoney
from tanpuhui.pooling.rounds import day_of, hold_round
from tanpuhui.pooling.sale import get_sale
from tanpuhui.quantify.jurisdiction import load_jurisdiction

REASON = "pool_pay"


def pay_out(number: int, *, key: str, at: datetime) -> PayOut:
    """Pay a sale out in the caller's transaction: all of it, or a refusal and nothing.

    The same key is answered as before. Points are bought at what they are worth, from the sponsor's budget; what is
    below one is paid in money.
    """
    sale = get_sale(number)
    hold_round(sale.round_id)
    known = PayOut.objects.filter(pk=sale.pk).first()
    if known is not None:
        if known.key == key:
            return known
        raise PaidOutBefore(number=number, day=known.paid_at.date())
    lock_money()
    money = _due(sale, "money_minor")
    points = _due(sale, "points")
    value = sale.round.pool.sponsor.point_value_minor if sale.round.pool.sponsor else 0
    try:
        _pay_money(sale, money, at)
        if points:
            _pay_points(sale, points, at)
    except (Insufficient, BuyerLacksMoney):
        raise _lacking(sale) from None
    return PayOut.objects.create(
        sale=sale,
        key=key,
        money_minor=sum(money.values()),
        points=sum(points.values()),
        points_minor=sum(points.values()) * value,
        residents=len(money.keys() | points.keys()),
        paid_at=at,
    )


def _due(sale: Sale, field: str) -> dict[int, int]:
    """What is due to each account, of those to whom something is."""
    due = sale.shares.filter(**{f"{field}__gte": 1}).order_by("account")
    return dict(due.values_list("account", field))


def _pay_money(sale: Sale, due: dict[int, int], at: datetime) -> None:
    if not due:
        return
    pool = sale.round.pool
    accounts = np.array(list(due), np.int64) << KIND_BITS | int(Kind.RESIDENT_MONEY)
    nothing = np.zeros(len(due), np.int64)
    post_batch(
        connection,
        key=f"{REASON}:{sale.pk}",
        manifest=digest_json([REASON, sale.key]),
        reason=REASON,
        effective_on=day_of(pool, at),
        legs=Legs(
            accounts,
            nothing + money_asset(sale.currency),
            np.array(list(due.values()), np.int64),
            nothing,
            nothing,
        ),
        counter=money_account(pool.pk),
        at=at,
    )


def _pay_points(sale: Sale, due: dict[int, int], at: datetime) -> None:
    pool = sale.round.pool
    assert pool.sponsor is not None, "points are a sponsor's"
    day = day_of(pool, at)
    until = good_until(load_jurisdiction(pool.jurisdiction), day, at)
    buy(BuyOrder(f"{REASON}:{sale.pk}", pool.pk, due, until, day), pool.sponsor, at=at)


def _lacking(sale: Sale) -> PoolLacksMoney:
    pool = sale.round.pool
    return PoolLacksMoney(
        number=sale.pk,
        currency=sale.currency,
        pool=pool.code,
        wanted=to_text(sale.amount_minor, sale.currency),
        available=to_text(available_minor(money_account(pool.pk), sale.currency), sale.currency),
        reference=deposit_reference(pool.organisation),
    )
