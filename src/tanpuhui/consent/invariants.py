"""Invariants: what must hold of every grant in the database, checked on live rows; each offender is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from django.db import connection

from tanpuhui.consent.gate import check_artefact
from tanpuhui.consent.models import Grant
from tanpuhui.consent.state import transitions_sql
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.refusal import Refusal

_BROKEN_STREAMS = f"""
    SELECT grant_id, seq, state FROM (
        SELECT grant_id, seq, state, at, lag(state) OVER stream AS before, lag(at) OVER stream AS before_at,
            row_number() OVER stream AS place
        FROM consent_grant_event WINDOW stream AS (PARTITION BY grant_id ORDER BY seq)
    ) AS steps
    WHERE seq <> place OR at < coalesce(before_at, at) OR NOT ({transitions_sql("before", "state")})
    ORDER BY grant_id, seq
"""
_WITHOUT_STREAM = """
    SELECT id FROM consent_grant AS g
    WHERE NOT EXISTS (SELECT FROM consent_grant_event AS e WHERE e.grant_id = g.id) ORDER BY id
"""


@dataclass(frozen=True)
class Finding:
    """One row that breaks an invariant."""

    invariant: str
    table: str
    key: str
    found: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def check() -> list[Finding]:
    """All findings: altered or unsigned grants, broken streams, grants without one. About 0.2 ms a grant."""
    return [*_altered(), *_streams()]


def _altered() -> Iterator[Finding]:
    for grant in Grant.objects.order_by("pk").iterator(chunk_size=2_000):
        try:
            check_artefact(grant)
        except Refusal as refusal:
            yield Finding("a grant is what was signed", "consent_grant", str(grant.pk), str(refusal))
            continue
        if grant.digest != digest_json(grant.artefact):
            yield Finding("a grant has its digest", "consent_grant", str(grant.pk), grant.digest)


def _streams() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(_BROKEN_STREAMS)
        for grant_id, seq, state in cursor.fetchall():
            key = f"{grant_id}/{seq}"
            yield Finding("a step may follow the one before", "consent_grant_event", key, state)
        cursor.execute(_WITHOUT_STREAM)
        for (grant_id,) in cursor.fetchall():
            yield Finding("a grant has a state", "consent_grant", str(grant_id), "no event")
