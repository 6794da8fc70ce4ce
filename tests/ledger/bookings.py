"""Small orders for tests of the ledger: residents, pools, and the milligrams they are given."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from django.db import connection, connections

from tanpuhui.ledger.account import Kind, account_id, organisation
from tanpuhui.ledger.answer import Answer
from tanpuhui.ledger.asset import get_or_create_asset
from tanpuhui.ledger.balance import balances
from tanpuhui.ledger.legs import Legs
from tanpuhui.ledger.post_batch import ISSUANCE
from tanpuhui.ledger.transfer import TransferOrder, move, transfer

AT = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
DAY = date(2026, 11, 23)

_owners = itertools.count(1_000)


def new_asset(unit: str = "mg") -> int:
    """The id of an asset that no other test uses."""
    return get_or_create_asset(connection, f"test:{uuid.uuid4()}", unit).id


def new_key() -> str:
    return str(uuid.uuid4())


def new_resident() -> int:
    """The certified account of a resident whom no other test knows."""
    return account_id(Kind.RESIDENT_CERTIFIED, next(_owners))


def new_pool() -> int:
    return account_id(Kind.POOL, organisation(next(_owners)))


def moving(source: int, target: int, asset_id: int, amount: int, *, key: str | None = None) -> TransferOrder:
    legs = move(source=source, target=target, asset_id=asset_id, amount=amount)
    return TransferOrder(key or new_key(), "test", DAY, legs)


def fund(account: int, asset_id: int, amount: int) -> Answer:
    """Issue an amount to an account."""
    return transfer(connection, moving(ISSUANCE, account, asset_id, amount), at=AT)


def available(account: int) -> int:
    return sum(balance.available for balance in balances(connection, [account]))


def held(account: int) -> int:
    return sum(balance.held for balance in balances(connection, [account]))


def legs_of(rows: list[tuple[int, int, int]], code: int = 1) -> Legs:
    """Legs from (account, asset, amount), sorted by account, numbered by ref."""
    table = np.array(sorted(rows), np.int64).reshape(-1, 3)
    ref = np.arange(len(table), dtype=np.int64)
    account, asset, amount = (np.ascontiguousarray(table[:, column]) for column in range(3))
    return Legs(account, asset, amount, ref, np.full(len(table), code, np.int64))


def in_parallel(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run ``work(0..count-1)`` at once, each in a thread and connection of its own; errors are results."""
    results: list[Any] = [None] * count
    start = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            start.wait()
            results[number] = work(number)
        except Exception as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def postings_of(asset_id: int) -> int:
    """How many legs there are in an asset."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_posting WHERE asset_id = %s", [asset_id])
        return int(cursor.fetchone()[0])
