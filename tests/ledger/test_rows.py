"""What no row of the ledger may be, whoever writes it, and two legs that anybody inserts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from ledger.bookings import AT, available, fund, new_asset, new_key, new_pool, new_resident
from tanpuhui.ledger.connection import refusing
from tanpuhui.ledger.refusals import Insufficient, Unbalanced

pytestmark = pytest.mark.django_db

DAY, NEXT_DAY = AT.date().isoformat(), (AT.date() + timedelta(days=1)).isoformat()


@pytest.fixture(autouse=True)
def undone(db: None) -> Iterator[None]:
    """Transactions without legs are gone before anything asks for these."""
    before = transaction.savepoint()
    yield
    transaction.savepoint_rollback(before)


def execute(statement: str) -> None:
    with transaction.atomic(), refusing(), connection.cursor() as cursor:
        cursor.execute(statement)


def value_of(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def row(**other: str) -> str:
    """A transaction as it may be, but for what is given, as SQL."""
    values = {
        "key": f"'{new_key()}'",
        "content_digest": "'d'",
        "reason": "'test'",
        "state": "'posted'",
        "refusal": "NULL",
        "effective_on": f"'{DAY}'",
        "posted_at": f"'{DAY} 12:00Z'",
        "posted_on": f"'{DAY}'",
        "reverses": "NULL",
    } | other
    return f"INSERT INTO ledger_transaction ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def test_a_transaction_is_posted_without_a_refusal_or_refused_with_one() -> None:
    execute(row())
    execute(row(state="'refused'", refusal="'{}'"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "''"},
        {"state": "'done'"},
        {"state": "'done'", "refusal": "'{}'"},
        {"state": "'refused'"},
        {"refusal": "'{}'"},
        {"posted_on": f"'{NEXT_DAY}'"},
        {"posted_at": f"'{DAY} 23:30-01:00'"},
        {"state": "NULL"},
        {"posted_on": "NULL"},
    ],
)
def test_no_transaction_is_anything_else(wrong: dict[str, str]) -> None:
    with pytest.raises(IntegrityError):
        execute(row(**wrong))


def test_what_was_refused_reverses_nothing() -> None:
    posted = fund(new_pool(), new_asset(), 5).accepted()

    execute(row(reverses=str(posted)))
    with pytest.raises(IntegrityError):
        execute(row(state="'refused'", refusal="'{}'", reverses=str(posted)))


@pytest.mark.parametrize(
    ("available_mg", "held_mg"), [(-1, 0), (0, -1), (-1, -1), (-1, 2**62), (2**62, -1), (-(2**63), 0)]
)
def test_no_balance_is_below_zero(available_mg: int, held_mg: int) -> None:
    pool, asset = new_pool(), new_asset()
    fund(pool, asset, 5)

    execute(f"UPDATE ledger_balance SET available = 0, held = {2**63 - 1} WHERE account_id = {pool}")
    with pytest.raises(IntegrityError, match="ledger_balance_floor"):
        execute(
            f"UPDATE ledger_balance SET available = {available_mg}, held = {held_mg} WHERE account_id = {pool}"
        )


@pytest.mark.parametrize("column", ["floored", "counter"])
def test_the_trigger_of_postings_knows_the_kinds_as_their_table_says(column: str) -> None:
    known = value_of(f"SELECT ledger_{column}_kinds()")

    assert known == value_of(f"SELECT sum(1 << code) FROM ledger_account_kind WHERE {column}")


def test_no_kind_is_otherwise_than_the_trigger_of_postings_knows_it() -> None:
    execute("ALTER TABLE ledger_account_kind DISABLE TRIGGER ledger_only_grows")

    for code in range(1, 16):
        with pytest.raises(IntegrityError):
            execute(f"UPDATE ledger_account_kind SET floored = NOT floored WHERE code = {code}")


def opened(on: str = DAY) -> int:
    """A transaction whose legs somebody will insert by hand."""
    return value_of(row(posted_at=f"'{on} 12:00Z'", posted_on=f"'{on}'") + " RETURNING id")


def leg(tx: int, account: int, amount: int, asset: int, *, on: str = DAY, number: int = 1) -> str:
    return f"({tx}, {account}, {amount}, 0, {asset}, '{on}', {number}, 0, 2)"


def insert(*legs: str) -> None:
    execute(f"INSERT INTO ledger_posting VALUES {', '.join(legs)}")


@pytest.mark.parametrize("giver_comes_first", [True, False])
@pytest.mark.parametrize("first_credit", [True, False])
def test_two_legs_move_in_either_order_to_a_first_balance_or_a_later_one(
    giver_comes_first: bool, first_credit: bool
) -> None:
    low, high = sorted((new_resident(), new_resident()))
    giver, taker = (low, high) if giver_comes_first else (high, low)
    asset, tx = new_asset(), opened()
    fund(giver, asset, 10)
    if not first_credit:
        fund(taker, asset, 1)

    insert(leg(tx, taker, 7, asset), leg(tx, giver, -7, asset))

    assert (available(giver), available(taker)) == (3, 7 if first_credit else 8)


@pytest.mark.parametrize("giver_comes_first", [True, False])
@pytest.mark.parametrize("had", [0, 6])
def test_two_legs_of_more_than_there_is_are_refused_and_move_nothing(
    giver_comes_first: bool, had: int
) -> None:
    low, high = sorted((new_resident(), new_resident()))
    giver, taker = (low, high) if giver_comes_first else (high, low)
    asset, tx = new_asset(), opened()
    fund(taker, asset, 1)
    if had:
        fund(giver, asset, had)

    with pytest.raises(Insufficient) as refused:
        insert(leg(tx, giver, -7, asset), leg(tx, taker, 7, asset))

    assert {name: refused.value.facts[name] for name in ("account_id", "available", "wanted")} == {
        "account_id": giver,
        "available": had,
        "wanted": 7,
    }
    assert (available(giver), available(taker)) == (had, 1)


def test_two_legs_are_one_transaction_of_one_day_and_one_asset_that_sums_to_zero() -> None:
    asset, other = new_asset(), new_asset()
    giver, taker, tx, second = new_resident(), new_resident(), opened(), opened()
    fund(giver, asset, 100)

    for wrong in (
        (leg(tx, giver, -7, asset), leg(second, taker, 7, asset)),
        (leg(tx, giver, -7, asset), leg(tx, taker, 7, other)),
        (leg(tx, giver, -7, asset), leg(tx, taker, 7, asset, on=NEXT_DAY)),
        (leg(tx, giver, -7, asset, on=NEXT_DAY), leg(tx, taker, 7, asset, on=NEXT_DAY)),
        (leg(tx, giver, -7, asset), leg(tx, taker, 8, asset)),
        (leg(tx, giver, 7, asset), leg(tx, taker, 7, asset)),
        (leg(tx, giver, -7, asset), leg(tx, taker, 7, asset), leg(tx, taker, 1, asset)),
        (leg(tx, giver, -(2**63), asset), leg(tx, taker, 2**63 - 1, asset)),
        (leg(tx, giver, -7, 2**31 - 1), leg(tx, taker, 7, 2**31 - 1)),
    ):
        with pytest.raises(Unbalanced):
            insert(*wrong)
    insert(leg(tx, giver, -7, asset), leg(tx, taker, 7, asset))
    with pytest.raises(Unbalanced):
        insert(leg(tx, giver, -7, asset), leg(tx, taker, 7, asset))

    assert (available(giver), available(taker)) == (93, 7)
