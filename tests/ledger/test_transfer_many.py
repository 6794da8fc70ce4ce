"""Many transfers in one call: each answered as if it came alone, at its limits, repeated, and in parallel."""

from __future__ import annotations

import dataclasses

import pytest
from django.db import connection, transaction

from ledger.bookings import AT, DAY, available, fund, in_parallel, new_asset, new_key, new_pool, new_resident
from tanpuhui.ledger.answer import Answer
from tanpuhui.ledger.invariants import check
from tanpuhui.ledger.post_batch import ISSUANCE
from tanpuhui.ledger.refusals import Insufficient, KeyReused
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.ledger.transfer_many import Move, transfer_many


def post(moves: list[Move]) -> list[Answer]:
    return transfer_many(connection, moves, reason="test", effective_on=DAY, at=AT)


@pytest.mark.django_db
def test_none_is_none() -> None:
    assert post([]) == []


@pytest.mark.django_db
def test_a_thousand_are_posted_each_under_its_key() -> None:
    asset, resident, pool = new_asset(), new_resident(), new_pool()
    fund(resident, asset, 1_000)

    answers = post([Move(new_key(), resident, pool, asset, 1) for _ in range(1_000)])

    assert {answer.state for answer in answers} == {"posted"}
    assert len({answer.id for answer in answers}) == 1_000
    assert (available(resident), available(pool)) == (0, 1_000)
    assert check(connection) == []


@pytest.mark.django_db
def test_what_comes_in_earlier_in_the_call_can_go_on_and_what_is_too_much_is_refused_alone() -> None:
    asset, first, second, third = new_asset(), new_resident(), new_resident(), new_resident()
    fund(first, asset, 10)

    answers = post(
        [
            Move(new_key(), first, second, asset, 10),
            Move(new_key(), second, third, asset, 7),
            Move(new_key(), second, third, asset, 4),
            Move(new_key(), second, third, asset, 3),
        ]
    )

    assert [answer.state for answer in answers] == ["posted", "posted", "refused", "posted"]
    assert isinstance(answers[2].refusal, Insufficient)
    assert [available(account) for account in (first, second, third)] == [0, 0, 10]
    assert check(connection) == []


@pytest.mark.django_db
def test_a_repeat_gets_the_first_answers_and_the_rest_is_posted() -> None:
    asset, resident, pool = new_asset(), new_resident(), new_pool()
    fund(resident, asset, 10)
    done, too_much, more = (Move(new_key(), resident, pool, asset, amount) for amount in (6, 5, 4))
    first = post([done, too_much])

    again = post([done, too_much, more])

    assert [answer.id for answer in again[:2]] == [answer.id for answer in first]
    assert [(answer.state, answer.repeated) for answer in again] == [
        ("posted", True),
        ("refused", True),
        ("posted", False),
    ]
    assert available(pool) == 10


@pytest.mark.django_db
def test_a_key_is_the_same_one_as_of_a_single_transfer() -> None:
    asset, resident, pool = new_asset(), new_resident(), new_pool()
    fund(resident, asset, 10)
    key = new_key()
    legs = move(source=resident, target=pool, asset_id=asset, amount=6)
    alone = transfer(connection, TransferOrder(key, "test", DAY, legs), at=AT)

    (answer,) = post([Move(key, resident, pool, asset, 6)])

    assert (answer.id, answer.repeated) == (alone.id, True)
    assert available(pool) == 6


@pytest.mark.django_db
def test_a_known_key_with_other_content_is_refused_and_posts_nothing() -> None:
    asset, resident, pool = new_asset(), new_resident(), new_pool()
    fund(resident, asset, 10)
    known = Move(new_key(), resident, pool, asset, 1)
    post([known])

    with pytest.raises(KeyReused), transaction.atomic():
        post([dataclasses.replace(known, amount=2), Move(new_key(), resident, pool, asset, 1)])

    assert available(pool) == 1


@pytest.mark.django_db
def test_issuing_is_seen_on_the_counter_account_of_each() -> None:
    asset, residents = new_asset(), [new_resident() for _ in range(3)]

    answers = post([Move(new_key(), ISSUANCE, resident, asset, 5) for resident in residents])

    assert {answer.state for answer in answers} == {"posted"}
    assert check(connection) == []


@pytest.mark.django_db(transaction=True)
def test_calls_that_meet_in_opposite_order_do_not_deadlock_and_each_key_is_posted_once() -> None:
    asset, accounts = new_asset(), [new_resident() for _ in range(40)]
    for account in accounts:
        fund(account, asset, 100)
    keys = [new_key() for _ in accounts]

    def work(number: int) -> int:
        order = list(range(40)) if number % 2 else list(reversed(range(40)))
        moves = [Move(keys[n], accounts[n], accounts[(n + 1) % 40], asset, 1) for n in order]
        with transaction.atomic():
            return sum(not answer.repeated for answer in post(moves))

    fresh = in_parallel(8, work)

    assert sum(fresh) == 40
    assert [available(account) for account in accounts] == [100] * 40
    assert check(connection) == []
