"""Batches: posted whole and once, under the same rules as everything else, whatever dies meanwhile."""

from __future__ import annotations

import dataclasses
import threading
import time
from datetime import date
from typing import Any

import numpy as np
import pytest
from django.db import OperationalError, connection, connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from ledger.bookings import (
    AT,
    DAY,
    available,
    fund,
    in_parallel,
    legs_of,
    moving,
    new_asset,
    new_key,
    new_pool,
    new_resident,
    postings_of,
)
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.balance import balance_at
from tanpuhui.ledger.invariants import check
from tanpuhui.ledger.legs import Legs, no_legs, part_by_asset_and_code
from tanpuhui.ledger.post_batch import ISSUANCE, BatchAnswer, post_batch
from tanpuhui.ledger.refusals import Insufficient, KeyReused
from tanpuhui.ledger.reverse import reverse
from tanpuhui.ledger.transfer import transfer
from unjudged import unjudged


def post(legs: Legs, key: str = "", counter: int = ISSUANCE) -> BatchAnswer:
    return post_batch(
        connection,
        key=key or new_key(),
        manifest="sha256:00",
        reason="close",
        effective_on=DAY,
        legs=legs,
        counter=counter,
        at=AT,
    )


@pytest.mark.django_db
def test_credits_arrive_and_the_issuance_account_owes_them() -> None:
    asset, one, other = new_asset(), new_resident(), new_resident()

    answer = post(legs_of([(one, asset, 100), (one, asset, 20), (other, asset, 3)]))

    assert (available(one), available(other)) == (120, 3)
    assert (answer.legs, answer.credited, answer.debited, answer.repeated) == (3, 123, 0, False)
    owed = {balance.asset: balance.available for balance in balance_at(connection, ISSUANCE, AT)}
    assert -123 in owed.values()
    assert check(connection) == []


@pytest.mark.django_db
def test_each_asset_and_each_code_has_a_transaction_of_its_own() -> None:
    metro, bus, resident = new_asset(), new_asset(), new_resident()
    rows = legs_of([(resident, metro, 1), (resident, metro, 2), (resident, bus, 4)])
    legs = dataclasses.replace(rows, code=np.array([7, 8, 7], np.int64))

    answer = post(legs)

    assert len(answer.transaction_ids) == 3
    assert available(resident) == 7
    assert check(connection) == []


@pytest.mark.django_db
def test_a_repeat_gives_the_first_answer_and_posts_nothing() -> None:
    asset, resident, key = new_asset(), new_resident(), new_key()
    legs = legs_of([(resident, asset, 100)])

    first = post(legs, key)
    again = post(legs, key)

    assert again == dataclasses.replace(first, repeated=True)
    assert available(resident) == 100


@pytest.mark.django_db
@pytest.mark.parametrize("amount", [99, 101])
def test_a_key_with_other_legs_is_refused(amount: int) -> None:
    asset, resident, key = new_asset(), new_resident(), new_key()
    post(legs_of([(resident, asset, 100)]), key)

    with pytest.raises(KeyReused):
        post(legs_of([(resident, asset, amount)]), key)

    assert available(resident) == 100


@pytest.mark.django_db
def test_a_day_on_which_nothing_happened_is_posted_too() -> None:
    answer = post(no_legs())

    assert (answer.legs, answer.transaction_ids) == (0, ())
    assert check(connection) == []


@pytest.mark.django_db
def test_adjusting_entries_take_back_up_to_everything() -> None:
    asset, one, other = new_asset(), new_resident(), new_resident()
    post(legs_of([(one, asset, 100), (other, asset, 50)]))

    answer = post(legs_of([(one, asset, -100), (other, asset, 100)]))

    assert (answer.credited, answer.debited) == (100, 100)
    assert (available(one), available(other)) == (0, 150)
    assert check(connection) == []


@pytest.mark.django_db
def test_one_milligram_more_refuses_the_whole_batch_and_names_the_first_account() -> None:
    asset, one, other, third = new_asset(), new_resident(), new_resident(), new_resident()
    post(legs_of([(one, asset, 100), (other, asset, 50), (third, asset, 50)]))

    with pytest.raises(Insufficient) as refused:
        post(legs_of([(one, asset, 5), (other, asset, -51), (third, asset, -52)]))

    assert (refused.value.facts["account_id"], refused.value.facts["wanted"]) == (other, 51)
    assert (available(one), available(other), available(third)) == (100, 50, 50)
    assert check(connection) == []


@pytest.mark.django_db
def test_what_moves_to_a_lot_crosses_through_the_counter_account() -> None:
    asset, resident = new_asset(), account_id(Kind.RESIDENT_PENDING, 77)
    certifying = account_id(Kind.CERTIFYING, 0)
    post(legs_of([(resident, asset, 100)]))
    before = available(certifying)

    with unjudged():
        post(legs_of([(resident, asset, -60)]), counter=certifying)

    assert available(certifying) - before == 60
    assert available(resident) == 40


