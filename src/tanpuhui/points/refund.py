"""Refund: points of a captured redemption go back to the person, all or a part, and the merchant is paid less."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Sum

from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.points.answer import Answer, once
from tanpuhui.points.convert import earn
from tanpuhui.points.models import Closing, Earning, Redemption, Refund, Sponsor
from tanpuhui.points.refusals import RefundTooLarge, UnknownRedemption
from tanpuhui.points.sponsor import get_organisation, resident_account, taken_account

REASON = "points.refund"
#: What comes back is good so long at least, even where it would be over by now.
GOOD_FOR = timedelta(days=30)


@dataclass(frozen=True)
class RefundOrder:
    """Points (1 or more) of a redemption that its merchant gives back, once, and why."""

    key: str
    redemption: int
    organisation: str
    points: int
    reason: str


def refund(order: RefundOrder, *, day: date, at: datetime) -> Answer:
    """Refund once, in the caller's transaction; several refunds together are never more than was captured.

    The stock of the offer stays what it is: something was given, or was not; the merchant publishes more if there is.
    """
    content = [order.redemption, order.organisation, order.points, order.reason]
    return once("refund", order.key, content, lambda: _refund(order, day, at), at=at)


def refunded(redemption: int) -> int:
    """What went back of a redemption so far."""
    found = Refund.objects.filter(redemption_id=redemption).aggregate(points=Sum("points", default=0))
    return int(found["points"])


def _refund(order: RefundOrder, day: date, at: datetime) -> dict[str, Any]:
    organisation = get_organisation(order.organisation)
    found = Redemption.objects.filter(pk=order.redemption, organisation_id=organisation.pk).first()
    if found is None:
        raise UnknownRedemption(redemption=order.redemption)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('tanpuhui.points.refund', %s))", [order.redemption]
        )
    closing = Closing.objects.filter(pk=order.redemption, state=Closing.CAPTURED).first()
    captured, before = (closing.points if closing else 0), refunded(order.redemption)
    if not 1 <= order.points <= captured - before:
        raise RefundTooLarge(
            redemption=order.redemption, captured=captured, refunded=before, wanted=order.points
        )
    sponsor = Sponsor.objects.get(pk=found.sponsor_id)
    legs = move(
        source=taken_account(organisation.pk),
        target=resident_account(found.account),
        asset_id=sponsor.points_asset,
        amount=order.points,
        ref=found.pk,
    )
    posting = TransferOrder(f"{REASON}:{order.key}", REASON, day, legs)
    tx = transfer(connection, posting, at=at).accepted()
    made = Refund.objects.create(
        redemption=found,
        organisation_id=organisation.pk,
        sponsor_id=sponsor.pk,
        points=order.points,
        reason=order.reason,
        tx_id=tx,
        at=at,
    )
    earn(sponsor, found.account, order.points, via=Earning.REFUND, tx=tx, expires_at=at + GOOD_FOR, at=at)
    return {"refund": made.pk, "redemption": found.pk, "points": order.points, "account": found.account}
