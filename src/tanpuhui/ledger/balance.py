"""A balance: what an account has of an asset, now or at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tanpuhui.ledger.connection import Connection


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


def balance_at(connection: Connection, accounts: list[int], at: datetime) -> list[Balance]:
    """The balances of accounts of any kind from everything posted up to a moment; held counts as available."""
    query = "SELECT account_id, asset, unit, balance FROM ledger_balance_at(%s::bigint[], %s)"
    return _balances(connection, query, [accounts, at])


def _balances(connection: Connection, query: str, parameters: list[object]) -> list[Balance]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [Balance(*row) for row in cursor.fetchall()]
