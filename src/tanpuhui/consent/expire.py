"""Expire: say in the streams what time has already done. The gate does not wait for it."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from tanpuhui.consent import store
from tanpuhui.consent.state import State
from tanpuhui.consent.store import Step

_DUE = """
    SELECT DISTINCT g.resident_id FROM consent_grant AS g JOIN (
        SELECT DISTINCT ON (grant_id) grant_id, state FROM consent_grant_event ORDER BY grant_id, seq DESC
    ) AS last ON last.grant_id = g.id
    WHERE g.expires_at <= %s AND last.state IN ('ConsentGiven', 'Paused', 'Resumed')
"""
_LAST = """
    SELECT DISTINCT ON (g.id) g.id, e.seq, e.state, greatest(g.expires_at, e.at)
    FROM consent_grant AS g JOIN consent_grant_event AS e ON e.grant_id = g.id
    WHERE g.resident_id = ANY(%s) AND g.expires_at <= %s
    ORDER BY g.id, e.seq DESC
"""
_RUNNING = frozenset({State.GIVEN, State.PAUSED, State.RESUMED})


def expire(*, at: datetime) -> int:
    """Write ``Expired`` for every grant whose time is over, as of when it was; gives how many."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [at])
        residents = [resident for (resident,) in cursor.fetchall()]
        store.lock_residents(residents)
        cursor.execute(_LAST, [residents, at])
        due = [row for row in cursor.fetchall() if State(row[2]) in _RUNNING]
    store.append(
        Step(grant_id, seq + 1, State.EXPIRED, over_at, "platform", "expiry")
        for grant_id, seq, _, over_at in due
    )
    return len(due)
