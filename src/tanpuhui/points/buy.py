"""Buy: an organisation pays residents in a sponsor's points: money to the sponsor, points out of its funded budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from django.db import connection
from django.db.models import Max, Q

from tanpuhui.kit.digest import digest_json
from tanpuhui.ledger.account import KIND_BITS, Kind
from tanpuhui.ledger.legs import Legs
from tanpuhui.ledger.post_batch import post_batch
from tanpuhui.ledger.refusals import Insufficient
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.money.account import lock_money, money_account, money_asset
from tanpuhui.money.amounts import to_text
from tanpuhui.points.models import Earning, Purchase, Sponsor
from tanpuhui.points.refusals import BudgetShort, BuyerLacksMoney, NothingToBuy
from tanpuhui.points.sponsor import budget_account, liability_account, reserve_account

REASON = "points.buy"
AT_ONCE = 5_000


@dataclass(frozen=True)
class BuyOrder:
    """Whole points of a sponsor (1 or more each) for residents, by account, paid by an organisation, once."""

    key: str
    buyer: int
    points: Mapping[int, int]
    expires_at: datetime
    day: date


def buy(order: BuyOrder, sponsor: Sponsor, *, at: datetime) -> Purchase:
    """Buy in the caller's transaction. No reduction is touched: it is money that buys points, at their value."""
    lock_money()
    known = Purchase.objects.filter(key=order.key).first()
    if known is not None:
        return known
    total = sum(order.points.values())
    if not order.points or min(order.points.values()) < 1:
        raise NothingToBuy(points=total)
    _pay(order, sponsor, total, at)
    accounts = np.array(sorted(order.points), np.int64)
    amounts = np.array([order.points[account] for account in accounts.tolist()], np.int64)
    nothing = np.zeros(len(accounts), np.int64)
    made = post_batch(
        connection,
        key=f"{REASON}:{order.key}",
        manifest=digest_json([REASON, sponsor.code, order.buyer]),
        reason=REASON,
        effective_on=order.day,
        legs=Legs(
            accounts << KIND_BITS | int(Kind.RESIDENT_POINTS),
            nothing + sponsor.points_asset,
            amounts,
            nothing,
            nothing,
        ),
        counter=liability_account(sponsor.pk),
        at=at,
    )
    (tx,) = made.transaction_ids
    _earn(order, sponsor, tx, at)
    return Purchase.objects.create(
        key=order.key,
        sponsor=sponsor,
        buyer_id=order.buyer,
        points=total,
        point_value_minor=sponsor.point_value_minor,
        amount_minor=total * sponsor.point_value_minor,
        residents=len(order.points),
        tx_id=tx,
        expires_at=order.expires_at,
        at=at,
    )


def _pay(order: BuyOrder, sponsor: Sponsor, points: int, at: datetime) -> None:
    """Money from the buyer to the sponsor, and as much of the sponsor's budget behind the points."""
    worth = points * sponsor.point_value_minor
    payer, budget = money_account(order.buyer), budget_account(sponsor.pk)
    money, behind = money_asset(sponsor.currency), sponsor.money_asset
    legs = (
        *move(source=payer, target=money_account(sponsor.pk), asset_id=money, amount=worth),
        *move(source=budget, target=reserve_account(sponsor.pk), asset_id=behind, amount=worth),
    )
    answer = transfer(connection, TransferOrder(f"{REASON}:{order.key}", REASON, order.day, legs), at=at)
    if isinstance(answer.refusal, Insufficient):
        available = answer.refusal.facts["available"]
        if answer.refusal.facts["asset"].startswith("money:"):
            raise BuyerLacksMoney(
                currency=sponsor.currency,
                available=to_text(available, sponsor.currency),
                wanted=to_text(worth, sponsor.currency),
            )
        raise BudgetShort(
            points=points,
            wanted_minor=worth,
            currency=sponsor.currency,
            sponsor=sponsor.code,
            available_minor=available,
        )
    answer.accepted()


def _earn(order: BuyOrder, sponsor: Sponsor, tx: int, at: datetime) -> None:
    """Until when points are good: what comes later is never over sooner, as with conversions."""
    latest = dict(
        Earning.objects.filter(~Q(via=Earning.REFUND), sponsor=sponsor, account__in=list(order.points))
        .values("account")
        .annotate(latest=Max("expires_at"))
        .values_list("account", "latest")
    )
    Earning.objects.bulk_create(
        (
            Earning(
                sponsor=sponsor,
                account=account,
                points=points,
                via=Earning.PURCHASE,
                tx_id=tx,
                expires_at=max(order.expires_at, latest.get(account, order.expires_at)),
                at=at,
            )
            for account, points in sorted(order.points.items())
        ),
        batch_size=AT_ONCE,
    )
