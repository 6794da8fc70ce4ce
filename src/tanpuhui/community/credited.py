"""Credited: what closes credited to accounts for acts of some days, read from the ledger; taken back is subtracted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.db import connection

from tanpuhui.ledger.account import KIND_BITS, Kind, account_id
from tanpuhui.ledger.connection import refusing
from tanpuhui.ledger.detached import after, legs_of, months
from tanpuhui.ledger.month_file import Month, batches

#: The reason under which a close posts.
CLOSE = "close"

#: What closes changed by, of accounts and days: pending amounts, less what came to be owed. Legs of files come along.
_SUMS = """
    SELECT w.place, coalesce(sum(CASE WHEN (l.account_id & 15) = %(owed)s THEN -l.amount ELSE l.amount END), 0)::bigint
    FROM unnest(%(accounts)s::bigint[], %(first)s::date[], %(last)s::date[]) WITH ORDINALITY
        AS w (account, first_on, last_on, place)
    LEFT JOIN LATERAL (
        SELECT line.account_id, line.amount, line.asset
        FROM ledger_lines_with(w.account << %(bits)s, (w.account << %(bits)s) + 15, 'infinity', %(whole_from)s,
            '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}') AS line
        WHERE line.reason = %(reason)s AND line.effective_on BETWEEN w.first_on AND w.last_on
        UNION ALL
        SELECT w.account << %(bits)s | %(pending)s, f.amount, a.code
        FROM unnest(%(places)s::bigint[], %(tx_ids)s::bigint[], %(amounts)s::bigint[], %(assets)s::integer[])
            AS f (place, tx_id, amount, asset_id)
        JOIN ledger_transaction t ON t.id = f.tx_id JOIN ledger_asset a ON a.id = f.asset_id
        WHERE f.place = w.place AND t.effective_on BETWEEN w.first_on AND w.last_on
    ) AS l ON (l.account_id & 15) IN (%(pending)s, %(owed)s)
        AND (%(codes)s::text[] IS NULL OR split_part(split_part(l.asset, ':', 2), '@', 1) = ANY(%(codes)s))
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
#: The transactions and assets that legs of such a total are of.
_OF_TOTAL = """
    SELECT ARRAY(SELECT t.id FROM ledger_transaction t
                 WHERE t.reason = %(reason)s AND t.effective_on BETWEEN %(first)s AND %(last)s),
           ARRAY(SELECT a.id FROM ledger_asset a
                 WHERE %(codes)s::text[] IS NULL OR split_part(split_part(a.code, ':', 2), '@', 1) = ANY(%(codes)s))
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
    found = months(connection)
    files = _read_for(found, asked)
    with refusing(), connection.cursor() as cursor:
        cursor.execute(
            _SUMS,
            {
                **_facts(methodologies),
                **files,
                "whole_from": after(found[-1].month) if found else None,
                "accounts": [one.account for one in asked],
                "first": [one.first_on for one in asked],
                "last": [one.last_on for one in asked],
            },
        )
        return [int(amount) for _, amount in cursor.fetchall()]


def _read_for(found: Sequence[Month], asked: Sequence[Days]) -> dict[str, list[int]]:
    """The legs of files that may be of what is asked, by its place. No act is credited before its day."""
    legs: dict[str, list[int]] = {"places": [], "tx_ids": [], "amounts": [], "assets": []}
    for place, one in enumerate(asked, 1):
        pending = account_id(Kind.RESIDENT_PENDING, one.account)
        read = legs_of(_since(found, one.first_on), pending, pending)
        legs["places"] += [place] * read.num_rows
        for name, column in (("tx_ids", "tx_id"), ("amounts", "amount"), ("assets", "asset_id")):
            legs[name] += read[column].to_pylist()
    return legs


def _since(found: Sequence[Month], day: date) -> list[Month]:
    """Months in which an act of a day may have been credited; local days begin before the ledger's, at most by one."""
    return [month for month in found if after(month.month) > day - timedelta(days=1)]


def credited_in_all(
    accounts: Iterable[int], first_on: date, last_on: date, methodologies: Sequence[str] = ()
) -> int:
    """What all of these accounts together were credited, however many they are."""
    asked: dict[str, Any] = {"accounts": list(accounts), "first": first_on, "last": last_on}
    given = {**_facts(methodologies), **asked}
    found = months(connection)
    with connection.cursor() as cursor:
        cursor.execute(_TOTAL, given)
        total = int(cursor.fetchone()[0])
        if months(connection) != found:
            # A month went to its file meanwhile, and may be missing in what was read before.
            return credited_in_all(asked["accounts"], first_on, last_on, methodologies)
        wanted = _since(found, first_on)
        if wanted:
            cursor.execute(_OF_TOTAL, given)
            total += _in_files(wanted, asked["accounts"], *cursor.fetchone())
    return total


def _in_files(found: Sequence[Month], accounts: list[int], tx_ids: list[int], assets: list[int]) -> int:
    pending = [account_id(Kind.RESIDENT_PENDING, account) for account in accounts]
    total = 0
    for month in found:
        for batch in batches(month, ["account_id", "tx_id", "asset_id", "amount"]):
            account, tx_id, asset, amount = (column.to_numpy() for column in batch.columns)
            mine = np.isin(tx_id, tx_ids) & np.isin(asset, assets) & np.isin(account, pending)
            total += int(amount[mine].sum())
    return total


def _facts(methodologies: Sequence[str]) -> dict[str, Any]:
    return {
        "pending": int(Kind.RESIDENT_PENDING),
        "owed": int(Kind.RESIDENT_OWED),
        "bits": KIND_BITS,
        "reason": CLOSE,
        "codes": list(methodologies) or None,
    }
