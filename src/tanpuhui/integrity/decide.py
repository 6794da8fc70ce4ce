"""Decide: release a held act, or confirm that it stays held; once for each flag, with a reason for the person."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db import connection

from tanpuhui.integrity.held import standing_flags
from tanpuhui.integrity.models import Verdict
from tanpuhui.integrity.refusals import NotHeld, ReasonMissing

if TYPE_CHECKING:
    from tanpuhui.access.models import User


def release(record_id: int, reason: str, *, by: User | None, at: datetime) -> date:
    """Release an act from all that holds it; answers its day, which is due then. Refuses one that nothing holds."""
    return _decided(record_id, Verdict.RELEASED, reason, by=by, at=at)


def confirm(record_id: int, reason: str, *, by: User | None, at: datetime) -> date:
    """Decide without an appeal that an act stays held; answers its day. An appeal that is upheld releases it still.

    Refuses an act that nothing holds, and one of which that is decided already.
    """
    return _decided(record_id, Verdict.CONFIRMED, reason, by=by, at=at)


def _decided(record_id: int, decision: str, reason: str, *, by: User | None, at: datetime) -> date:
    said = reason.strip()
    if not said:
        raise ReasonMissing
    day = decide(record_id, decision, said, by=by, at=at)
    if day is None:
        raise NotHeld(record=record_id)
    return day


def decide(
    record_id: int, decision: str, reason: str, *, by: User | None, at: datetime, account: int | None = None
) -> date | None:
    """Decide every flag of an act that still waits; confirmed ones can be released later. ``None``: there is none."""
    with connection.cursor() as cursor:
        # The application's role reads flags and adds verdicts; locking rows would need the right to change them.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('tanpuhui.integrity.verdict', %s))", [record_id]
        )
    flags = standing_flags().filter(record_id=record_id)
    if account is not None:
        flags = flags.filter(account=account)
    waiting = [flag for flag in flags.order_by("id") if _is_open(flag.pk, decision)]
    Verdict.objects.bulk_create(
        Verdict(flag=flag, decision=decision, reason=reason, decided_by=by, at=at) for flag in waiting
    )
    return waiting[0].day if waiting else None


def _is_open(flag: int, decision: str) -> bool:
    return not Verdict.objects.filter(flag_id=flag, decision=decision).exists()