@pytest.mark.django_db
def test_a_transaction_of_a_batch_can_be_reversed() -> None:
    asset, resident = new_asset(), new_resident()
    answer = post(legs_of([(resident, asset, 100), (resident, asset, 20)]))

    reverse(
        connection, answer.transaction_ids[0], key=new_key(), reason="wrong", effective_on=DAY, at=AT
    ).accepted()

    assert available(resident) == 0
    assert check(connection) == []


@pytest.mark.django_db
def test_thirty_thousand_legs_meet_the_same_rules_by_the_large_plan() -> None:
    asset = new_asset()
    accounts = np.repeat(np.arange(500_000, 515_000, dtype=np.int64), 2) * 16 + Kind.RESIDENT_PENDING
    ones = np.ones(len(accounts), np.int64)
    legs = Legs(accounts, ones * asset, ones * 3, np.arange(len(accounts)), ones)

    post(legs)
    post(dataclasses.replace(legs, amount=legs.amount - 2))
    with pytest.raises(Insufficient) as refused:
        post(dataclasses.replace(legs, amount=-legs.amount - 2))

    assert refused.value.facts["account_id"] == int(accounts[0])
    assert available(int(accounts[0])) == 8
    assert check(connection) == []


def test_unsorted_or_empty_legs_are_our_own_mistake() -> None:
    one = np.array([33, 17], np.int64)
    with pytest.raises(AssertionError, match="sorted"):
        Legs(one, one, one, one, one)
    with pytest.raises(AssertionError, match="zero"):
        Legs(one[1:], one[1:], one[1:] * 0, one[1:], one[1:])


@given(
    st.lists(
        st.tuples(
            st.integers(1, 2**31 - 1), st.integers(-(2**15), 2**15 - 1), st.integers(-9, 9).filter(bool)
        ),
        min_size=1,
    )
)
def test_parts_are_the_pairs_in_order_with_their_sums(rows: list[tuple[int, int, int]]) -> None:
    asset, code, amount = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    legs = Legs(np.full(len(rows), 17, np.int64), asset, amount, asset, code)
    expected: dict[tuple[int, int], int] = {}
    for pair_asset, pair_code, value in rows:
        expected[pair_asset, pair_code] = expected.get((pair_asset, pair_code), 0) + value

    parts = part_by_asset_and_code(legs)

    pairs = list(zip(parts.asset_id.tolist(), parts.code.tolist(), strict=True))
    assert dict(zip(pairs, parts.total.tolist(), strict=True)) == expected
    assert pairs == sorted(expected)
    assert [pairs[place] for place in parts.part] == [(row[0], row[1]) for row in rows]


@pytest.mark.django_db(transaction=True)
def test_one_batch_in_four_sessions_at_once_is_posted_once() -> None:
    asset, resident, key = new_asset(), new_resident(), new_key()
    legs = legs_of([(resident, asset, 100)])

    answers = in_parallel(4, transaction.atomic(lambda _: post(legs, key)))

    assert sorted(answer.repeated for answer in answers) == [False, True, True, True]
    assert available(resident) == 100


@pytest.mark.django_db(transaction=True)
def test_batches_and_transfers_at_once_do_not_deadlock_and_lose_nothing() -> None:
    asset = new_asset()
    residents = [new_resident() for _ in range(50)]
    pool = new_pool()
    for resident in residents:
        fund(resident, asset, 10)

    def work(number: int) -> Any:
        if number % 2:
            with transaction.atomic():
                return post(legs_of([(resident, asset, 1) for resident in residents]))
        for resident in reversed(residents):
            transfer(connection, moving(resident, pool, asset, 1), at=AT).accepted()
        return None

    failures = [result for result in in_parallel(4, work) if isinstance(result, Exception)]

    assert failures == []
    assert available(pool) == 100
    assert sum(available(resident) for resident in residents) == 500
    assert check(connection) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.15, 0.3])
def test_a_server_process_that_dies_in_a_batch_leaves_nothing_half_done(after_s: float) -> None:
    asset, key = new_asset(), new_key()
    accounts = np.arange(600_000, 680_000, dtype=np.int64) * 16 + Kind.RESIDENT_PENDING
    ones = np.ones(len(accounts), np.int64)
    legs = Legs(accounts, ones * asset, ones, ones, ones)
    started = threading.Event()
    pids: list[int] = []

    def killed() -> None:
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_backend_pid()")
                    pids.append(cursor.fetchone()[0])
                started.set()
                post(legs, key)
                time.sleep(1)
        except OperationalError:
            pass
        finally:
            connections.close_all()

    thread = threading.Thread(target=killed)
    thread.start()
    started.wait()
    time.sleep(after_s)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pids[0]])
    thread.join()

    assert postings_of(asset) == 0
    with transaction.atomic():
        again = post(legs, key)
    assert (again.repeated, postings_of(asset)) == (False, 80_001)
    assert check(connection) == []


@pytest.mark.django_db(transaction=True)
def test_the_first_postings_of_a_month_may_come_at_once() -> None:
    """A session that waited for another to make the month's partition finds it there."""
    for year in range(2031, 2039):
        day = date(year, 5, 1)

        def make(_number: int, day: date = day) -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT ledger_partition(1::smallint, %s)", [day])

        failures = [result for result in in_parallel(4, make) if isinstance(result, Exception)]

        assert failures == []
