"""Settle: what a sponsor owes a merchant for the points it took: every capture and refund once, and the money."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.money.amounts import to_text
from tanpuhui.points.answer import Answer, once
from tanpuhui.points.models import Settlement, SettlementLine, Sponsor
from tanpuhui.points.refusals import NothingToSettle, UnknownSettlement
from tanpuhui.points.sponsor import (
    get_organisation,
    get_sponsor,
    liability_account,
    payable_account,
    reserve_account,
    taken_account,
)

REASON = "points.settle"
AT_ONCE = 5_000
#: Captures and refunds that no settlement has yet.
_OPEN = """
    SELECT c.redemption_id, NULL::bigint AS refund_id, c.points, c.at FROM points_closing c
    WHERE c.organisation_id = %(merchant)s AND c.sponsor_id = %(sponsor)s AND c.state = 'captured' AND c.points > 0
        AND c.at <= %(through)s
        AND NOT EXISTS (SELECT FROM points_settlement_line l WHERE l.redemption_id = c.redemption_id
                        AND l.refund_id IS NULL)
    UNION ALL
    SELECT r.redemption_id, r.id, -r.points, r.at FROM points_refund r
    WHERE r.organisation_id = %(merchant)s AND r.sponsor_id = %(sponsor)s AND r.at <= %(through)s
        AND NOT EXISTS (SELECT FROM points_settlement_line l WHERE l.refund_id = r.id)
"""


@dataclass(frozen=True)
class SettleOrder:
    """Settle with a merchant through a moment, once; through the moment at which it is asked when left out."""

    key: str
    organisation: str
    sponsor: str
    through_at: datetime | None = None


def settle(order: SettleOrder, *, at: datetime) -> Answer:
    """Settle once, in the caller's transaction: points back to the sponsor, money from its reserve to the merchant."""
    content = [order.organisation, order.sponsor, order.through_at.isoformat() if order.through_at else None]
    return once("settle", order.key, content, lambda: _settle(order, at), at=at)


def open_of(organisation: int, sponsor: Sponsor, through_at: datetime) -> tuple[int, int]:
    """How many lines wait for a settlement, and the points that they sum to."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), coalesce(sum(points), 0)::bigint FROM ({_OPEN}) o",
            {"merchant": organisation, "sponsor": sponsor.pk, "through": through_at},
        )
        lines, points = cursor.fetchone()
    return int(lines), int(points)


@dataclass(frozen=True)
class _Line:
    """A capture, or a refund of one, that no settlement had when it was looked at."""

    redemption: int
    refund: int | None
    points: int
    booked_at: datetime


def _lines(organisation: int, sponsor: Sponsor, through_at: datetime) -> list[_Line]:
    """The lines that wait, looked at once: whoever is captured meanwhile waits for the next settlement."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT * FROM ({_OPEN}) o ORDER BY at, redemption_id, refund_id NULLS FIRST",
            {"merchant": organisation, "sponsor": sponsor.pk, "through": through_at},
        )
        return [_Line(*row) for row in cursor.fetchall()]


def _lock(name: str, number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [name, number])


def _settle(order: SettleOrder, at: datetime) -> dict[str, Any]:
    organisation, sponsor = get_organisation(order.organisation), get_sponsor(order.sponsor)
    _lock("tanpuhui.points.settle", organisation.pk)
    through_at = order.through_at or at
    lines = _lines(organisation.pk, sponsor, through_at)
    points = sum(line.points for line in lines)
    if points <= 0:
        raise NothingToSettle(
            sponsor=sponsor.code,
            organisation=organisation.code,
            through=through_at.isoformat(),
            lines=len(lines),
            points=points,
        )
    tx = _post(order, organisation.pk, sponsor, points, at)
    # Numbered one after the other, whoever settles with whom; nothing else is waited for after this.
    _lock("tanpuhui.points.settlements", 0)
    made = Settlement.objects.create(
        reference=f"TPS-{Settlement.objects.count() + 1:09d}",
        organisation=organisation,
        sponsor=sponsor,
        points=points,
        amount_minor=points * sponsor.point_value_minor,
        currency=sponsor.currency,
        lines_count=len(lines),
        tx_id=tx,
        through_at=through_at,
        at=at,
    )
    SettlementLine.objects.bulk_create(
        (
            SettlementLine(
                settlement=made,
                redemption_id=line.redemption,
                refund_id=line.refund,
                points=line.points,
                amount_minor=line.points * sponsor.point_value_minor,
                booked_at=line.booked_at,
            )
            for line in lines
        ),
        batch_size=AT_ONCE,
    )
    return describe(made)


def _post(order: SettleOrder, organisation: int, sponsor: Sponsor, points: int, at: datetime) -> int:
    """Points back to the sponsor, and their worth from its reserve to what is payable to the merchant."""
    legs = (
        *move(
            source=taken_account(organisation),
            target=liability_account(sponsor.pk),
            asset_id=sponsor.points_asset,
            amount=points,
        ),
        *move(
            source=reserve_account(sponsor.pk),
            target=payable_account(organisation),
            asset_id=sponsor.money_asset,
            amount=points * sponsor.point_value_minor,
        ),
    )
    posting = TransferOrder(f"{REASON}:{order.key}", REASON, at.date(), legs)
    return transfer(connection, posting, at=at).accepted()


def get_settlement(reference: str) -> Settlement:
    """A settlement by its reference."""
    found = (
        Settlement.objects.filter(reference=reference)
        .select_related("organisation", "sponsor", "payment")
        .first()
    )
    if found is None:
        raise UnknownSettlement(settlement=reference)
    return found


def describe(settlement: Settlement) -> dict[str, Any]:
    """A settlement as JSON-ready values."""
    return {
        "settlement": settlement.reference,
        "organisation": settlement.organisation.code,
        "sponsor": settlement.sponsor.code,
        "points": settlement.points,
        "amount_minor": settlement.amount_minor,
        "currency": settlement.currency,
        "lines": settlement.lines_count,
        "through": settlement.through_at.isoformat(),
        "paid": hasattr(settlement, "payment"),
    }


def lines_of(settlement: Settlement) -> list[SettlementLine]:
    """The lines of a settlement, in the order in which they happened."""
    return list(settlement.lines.order_by("id"))


HEADER = ("settlement", "line", "booked_at", "redemption", "refund", "points", "amount", "currency")


def as_csv(settlement: Settlement) -> str:
    """A settlement for a spreadsheet: one line each, and the total, which is what is paid."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADER)
    found = lines_of(settlement)
    for number, line in enumerate(found, 1):
        writer.writerow(
            [
                settlement.reference,
                number,
                line.booked_at.isoformat(),
                line.redemption_id,
                line.refund_id or "",
                line.points,
                to_text(line.amount_minor, settlement.currency),
                settlement.currency,
            ]
        )
    assert sum(line.amount_minor for line in found) == settlement.amount_minor
    total = to_text(settlement.amount_minor, settlement.currency)
    writer.writerow(
        [settlement.reference, "total", "", "", "", settlement.points, total, settlement.currency]
    )
    return out.getvalue()
