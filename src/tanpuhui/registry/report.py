"""Report: take what another platform's close credited into our ledger, in its name, so that we can certify it once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from django.db import connection

from tanpuhui.close.owed import Change, legs_of
from tanpuhui.close.post import key_parts, pending_asset
from tanpuhui.consent import gate
from tanpuhui.ledger.asset import owed_code
from tanpuhui.ledger.legs import no_legs
from tanpuhui.ledger.post_batch import post_batch
from tanpuhui.registry.models import Reported
from tanpuhui.registry.refusals import BadReport, ReportedTwice

REASON = "report"


@dataclass(frozen=True)
class ReportOrder:
    """A closed day of a district (its ledger number), once under the digest of the message that said so.

    A line has ``methodology`` (its key), ``digest``, ``status``, ``credited_mg``, ``below_mg`` and ``accounts``.
    """

    key: str
    district: int
    day: date
    manifest: str
    credited_mg: int
    activities: int
    lines: tuple[dict[str, Any], ...]
    subject: str = ""

    @property
    def below_mg(self) -> int:
        return sum(line["below_mg"] for line in self.lines)


def report(order: ReportOrder, *, at: datetime) -> Reported:
    """Post the difference to what stands of that day, in the caller's transaction; the same order again does nothing.

    What is taken back after it was certified is owed by the district, and its next reductions make it good.
    """
    known = Reported.objects.filter(key=order.key).first()
    if known is not None:
        return known
    refuse_bad(order)
    gate.lock_for_close(connection)
    row = Reported.objects.create(
        key=order.key,
        district=order.district,
        day=order.day,
        subject=order.subject,
        manifest=order.manifest,
        credited_mg=order.credited_mg,
        below_mg=order.below_mg,
        activities=order.activities,
        lines=list(order.lines),
        reported_at=at,
    )
    _post(row, _difference(row), at)
    return row


def refuse_bad(order: ReportOrder) -> None:
    """A report adds up, names each methodology once, and speaks of a close that nobody else reported."""
    names = [line["methodology"] for line in order.lines]
    if len(set(names)) != len(names):
        raise BadReport(day=order.day, problem="a methodology is named twice.")
    if any(line["credited_mg"] < 0 or line["below_mg"] < 0 for line in order.lines):
        raise BadReport(day=order.day, problem="an amount is below zero.")
    total = sum(line["credited_mg"] for line in order.lines)
    if total != order.credited_mg:
        raise BadReport(day=order.day, problem=f"its lines sum to {total} mg, not {order.credited_mg} mg.")
    others = Reported.objects.filter(manifest=order.manifest).exclude(district=order.district)
    if others.exists():
        raise ReportedTwice(manifest=order.manifest)


def standing_reports(
    district: int, *, first: date | None = None, through: date | None = None
) -> list[Reported]:
    """What stands of a district's reports, by day."""
    rows = Reported.objects.filter(district=district)
    if first is not None:
        rows = rows.filter(day__gte=first)
    if through is not None:
        rows = rows.filter(day__lte=through)
    return list(rows.order_by("day", "subject", "-id").distinct("day", "subject"))


def line_of(row: Reported, methodology: str) -> dict[str, Any] | None:
    """What a report says of one methodology version."""
    return next((line for line in row.lines if line["methodology"] == methodology), None)


def _difference(row: Reported) -> dict[str, int]:
    """By how many mg each methodology changes against the report before."""
    before = (
        Reported.objects.filter(district=row.district, day=row.day, subject=row.subject, id__lt=row.pk)
        .order_by("-id")
        .first()
    )
    change = {line["methodology"]: line["credited_mg"] for line in row.lines}
    for line in before.lines if before else ():
        change[line["methodology"]] = change.get(line["methodology"], 0) - line["credited_mg"]
    return {name: amount for name, amount in sorted(change.items()) if amount}


def _post(row: Reported, change: dict[str, int], at: datetime) -> None:
    vintage = row.day.year
    assets = [pending_asset(name, vintage) for name in change]
    owed = {asset: owed_code(*key_parts(name), vintage) for name, asset in zip(change, assets, strict=True)}
    amounts = np.array(list(change.values()), np.int64)
    owners = np.full(len(amounts), row.district, np.int64)
    legs = legs_of(Change(owners, np.array(assets, np.int64), amounts, owed)) if len(amounts) else no_legs()
    post_batch(
        connection,
        key=f"{REASON}:{row.key}",
        manifest=row.manifest,
        reason=REASON,
        effective_on=row.day,
        legs=legs,
        at=at,
    )
