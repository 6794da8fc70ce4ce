"""A balance: what an account has of an asset, now or at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from tanpuhui.ledger.account import KIND_BITS
from tanpuhui.ledger.connection import Connection
from tanpuhui.ledger.legs import Column


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
    return _balances(connection, "SELECT * FROM ledger_balance_at(%s, %s, %s)", [account, account, at])


def owner_balances_at(connection: Connection, owner_id: int, at: datetime) -> list[Balance]:
    """The same for all accounts of an owner."""
    first = owner_id << KIND_BITS
    last = first + (1 << KIND_BITS) - 1
    return _balances(connection, "SELECT * FROM ledger_balance_at(%s, %s, %s)", [first, last, at])


def _balances(connection: Connection, query: str, parameters: list[object]) -> list[Balance]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [Balance(*row) for row in cursor.fetchall()]
