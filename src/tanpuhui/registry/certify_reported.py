"""Certify reported: take whole tonnes of what a district reported into a lot, whose milligrams the district has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import connection

from tanpuhui.close.post import pending_asset
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.methodology.load import Library
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.certify import (
    Order,
    Shares,
    lock_lots_made,
    next_lot,
    post_shares,
    refuse_dependent_verifier,
    refuse_excluded_scope,
)
from tanpuhui.registry.conflicts import refuse_conflicts
from tanpuhui.registry.exclusions import refuse_excluded
from tanpuhui.registry.models import FarLot, Lot, Reported
from tanpuhui.registry.refusals import (
    MethodologyChanged,
    NotSoMuchReported,
    StatusNotAccepted,
    ThroughOutsideVintage,
)
from tanpuhui.registry.report import line_of, standing_reports

WORST_LAST = ("official", "published", "secondary", "illustrative")


@dataclass(frozen=True)
class Asker:
    """A district: its code, its number in the ledger; ``subject`` narrows a lot to one thing that was recognised."""

    code: str
    district: int
    subject: str | None = None


def certify_reported(
    order: Order, asker: Asker, tonnes: int, *, jurisdiction: Jurisdiction, library: Library
) -> Lot:
    """Certify so many tonnes for a district, in the caller's transaction: all of it, or a refusal and nothing."""
    lock_lots_made()
    refuse_dependent_verifier(order)
    if order.through.year != order.vintage:
        raise ThroughOutsideVintage(through=order.through, vintage=order.vintage)
    reports = _reports(order, asker)
    methodology = library.get(order.methodology, order.version)
    _refuse_short(order, asker, reports, tonnes)
    status = _accepted_status(order, methodology, reports, jurisdiction)
    refuse_excluded_scope(methodology, order, jurisdiction)
    first = reports[0].day
    refuse_excluded(order.key, methodology.scope, jurisdiction, first, order.through)
    refuse_conflicts(order.key, jurisdiction, first, order.through)
    code, serial = next_lot(jurisdiction.code)
    lot = Lot.objects.create(
        code=code,
        jurisdiction=jurisdiction.code,
        methodology=order.key,
        vintage=order.vintage,
        through=order.through,
        tonnes=tonnes,
        serial_first=serial,
        serial_last=serial + tonnes - 1,
        residents=1,
        status=status,
        operator=order.operator,
        verifier=order.verifier,
        manifests=[row.manifest for row in reports],
        certified_at=order.at,
    )
    FarLot.objects.create(lot=lot, home=FarLot.REPORTED, party=asker.code, owner=asker.district)
    post_shares(lot, Shares([asker.district], [tonnes * TONNE_MG], tonnes), at=order.at)
    return lot


def available_mg(key: str, district: int, *, first: date, through: date, subject: str | None = None) -> int:
    """What a district reported of a methodology version and no lot has taken yet, negative results taken off."""
    rows = standing_reports(district, first=first, through=through)
    return _net_mg(key, _of_subject(rows, subject)) - _certified_mg(key, district, first.year, subject)


def _reports(order: Order, asker: Asker) -> list[Reported]:
    first = date(order.vintage, 1, 1)
    rows = _of_subject(standing_reports(asker.district, first=first, through=order.through), asker.subject)
    return [row for row in rows if line_of(row, order.key) is not None]


def _of_subject(rows: list[Reported], subject: str | None) -> list[Reported]:
    return [row for row in rows if row.subject == (subject or "")]


def _net_mg(key: str, rows: list[Reported]) -> int:
    lines = [line for row in rows if (line := line_of(row, key)) is not None]
    return sum(line["credited_mg"] - line["below_mg"] for line in lines)


def _certified_mg(key: str, district: int, vintage: int, subject: str | None) -> int:
    """What lots of a district took already. What is recognised is certified whole, at once, and never again."""
    if subject:
        return 0
    lots = Lot.objects.filter(far__owner=district, methodology=key, vintage=vintage)
    return TONNE_MG * sum(lots.values_list("tonnes", flat=True))


def _refuse_short(order: Order, asker: Asker, reports: list[Reported], tonnes: int) -> None:
    """No more than what was reported, and no more than the district has pending now."""
    left_mg = _net_mg(order.key, reports)
    left_mg -= _certified_mg(order.key, asker.district, order.vintage, asker.subject)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(available), 0) FROM ledger_balance WHERE account_id = %s AND asset_id = %s",
            [
                account_id(Kind.RESIDENT_PENDING, asker.district),
                pending_asset(order.key, order.vintage),
            ],
        )
        pending_mg = int(cursor.fetchone()[0])
    available = min(left_mg, pending_mg)
    if not 1 <= tonnes * TONNE_MG <= available:
        raise NotSoMuchReported(
            asked_t=tonnes,
            methodology=order.key,
            vintage=order.vintage,
            available_mg=max(0, available),
            through=order.through,
        )


def _accepted_status(
    order: Order, methodology: Methodology, reports: list[Reported], jurisdiction: Jurisdiction
) -> str:
    """The weakest status, of ours and of what the district says; refuses another text of the methodology."""
    worst = WORST_LAST[0]
    for row in reports:
        line = line_of(row, order.key)
        assert line is not None
        if line["digest"] != methodology.digest:
            raise MethodologyChanged(
                day=row.day, methodology=order.key, then=line["digest"], now=methodology.digest
            )
        status = max(line["status"], methodology.weakest_status(row.day), key=WORST_LAST.index)
        accepted = jurisdiction.statuses_accepted(row.day)
        if status not in accepted:
            raise StatusNotAccepted(
                methodology=order.key,
                status=status,
                day=row.day,
                jurisdiction=jurisdiction.code,
                accepted=", ".join(sorted(accepted)) or "none",
            )
        worst = max(worst, status, key=WORST_LAST.index)
    return worst
