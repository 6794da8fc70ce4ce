"""Convert: turn reductions into points of a sponsor, once, under the rule of the day and its budget.

Certified ones, and those pending of a methodology that is never certified: what a single household saved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Max, Q

from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.consent.show import get_resident
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.refusals import Insufficient
from tanpuhui.ledger.transfer import Leg, TransferOrder, move, transfer
from tanpuhui.points.answer import Answer, once
from tanpuhui.points.models import Conversion, ConversionLine, Earning, Sponsor
from tanpuhui.points.refusals import BudgetShort, NothingToConvert
from tanpuhui.points.rule import ConversionRule
from tanpuhui.points.sponsor import (
    budget_account,
    get_sponsor,
    liability_account,
    reserve_account,
    resident_account,
)
from tanpuhui.registry.pooled_only import is_household_alone

REASON = "points.convert"


@dataclass(frozen=True)
class ConvertOrder:
    """A conversion to make once; ``points`` of ``None`` is as many as there can be."""

    key: str
    sponsor: str
    account: int
    points: int | None
    day: date


@dataclass(frozen=True)
class Convertible:
    """What of a lot can be converted now: it is there, it is free, and it was not converted before.

    Of what is never certified it is what is pending of a methodology and vintage.
    """

    asset: int
    amount_mg: int
    kind: Kind = Kind.RESIDENT_CERTIFIED


def convert(order: ConvertOrder, rule: ConversionRule, *, at: datetime) -> Answer:
    """Convert once, in the caller's transaction: reductions out (if the rule says), points in, money reserved.

    A repeat is the same order on the next day too, whatever rule has come since.
    """
    content = [order.sponsor, order.account, order.points]
    return once("convert", order.key, content, lambda: _convert(order, rule, at), at=at)


def convertible_of(account: int) -> list[Convertible]:
    """What can be converted, what is never certified first, then the oldest lot."""
    pending = [
        Convertible(asset, amount_mg, Kind.RESIDENT_PENDING)
        for asset, code, amount_mg in _free_of(account, Kind.RESIDENT_PENDING)
        if _is_for_points(code)
    ]
    certified = [
        Convertible(asset, amount_mg) for asset, _, amount_mg in _free_of(account, Kind.RESIDENT_CERTIFIED)
    ]
    return pending + certified


def _is_for_points(code: str) -> bool:
    """Whether an asset, ``pending:CODE@VERSION:YEAR``, is of a methodology that is never certified."""
    methodology = find_methodology(code.removeprefix("pending:").rpartition(":")[0])
    return methodology is not None and is_household_alone(methodology)


def _free_of(account: int, kind: Kind) -> list[tuple[int, str, int]]:
    """Asset, its code and what is free of it in one of a person's accounts and was not converted before."""
    mine = account_id(kind, account)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.asset_id, a.code, least(b.available, c.amount - coalesce(d.amount, 0))::bigint "
            "FROM ledger_balance b JOIN points_came(%s) c ON c.account_id = b.account_id AND c.asset_id = b.asset_id "
            "LEFT JOIN (SELECT asset, sum(amount_mg) AS amount FROM points_conversion_line WHERE account = %s "
            "           GROUP BY 1) d ON d.asset = b.asset_id "
            "JOIN ledger_asset a ON a.id = b.asset_id "
            "WHERE b.account_id = %s AND least(b.available, c.amount - coalesce(d.amount, 0)) > 0 "
            "ORDER BY b.asset_id",
            [account, account, mine],
        )
        return [(asset, code, amount_mg) for asset, code, amount_mg in cursor.fetchall()]


def take_from(found: list[Convertible], amount_mg: int) -> list[Convertible]:
    """Parts of lots, in their order, that sum to an amount."""
    parts = []
    for one in found:
        part = min(one.amount_mg, amount_mg)
        if part:
            parts.append(replace(one, amount_mg=part))
        amount_mg -= part
    assert amount_mg == 0
    return parts


