"""Transfer at its limits, repeated, in parallel with itself, and against what does not balance."""

from __future__ import annotations

import dataclasses

import pytest
from django.db import connection, transaction

from ledger.bookings import (
    AT,
    DAY,
    available,
    fund,
    in_parallel,
    moving,
    new_asset,
    new_key,
    new_pool,
    new_resident,
)
from tanpuhui.ledger.connection import refusing
from tanpuhui.ledger.invariants import check
from tanpuhui.ledger.post_batch import ISSUANCE
from tanpuhui.ledger.refusals import Insufficient, KeyReused, Unbalanced
from tanpuhui.ledger.transfer import Leg, TransferOrder, move, transfer


@pytest.mark.django_db
@pytest.mark.parametrize("amount", [1, 99, 100])
def test_up_to_everything_can_be_moved(amount: int) -> None:
    asset, resident, pool = new_asset(), new_resident(), new_pool()
    fund(resident, asset, 100)

    answer = transfer(connection, moving(resident, pool, asset, amount), at=AT)

    assert answer.state == "posted"
    assert (available(resident), available(pool)) == (100 - amount, amount)


@pytest.mark.django_db
def test_one_more_than_everything_is_refused_and_moves_nothing() -> None:
    asset, resident, pool = new_asset(), new_resident(), new_pool()
    fund(resident, asset, 100)

    answer = transfer(connection, moving(resident, pool, asset, 101), at=AT)

    assert (available(resident), available(pool)) == (100, 0)
    with pytest.raises(Insufficient) as refused:
        answer.accepted()
    assert refused.value.facts["account_id"] == resident
    assert (refused.value.facts["available"], refused.value.facts["wanted"]) == (100, 101)


@pytest.mark.django_db
def test_an_account_that_never_had_anything_has_nothing_to_give() -> None:
    answer = transfer(connection, moving(new_resident(), new_pool(), new_asset(), 1), at=AT)

    assert isinstance(answer.refusal, Insufficient)
    assert answer.refusal.facts["available"] == 0


def test_nothing_cannot_be_moved() -> None:
    with pytest.raises(AssertionError):
        move(source=17, target=33, asset_id=1, amount=0)


@pytest.mark.django_db
def test_a_repeat_gives_the_first_answer_and_moves_nothing() -> None:
    asset, resident, pool = new_asset(), new_resident(), new_pool()
    fund(resident, asset, 100)
    order = moving(resident, pool, asset, 60)

    first = transfer(connection, order, at=AT)
    again = transfer(connection, order, at=AT)

    assert again == dataclasses.replace(first, repeated=True)
    assert available(pool) == 60


@pytest.mark.django_db
def test_what_was_refused_stays_refused_when_money_has_come() -> None:
    asset, resident, pool = new_asset(), new_resident(), new_pool()
    order = moving(resident, pool, asset, 60)
    first = transfer(connection, order, at=AT)
    fund(resident, asset, 100)

    again = transfer(connection, order, at=AT)

    assert again.id == first.id
    assert isinstance(again.refusal, Insufficient)
    assert available(resident) == 100


@pytest.mark.django_db
def test_a_key_with_other_content_is_refused() -> None:
    asset, resident, pool = new_asset(), new_resident(), new_pool()
    fund(resident, asset, 100)
    order = moving(resident, pool, asset, 60)
    transfer(connection, order, at=AT)

    with pytest.raises(KeyReused):
        transfer(connection, moving(resident, pool, asset, 61, key=order.key), at=AT)

    assert available(pool) == 60


@pytest.mark.django_db
@pytest.mark.parametrize("amounts", [(-5, 6), (5,), (-5, 5, 1)])
def test_legs_that_do_not_sum_to_zero_are_refused_by_the_database(amounts: tuple[int, ...]) -> None:
    asset, resident = new_asset(), new_resident()
    fund(resident, asset, 100)
    legs = tuple(Leg(resident, asset, amount) for amount in amounts)

    with pytest.raises(Unbalanced), transaction.atomic():
        transfer(connection, TransferOrder(new_key(), "test", DAY, legs), at=AT)

    assert available(resident) == 100


@pytest.mark.django_db
def test_two_assets_do_not_balance_each_other() -> None:
    apples, pears, resident = new_asset(), new_asset(), new_resident()
    fund(resident, apples, 100)
    legs = (Leg(resident, apples, -5), Leg(new_pool(), pears, 5))

    with pytest.raises(Unbalanced), transaction.atomic():
        transfer(connection, TransferOrder(new_key(), "test", DAY, legs), at=AT)


@pytest.mark.django_db
def test_an_asset_nobody_defined_is_refused() -> None:
    legs = (Leg(ISSUANCE, 2**31 - 1, -5), Leg(new_resident(), 2**31 - 1, 5))

    with pytest.raises(Unbalanced), transaction.atomic():
        transfer(connection, TransferOrder(new_key(), "test", DAY, legs), at=AT)


@pytest.mark.django_db
def test_a_transaction_without_legs_does_not_survive_its_commit() -> None:
    with pytest.raises(Unbalanced), transaction.atomic():
        transfer(connection, TransferOrder(new_key(), "test", DAY, ()), at=AT)
        with refusing(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db(transaction=True)
def test_one_key_in_eight_sessions_at_once_moves_once() -> None:
    asset, resident, pool = new_asset(), new_resident(), new_pool()
    fund(resident, asset, 100)
    order = moving(resident, pool, asset, 60)

    answers = in_parallel(8, lambda _: transfer(connection, order, at=AT))

    assert len({answer.id for answer in answers}) == 1
    assert sorted(answer.repeated for answer in answers) == [False] + [True] * 7
    assert (available(resident), available(pool)) == (40, 60)


@pytest.mark.django_db(transaction=True)
def test_eight_sessions_cannot_spend_the_same_milligrams() -> None:
    asset, resident, pool = new_asset(), new_resident(), new_pool()
    fund(resident, asset, 100)

    answers = in_parallel(8, lambda _: transfer(connection, moving(resident, pool, asset, 30), at=AT))

    assert sorted(answer.state for answer in answers) == ["posted"] * 3 + ["refused"] * 5
    assert (available(resident), available(pool)) == (10, 90)


@pytest.mark.django_db(transaction=True)
def test_transfers_in_opposite_directions_wait_for_each_other_and_never_deadlock() -> None:
    asset, one, other = new_asset(), new_resident(), new_resident()
    fund(one, asset, 10_000)
    fund(other, asset, 10_000)

    def back_and_forth(number: int) -> None:
        pair = (one, other) if number % 2 else (other, one)
        for _ in range(20):
            transfer(connection, moving(*pair, asset, 7), at=AT).accepted()

    failures = [error for error in in_parallel(4, back_and_forth) if error is not None]

    assert failures == []
    assert available(one) + available(other) == 20_000


@pytest.mark.django_db(transaction=True)
def test_the_first_credit_of_an_account_can_come_from_many_sessions_at_once() -> None:
    asset, resident = new_asset(), new_resident()

    answers = in_parallel(8, lambda _: fund(resident, asset, 5))

    assert [answer.state for answer in answers] == ["posted"] * 8
    assert available(resident) == 40
    assert check(connection) == []
