"""Give: points from one resident to another, refused unless the jurisdiction's rule says that they may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from tanpuhui.consent.show import get_resident
from tanpuhui.ledger.asset import points_code
from tanpuhui.ledger.refusals import Insufficient
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.points.answer import Answer, once
from tanpuhui.points.convert import earn
from tanpuhui.points.models import Earning
from tanpuhui.points.refusals import NotTransferable, TooFewToGive
from tanpuhui.points.rule import ConversionRule
from tanpuhui.points.sponsor import available_of_account, get_sponsor, resident_account

REASON = "points.give"


@dataclass(frozen=True)
class GiveOrder:
    """Points (1 or more) that go from one account to another, once."""

    key: str
    sponsor: str
    source: int
    target: int
    points: int
    day: date


def give(order: GiveOrder, rule: ConversionRule, *, at: datetime) -> Answer:
    """Give once, under the rule. What is given is over when the first of the giver's points would be.

    A repeat is the same order on the next day too, whatever rule has come since.
    """
    content = [order.sponsor, order.source, order.target, order.points]
    return once("give", order.key, content, lambda: _give(order, rule, at), at=at)


def _give(order: GiveOrder, rule: ConversionRule, at: datetime) -> dict[str, Any]:
    if not rule.transferable:
        raise NotTransferable(jurisdiction=rule.jurisdiction, source=rule.source)
    sponsor = get_sponsor(order.sponsor)
    get_resident(order.source)
    get_resident(order.target)
    available, _ = available_of_account(resident_account(order.source), points_code(sponsor.code))
    if not 1 <= order.points <= available or order.source == order.target:
        available = 0 if order.source == order.target else available
        raise TooFewToGive(account=order.source, available=available, wanted=order.points)
    legs = move(
        source=resident_account(order.source),
        target=resident_account(order.target),
        asset_id=sponsor.points_asset,
        amount=order.points,
    )
    answer = transfer(connection, TransferOrder(f"{REASON}:{order.key}", REASON, order.day, legs), at=at)
    if isinstance(answer.refusal, Insufficient):
        raise TooFewToGive(
            account=order.source, available=answer.refusal.facts["available"], wanted=order.points
        )
    tx = answer.accepted()
    soonest = (
        Earning.objects.filter(sponsor=sponsor, account=order.source, expires_at__gt=at)
        .order_by("expires_at")
        .values_list("expires_at", flat=True)
        .first()
    )
    earn(
        sponsor,
        order.target,
        order.points,
        via=Earning.TRANSFER,
        tx=tx,
        expires_at=soonest or rule.expires_at(at),
        at=at,
    )
    return {"sponsor": sponsor.code, "from": order.source, "to": order.target, "points": order.points}