def _convert(order: ConvertOrder, rule: ConversionRule, at: datetime) -> dict[str, Any]:
    sponsor = get_sponsor(order.sponsor)
    get_resident(order.account)
    _one_at_a_time(order.account)
    found = convertible_of(order.account)
    convertible_mg = sum(one.amount_mg for one in found)
    most = convertible_mg // rule.mg_per_point
    points = most if order.points is None else order.points
    if not 1 <= points <= most:
        raise NothingToConvert(
            account=order.account,
            convertible_mg=convertible_mg,
            most=most,
            wanted=points,
            mg_per_point=rule.mg_per_point,
        )
    parts = take_from(found, points * rule.mg_per_point)
    tx = _post(order, rule, sponsor, parts, points=points, at=at)
    conversion = Conversion.objects.create(
        sponsor=sponsor,
        account=order.account,
        points=points,
        amount_mg=points * rule.mg_per_point,
        mg_per_point=rule.mg_per_point,
        consumed=rule.consumes_claim,
        jurisdiction=rule.jurisdiction,
        rule=rule.as_json(),
        tx_id=tx,
        expires_at=rule.expires_at(at),
        at=at,
    )
    ConversionLine.objects.bulk_create(
        ConversionLine(
            conversion=conversion, account=order.account, asset=part.asset, amount_mg=part.amount_mg
        )
        for part in parts
    )
    earning = earn(
        sponsor, order.account, points, via=Earning.CONVERSION, tx=tx, expires_at=rule.expires_at(at), at=at
    )
    return {
        "conversion": conversion.pk,
        "sponsor": sponsor.code,
        "account": order.account,
        "points": points,
        "amount_mg": conversion.amount_mg,
        "consumed": conversion.consumed,
        "expires_at": earning.expires_at.isoformat(),
        "status": rule.status,
    }


def earn(
    sponsor: Sponsor, account: int, points: int, *, via: str, tx: int, expires_at: datetime, at: datetime
) -> Earning:
    """Note until when points are good that came in. What comes later is never over sooner: first in, first out."""
    latest = Earning.objects.filter(~Q(via=Earning.REFUND), sponsor=sponsor, account=account).aggregate(
        latest=Max("expires_at")
    )["latest"]
    over = expires_at if latest is None or via == Earning.REFUND else max(expires_at, latest)
    return Earning.objects.create(
        sponsor=sponsor, account=account, points=points, via=via, tx_id=tx, expires_at=over, at=at
    )


def _post(
    order: ConvertOrder,
    rule: ConversionRule,
    sponsor: Sponsor,
    parts: list[Convertible],
    *,
    points: int,
    at: datetime,
) -> int:
    """One transaction of the ledger: each asset sums to zero on its own, so no gram is ever made from a point."""
    worth = points * sponsor.point_value_minor
    legs: list[Leg] = []
    if rule.consumes_claim:
        for part in parts:
            legs += move(
                source=account_id(part.kind, order.account),
                target=account_id(Kind.RETIRED, order.account),
                asset_id=part.asset,
                amount=part.amount_mg,
            )
    legs += move(
        source=budget_account(sponsor.pk),
        target=reserve_account(sponsor.pk),
        asset_id=sponsor.money_asset,
        amount=worth,
    )
    legs += move(
        source=liability_account(sponsor.pk),
        target=resident_account(order.account),
        asset_id=sponsor.points_asset,
        amount=points,
    )
    posting = TransferOrder(f"{REASON}:{order.key}", REASON, order.day, tuple(legs))
    answer = transfer(connection, posting, at=at)
    if isinstance(answer.refusal, Insufficient) and answer.refusal.facts["account_id"] == budget_account(
        sponsor.pk
    ):
        raise BudgetShort(
            points=points,
            wanted_minor=worth,
            currency=sponsor.currency,
            sponsor=sponsor.code,
            available_minor=answer.refusal.facts["available"],
        )
    return answer.accepted()


def _one_at_a_time(account: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('tanpuhui.points.convert', %s))", [account]
        )
