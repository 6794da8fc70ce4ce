"""Credited: what closes credited to accounts for acts of some days, read from the ledger; taken back is subtracted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from tanpuhui.ledger.account import KIND_BITS, Kind

#: The reason under which a close posts.
CLOSE = "close"

#: What closes changed by, of accounts and days: pending amounts, less what came to be owed.
_SUMS = """
    SELECT w.place, coalesce(sum(CASE WHEN (l.account_id & 15) = %(owed)s THEN -l.amount ELSE l.amount END), 0)::bigint
    FROM unnest(%(accounts)s::bigint[], %(first)s::date[], %(last)s::date[]) WITH ORDINALITY
        AS w (account, first_on, last_on, place)
    LEFT JOIN LATERAL (
        SELECT * FROM ledger_lines(w.account << %(bits)s, (w.account << %(bits)s) + 15, 'infinity') AS line
        WHERE line.reason = %(reason)s AND line.effective_on BETWEEN w.first_on AND w.last_on
            AND (line.account_id & 15) IN (%(pending)s, %(owed)s)
            AND (%(codes)s::text[] IS NULL OR split_part(split_part(line.asset, ':', 2), '@', 1) = ANY(%(codes)s))
    ) AS l ON TRUE
    GROUP BY w.place ORDER BY w.place
"""

#: The same for very many accounts with the same days, in one pass over the postings of those days.
_TOTAL = """
    SELECT coalesce(sum(CASE WHEN (p.account_id & 15) = %(owed)s THEN -p.amount ELSE p.amount END), 0)::bigint
    FROM ledger_posting AS p JOIN ledger_transaction AS t ON t.id = p.tx_id JOIN ledger_asset AS a ON a.id = p.asset_id
        JOIN unnest(%(accounts)s::bigint[]) AS w (account) ON w.account = p.account_id >> %(bits)s
    WHERE t.reason = %(reason)s AND t.effective_on BETWEEN %(first)s AND %(last)s
        AND (p.account_id & 15) IN (%(pending)s, %(owed)s)
        AND (%(codes)s::text[] IS NULL OR split_part(split_part(a.code, ':', 2), '@', 1) = ANY(%(codes)s))
"""


@dataclass(frozen=True)
class Days:
    """An account, and the first and last local day of the acts that are asked about."""

    account: int
    first_on: date
    last_on: date


def credited_mg(account: int, first_on: date, last_on: date) -> int:
    """What one account was credited for acts of some days, in mg CO2e; negative where more was taken back."""
    return credited_each([Days(account, first_on, last_on)])[0]


def credited_each(asked: Sequence[Days], methodologies: Sequence[str] = ()) -> list[int]:
    """What was credited for each, in order; for some hundreds at a time. No methodology named means all of them."""
    if not asked:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _SUMS,
            {
                **_facts(methodologies),
                "accounts": [one.account for one in asked],
                "first": [one.first_on for one in asked],
                "last": [one.last_on for one in asked],
            },
        )
        return [int(amount) for _, amount in cursor.fetchall()]


def credited_in_all(
    accounts: Iterable[int], first_on: date, last_on: date, methodologies: Sequence[str] = ()
) -> int:
    """What all of these accounts together were credited, however many they are."""
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"accounts": list(accounts), "first": first_on, "last": last_on}
        cursor.execute(_TOTAL, {**_facts(methodologies), **asked})
        return int(cursor.fetchone()[0])


def _facts(methodologies: Sequence[str]) -> dict[str, Any]:
    return {
        "pending": int(Kind.RESIDENT_PENDING),
        "owed": int(Kind.RESIDENT_OWED),
        "bits": KIND_BITS,
        "reason": CLOSE,
        "codes": list(methodologies) or None,
    }
