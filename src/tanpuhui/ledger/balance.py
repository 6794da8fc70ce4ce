"""A balance: what an account has of an asset, now or at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from tanpuhui.ledger.account import KIND_BITS, Kind, kind_of
from tanpuhui.ledger.connection import Connection, refusing
from tanpuhui.ledger.detached import LINES, kept_from, legs_of, months_of, with_legs
from tanpuhui.ledger.legs import Column
from tanpuhui.ledger.month_file import Month


@dataclass(frozen=True)
class Balance:
    """What an account has of an asset; of a floored account, ``available`` and ``held`` apart."""

    account_id: int
    asset: str
    unit: str
    available: int
    held: int = 0


def balances(connection: Connection, accounts: list[int]) -> list[Balance]:
    """The balances that floored accounts have now, by account and asset; what has never moved is not listed."""
    query = (
        "SELECT b.account_id, a.code, a.unit, b.available, b.held FROM ledger_balance b"
        " JOIN ledger_asset a ON a.id = b.asset_id WHERE b.account_id = ANY(%s::bigint[])"
        " ORDER BY b.account_id, a.code"
    )
    return _balances(connection, query, [accounts])


def available_of(connection: Connection, accounts: Column, asset_ids: Column) -> Column:
    """What is available now for each pair of a floored account and an asset, 0 where nothing ever moved."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(b.available, 0) FROM unnest(%s::bigint[], %s::integer[]) WITH ORDINALITY"
            " AS asked (account_id, asset_id, place) LEFT JOIN ledger_balance b"
            " ON b.account_id = asked.account_id AND b.asset_id = asked.asset_id ORDER BY asked.place",
            [accounts.tolist(), asset_ids.tolist()],
        )
        return np.array([available for (available,) in cursor.fetchall()], np.int64)


def balance_at(connection: Connection, account: int, at: datetime) -> list[Balance]:
    """The balances of an account of any kind from everything posted up to a moment; held counts as available."""
    return _at(connection, account, account, at)


def owner_balances_at(connection: Connection, owner_id: int, at: datetime) -> list[Balance]:
    """The same for all accounts of an owner."""
    first = owner_id << KIND_BITS
    return _at(connection, first, first + (1 << KIND_BITS) - 1, at)


def _at(connection: Connection, first: int, last: int, at: datetime) -> list[Balance]:
    found = months_of(connection, first, last)
    if not found:
        return _balances(connection, "SELECT * FROM ledger_balance_at(%s, %s, %s)", [first, last, at])
    if at >= kept_from(found):
        return _counted_back(connection, first, last, at, found)
    query = f"SELECT account_id, asset, unit, sum(amount)::bigint FROM {LINES} GROUP BY 1, 2, 3 ORDER BY 1, 2"
    return _balances(connection, query, with_legs(found, first, last, at))


def _counted_back(
    connection: Connection, first: int, last: int, at: datetime, found: Sequence[Month]
) -> list[Balance]:
    """From what there is now, without a file; but whether anything was there before it came to zero, files may say."""
    with refusing(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM ledger_balance_seen(%s, %s, %s)", [first, last, at])
        rows = cursor.fetchall()
    seen: set[tuple[int, str]] = set()
    if any(not listed and kind_of(account) is Kind.RESIDENT_PENDING for account, *_, listed in rows):
        seen = _pairs(connection, legs_of(found, first, last))
    return [Balance(*row) for *row, listed in rows if listed or (row[0], row[1]) in seen]


def _pairs(connection: Connection, legs: pa.Table) -> set[tuple[int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT leg.account_id, a.code FROM unnest(%s::bigint[], %s::integer[])"
            " AS leg (account_id, asset_id) JOIN ledger_asset a ON a.id = leg.asset_id",
            [legs["account_id"].to_pylist(), legs["asset_id"].to_pylist()],
        )
        return set(cursor.fetchall())


def _balances(connection: Connection, query: str, parameters: list[object]) -> list[Balance]:
    with refusing(), connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [Balance(*row) for row in cursor.fetchall()]
