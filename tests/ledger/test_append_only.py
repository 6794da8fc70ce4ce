"""Entries only grow: not the application's role, nor the owner, nor a superuser can change one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import ProgrammingError, connection, transaction

from ledger.bookings import AT, available, fund, legs_of, moving, new_asset, new_key, new_pool, new_resident
from tanpuhui.ledger.asset import get_or_create_asset
from tanpuhui.ledger.connection import refusing
from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.ledger.invariants import check, counts, invariants
from tanpuhui.ledger.post_batch import ISSUANCE, post_batch
from tanpuhui.ledger.refusals import Insufficient, OnlyGrows, Unbalanced
from tanpuhui.ledger.release import release
from tanpuhui.ledger.statement import statement
from tanpuhui.ledger.transfer import transfer

pytestmark = pytest.mark.django_db

FACTS = (
    "ledger_posting",
    "ledger_posting_batch",
    "ledger_posting_single",
    "ledger_posting_single_2026_11",
    "ledger_transaction",
    "ledger_applied",
    "ledger_counter_total",
    "ledger_batch",
    "ledger_asset",
    "ledger_account_kind",
    "ledger_hold_line",
    "ledger_single_hold",
    "ledger_single_hold_end",
    "ledger_detached_month",
)
COLUMN = {
    "ledger_asset": "code",
    "ledger_account_kind": "name",
    "ledger_batch": "key",
    "ledger_detached_month": "digest",
    "ledger_transaction": "key",
}


@pytest.fixture(autouse=True)
def resident() -> int:
    """A resident with 100 mg, so that every table has rows to attack."""
    account = new_resident()
    fund(account, new_asset(), 100)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    return account


@contextmanager
def as_application() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE tanpuhui_app")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


def execute(statement: str) -> None:
    with transaction.atomic(), refusing(), connection.cursor() as cursor:
        cursor.execute(statement)


def attacks(table: str) -> list[str]:
    column = COLUMN.get(table, "amount" if table in ("ledger_hold_line", "ledger_single_hold") else "tx_id")
    return [f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"]


@pytest.mark.parametrize("table", FACTS)
def test_the_owner_cannot_change_a_fact(table: str) -> None:
    for attack in attacks(table):
        with pytest.raises(OnlyGrows):
            execute(attack)


@pytest.mark.parametrize("table", [*FACTS, "ledger_balance", "ledger_hold"])
def test_the_application_may_not_even_try(table: str) -> None:
    column = "available" if table == "ledger_balance" else "state" if table == "ledger_hold" else None
    mutations = (
        attacks(table)
        if column is None
        else [f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"]
    )
    for attack in mutations:
        assert "permission denied" in error_of_application(attack)


def error_of_application(attack: str) -> str:
    with pytest.raises(ProgrammingError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE tanpuhui_app")
        cursor.execute(attack)
    return str(refused.value)


@pytest.mark.parametrize(
    "table",
    ["ledger_transaction", "ledger_applied", "ledger_counter_total", "ledger_balance", "ledger_batch"],
)
def test_the_application_writes_only_postings_by_itself(table: str) -> None:
    assert "permission denied" in error_of_application(f"INSERT INTO {table} DEFAULT VALUES")


def test_balances_and_holds_are_never_forgotten() -> None:
    for table in ("ledger_balance", "ledger_hold"):
        with pytest.raises(OnlyGrows):
            execute(f"DELETE FROM {table}")
        with pytest.raises(OnlyGrows):
            execute(f"TRUNCATE {table} CASCADE")


def test_a_closed_hold_is_not_opened_again_by_hand(resident: int) -> None:
    asset = new_asset()
    fund(resident, asset, 10)
    order = HoldOrder(new_key(), "redeem", (HoldLine(resident, asset, 10),))
    hold_id = hold(connection, order, at=AT).accepted()
    release(connection, hold_id, at=AT)

    with pytest.raises(OnlyGrows):
        execute(f"UPDATE ledger_hold SET state = 'open', closed_at = NULL WHERE id = {hold_id}")


def test_legs_cannot_be_added_to_a_transaction_later(resident: int) -> None:
    answer = transfer(connection, moving(ISSUANCE, resident, new_asset(), 1), at=AT)
    row = "(%s, {}, {}, 0, 1, '2026-11-24', 9, 0, 2)" % answer.id  # noqa: UP031
    late = f"{row.format(resident, 5)}, {row.format(ISSUANCE, -5)}"

    for table in ("ledger_posting", "ledger_posting_single", "ledger_posting_single_2026_11"):
        with pytest.raises(Unbalanced):
            execute(f"INSERT INTO {table} VALUES {late}")


def test_legs_without_a_transaction_are_refused(resident: int) -> None:
    row = "(9000000000, {}, {}, 0, 1, '2026-11-24', 1, 0, 2)"

    with pytest.raises(Unbalanced):
        execute(f"INSERT INTO ledger_posting VALUES {row.format(resident, 5)}, {row.format(ISSUANCE, -5)}")


def test_the_application_does_its_whole_work_in_its_own_role() -> None:
    resident, pool = new_resident(), new_pool()
    with as_application():
        asset = get_or_create_asset(connection, f"test:{new_key()}").id
        legs = legs_of([(resident, asset, 100)])
        batch = {"key": new_key(), "manifest": None, "reason": "close", "effective_on": AT.date(), "at": AT}
        post_batch(connection, legs=legs, **batch)
        transfer(connection, moving(resident, pool, asset, 40), at=AT).accepted()
        refused = transfer(connection, moving(resident, pool, asset, 61), at=AT)
        hold_id = hold(
            connection, HoldOrder(new_key(), "x", (HoldLine(resident, asset, 5),)), at=AT
        ).accepted()
        release(connection, hold_id, at=AT)
        lines = statement(connection, resident >> 4, at=AT).lines

        assert isinstance(refused.refusal, Insufficient)
        assert [line.balance for line in lines] == [60, 100]
        assert check(connection) == []
        assert counts(connection)["invariants"] == len(invariants())

    assert available(pool) == 40
