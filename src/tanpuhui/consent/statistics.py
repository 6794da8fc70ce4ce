"""Statistics: how many residents have which grants, with small numbers kept back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tanpuhui.consent.state import FINAL, State

#: A number of people below this is not shown.
SMALLEST = 10


@dataclass(frozen=True)
class GrantCell:
    """Residents with a grant of one provider, purpose and state; ``None`` where there are fewer than ten."""

    provider: str
    purpose: str
    state: str
    residents: int | None


def grant_statistics(at: datetime) -> list[GrantCell]:
    """Residents by provider, purpose and state as of a moment. No totals: a difference would tell what is kept back."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL, [sorted(state.value for state in FINAL), at, State.EXPIRED.value])
        rows = cursor.fetchall()
    return [
        GrantCell(provider, purpose, state, residents if residents >= SMALLEST else None)
        for provider, purpose, state, residents in rows
    ]


_SQL = """
    SELECT provider, purpose, state, count(DISTINCT resident_id) FROM (
        SELECT g.provider, g.purpose, g.resident_id,
            CASE WHEN e.state <> ALL(%s) AND g.expires_at <= %s THEN %s ELSE e.state END AS state
        FROM consent_grant g JOIN (
            SELECT DISTINCT ON (grant_id) grant_id, state FROM consent_grant_event ORDER BY grant_id, seq DESC
        ) e ON e.grant_id = g.id
    ) s GROUP BY provider, purpose, state ORDER BY provider, purpose, state
"""
