"""Movements: what an owner's accounts gained and lost, summed by day, asset, account and reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from tanpuhui.ledger.account import KIND_BITS, Kind
from tanpuhui.ledger.connection import Connection, refusing
from tanpuhui.ledger.detached import LINES, months_of, with_legs


@dataclass(frozen=True)
class Movement:
    """A sum of lines that are alike but for their time; ``posted_at`` is the latest of them."""

    kind: Kind
    asset: str
    reason: str
    effective_on: date
    amount: int
    posted_at: datetime


@dataclass(frozen=True)
class Holdings:
    """What an owner has now in mg CO2e, held amounts included, by what it is."""

    pending_mg: int = 0
    certified_mg: int = 0
    retired_mg: int = 0
    owed_mg: int = 0


def movements(
    connection: Connection, owner_id: int, *, at: datetime, after: datetime | None = None
) -> list[Movement]:
    """An owner's movements as the ledger knew them at a moment (posted ``after`` another one), by day."""
    first, last = _accounts(owner_id)
    query = f"""
        SELECT account_id & 15, asset, reason, effective_on, sum(amount)::bigint, max(posted_at)
        FROM {LINES} WHERE %s::timestamptz IS NULL OR posted_at > %s
        GROUP BY 1, 2, 3, 4 ORDER BY 4, 2, 1, 3
    """
    found = months_of(connection, first, last)
    with refusing(), connection.cursor() as cursor:
        cursor.execute(query, [*with_legs(found, first, last, at, since=after), after, after])
        return [Movement(Kind(kind), *rest) for kind, *rest in cursor.fetchall()]


#: One look into one index: the accounts of an owner are neighbours.
_AMOUNTS = ", ".join(
    f"coalesce(sum(b.available + b.held) FILTER (WHERE b.account_id & 15 = {int(kind)}), 0)::bigint"
    for kind in (Kind.RESIDENT_PENDING, Kind.RESIDENT_CERTIFIED, Kind.RETIRED, Kind.RESIDENT_OWED)
)
HOLDINGS = f"""
    SELECT {_AMOUNTS}
    FROM ledger_balance AS b WHERE b.account_id BETWEEN %s AND %s
"""


def holdings(connection: Connection, owner_id: int) -> Holdings:
    """What a resident has now."""
    with connection.cursor() as cursor:
        cursor.execute(HOLDINGS, list(_accounts(owner_id)))
        return Holdings(*cursor.fetchone())


def _accounts(owner_id: int) -> tuple[int, int]:
    first = owner_id << KIND_BITS
    return first, first + (1 << KIND_BITS) - 1
