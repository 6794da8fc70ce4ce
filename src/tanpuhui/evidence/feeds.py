"""Feeds: how often each provider sends, and which are late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

#: The usual interval is the median over the last batches.
LOOKED_AT = 21
#: Late is later than twice the usual interval, and an hour.
SLACK = timedelta(hours=1)


@dataclass(frozen=True)
class Feed:
    """A provider under a contract in force: the last batch, how long apart they usually are, and whether it is late."""

    provider: str
    last_at: datetime | None
    usual: timedelta | None
    batches: int
    is_late: bool


def feeds(at: datetime) -> list[Feed]:
    """Every provider whose contract is enabled, by provider."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL, [LOOKED_AT])
        rows = cursor.fetchall()
    return [
        Feed(provider, last_at, usual, batches, is_late(last_at, usual, at))
        for provider, last_at, usual, batches in rows
    ]


def is_late(last_at: datetime | None, usual: timedelta | None, at: datetime) -> bool:
    """Whether the next batch should have come; unknown before there are two.

    >>> from datetime import UTC
    >>> is_late(datetime(2026, 3, 1, tzinfo=UTC), timedelta(days=1), datetime(2026, 3, 3, 1, tzinfo=UTC))
    False
    >>> is_late(datetime(2026, 3, 1, tzinfo=UTC), timedelta(days=1), datetime(2026, 3, 3, 1, 1, tzinfo=UTC))
    True
    """
    return last_at is not None and usual is not None and at > last_at + 2 * usual + SLACK


_SQL = """
    WITH contract AS (
        SELECT DISTINCT ON (provider) provider, enabled FROM evidence_contract ORDER BY provider, version DESC
    ), latest AS (
        SELECT provider, received_at, lag(received_at) OVER (PARTITION BY provider ORDER BY received_at, id) AS before,
            row_number() OVER (PARTITION BY provider ORDER BY received_at DESC, id DESC) AS place
        FROM evidence_batch
    ), gap AS (
        SELECT provider, max(received_at) AS last_at, count(*) AS batches,
            percentile_disc(0.5) WITHIN GROUP (ORDER BY received_at - before)
                FILTER (WHERE received_at > before) AS usual
        FROM latest WHERE place <= %s GROUP BY provider
    )
    SELECT c.provider, g.last_at, g.usual, coalesce(g.batches, 0)
    FROM contract c LEFT JOIN gap g USING (provider) WHERE c.enabled ORDER BY c.provider
"""
