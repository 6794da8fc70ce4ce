"""Take back: points whose reduction was clawed back go to their sponsor, where the rule of their conversion says so.

What is unspent goes back, never below zero; what is spent or held is the sponsor's loss, and is written down as that.
The points of a milligram that is gone in part stay: whole points alone are taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Sum

from tanpuhui.ledger.asset import points_code
from tanpuhui.ledger.refusals import Insufficient
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.points.models import Conversion, TakeBack
from tanpuhui.points.sponsor import (
    available_of_account,
    budget_account,
    liability_account,
    reserve_account,
    resident_account,
)
from tanpuhui.quantify.rule_tables import STAY, TAKE_BACK

REASON = "points.take_back"
#: Of each lot, what somebody converted beyond what is still certified to them, claw-backs counted; of what is converted
#: as it is pending, beyond what closes still credit.
_GONE = """
    SELECT l.asset, (sum(l.amount_mg) - coalesce((
        SELECT sum(c.amount) FROM points_came(%(account)s) c WHERE c.asset_id = l.asset), 0))::bigint
    FROM points_conversion_line l WHERE l.account = %(account)s GROUP BY l.asset
"""


@dataclass(frozen=True)
class TakenBack:
    """How many points went back, and how many were spent before."""

    points: int
    lost_points: int

    def as_json(self) -> dict[str, Any]:
        return {"points_taken_back": self.points, "points_lost": self.lost_points}


def take_back(account: int, *, day: date, at: datetime) -> TakenBack:
    """Answer what was clawed back from an account, in the caller's transaction; a repeat finds nothing more to do."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('tanpuhui.points.convert', %s))", [account]
        )
    points = lost = 0
    for conversion, gone_mg in _conversions_gone(account):
        if conversion.rule.get("on_clawback", STAY) != TAKE_BACK:
            continue
        answered = conversion.taken_back.aggregate(points=Sum("points"), lost=Sum("lost_points"))
        owed = gone_mg // conversion.mg_per_point - (answered["points"] or 0) - (answered["lost"] or 0)
        if owed > 0:
            taken, tx = _take(conversion, owed, gone_mg, day, at)
            TakeBack.objects.create(
                conversion=conversion,
                account=account,
                clawed_back_mg=gone_mg,
                points=taken,
                lost_points=owed - taken,
                tx_id=tx,
                at=at,
            )
            points, lost = points + taken, lost + owed - taken
    return TakenBack(points, lost)


def _conversions_gone(account: int) -> Iterator[tuple[Conversion, int]]:
    """Conversions of what is gone, and how much of each: what was converted last is gone first."""
    with connection.cursor() as cursor:
        cursor.execute(_GONE, {"account": account})
        gone = {asset: amount for asset, amount in cursor.fetchall() if amount > 0}
    if not gone:
        return
    found = Conversion.objects.filter(account=account).select_related("sponsor").prefetch_related("lines")
    for conversion in found.order_by("-id"):
        total = 0
        for line in conversion.lines.all():
            part = min(line.amount_mg, gone.get(line.asset, 0))
            gone[line.asset] = gone.get(line.asset, 0) - part
            total += part
        if total:
            yield conversion, total


def _take(conversion: Conversion, owed: int, gone_mg: int, day: date, at: datetime) -> tuple[int, int | None]:
    """Post what can be taken of so many points. The first try locks the balance, so a second one knows it."""
    sponsor = conversion.sponsor
    available, _ = available_of_account(resident_account(conversion.account), points_code(sponsor.code))
    for attempt in ("", ":again"):
        wanted = min(owed, available)
        if wanted == 0:
            return 0, None
        legs = (
            *move(
                source=resident_account(conversion.account),
                target=liability_account(sponsor.pk),
                asset_id=sponsor.points_asset,
                amount=wanted,
            ),
            *move(
                source=reserve_account(sponsor.pk),
                target=budget_account(sponsor.pk),
                asset_id=sponsor.money_asset,
                amount=wanted * sponsor.point_value_minor,
            ),
        )
        order = TransferOrder(f"{REASON}:{conversion.pk}:{gone_mg}{attempt}", REASON, day, legs)
        answer = transfer(connection, order, at=at)
        if not isinstance(answer.refusal, Insufficient):
            return wanted, answer.accepted()
        available = int(answer.refusal.facts["available"])
    raise AssertionError("a balance that is locked changed")
