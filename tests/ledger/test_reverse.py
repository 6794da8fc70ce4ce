"""Reversal: the exact inverse, once, and never of a reversal."""

from __future__ import annotations

import pytest
from django.db import connection

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
from tanpuhui.ledger.answer import Answer
from tanpuhui.ledger.invariants import check
from tanpuhui.ledger.refusals import AlreadyReversed, Insufficient, ReversalOfReversal, UnknownTransaction
from tanpuhui.ledger.reverse import reverse
from tanpuhui.ledger.transfer import transfer

pytestmark = pytest.mark.django_db


def undo(tx_id: int, key: str = "") -> Answer:
    return reverse(connection, tx_id, key=key or new_key(), reason="wrong pool", effective_on=DAY, at=AT)


def test_a_reversal_brings_everything_back() -> None:
    asset, resident, pool = new_asset(), new_resident(), new_pool()
    fund(resident, asset, 100)
    tx_id = transfer(connection, moving(resident, pool, asset, 60), at=AT).accepted()

    undo(tx_id).accepted()

    assert (available(resident), available(pool)) == (100, 0)
    assert check(connection) == []


def test_a_transaction_is_reversed_once() -> None:
    asset, resident = new_asset(), new_resident()
    tx_id = fund(resident, asset, 100).accepted()
    first = undo(tx_id)

    again = undo(tx_id)

    assert isinstance(again.refusal, AlreadyReversed)
    assert again.refusal.facts["reversed_by"] == first.id


def test_a_repeated_reversal_gives_the_first_answer() -> None:
    tx_id, key = fund(new_resident(), new_asset(), 100).accepted(), new_key()

    first, again = undo(tx_id, key), undo(tx_id, key)

    assert (again.id, again.state, again.repeated) == (first.id, "posted", True)


def test_a_reversal_is_not_reversed() -> None:
    reversal = undo(fund(new_resident(), new_asset(), 100).accepted())

    answer = undo(reversal.accepted())

    assert isinstance(answer.refusal, ReversalOfReversal)


def test_what_was_refused_or_never_was_cannot_be_reversed() -> None:
    refused = transfer(connection, moving(new_resident(), new_pool(), new_asset(), 1), at=AT)

    assert isinstance(undo(refused.id).refusal, UnknownTransaction)
    assert isinstance(undo(2**62).refusal, UnknownTransaction)


def test_what_has_been_spent_cannot_be_taken_back() -> None:
    asset, resident = new_asset(), new_resident()
    tx_id = fund(resident, asset, 100).accepted()
    transfer(connection, moving(resident, new_pool(), asset, 1), at=AT)

    answer = undo(tx_id)

    assert isinstance(answer.refusal, Insufficient)
    assert available(resident) == 99


@pytest.mark.django_db(transaction=True)
def test_of_eight_reversals_at_once_one_is_posted() -> None:
    resident = new_resident()
    tx_id = fund(resident, new_asset(), 100).accepted()

    answers = in_parallel(8, lambda _: undo(tx_id))

    assert sorted(answer.state for answer in answers) == ["posted"] + ["refused"] * 7
    assert available(resident) == 0
    assert check(connection) == []
