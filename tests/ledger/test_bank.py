"""The bank test: whatever order things come in, the ledger and a ledger of plain Python numbers agree."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from django.db import connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.bookings import (
    AT,
    DAY,
    available,
    fund,
    held,
    in_parallel,
    legs_of,
    moving,
    new_asset,
    new_key,
    new_resident,
)
from tanpuhui.ledger.capture import CaptureOrder, Take, capture
from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.ledger.invariants import check
from tanpuhui.ledger.post_batch import post_batch
from tanpuhui.ledger.refusals import Insufficient
from tanpuhui.ledger.release import release
from tanpuhui.ledger.reverse import reverse
from tanpuhui.ledger.transfer import transfer

RESIDENTS = 3
residents = st.integers(0, RESIDENTS - 1)
amounts = st.integers(1, 60)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("move"), residents, residents, amounts),
        st.tuples(st.just("hold"), residents, amounts),
        st.tuples(st.just("capture"), st.integers(0, 5), residents, amounts),
        st.tuples(st.just("release"), st.integers(0, 5)),
        st.tuples(st.just("batch"), st.lists(st.integers(-20, 20), min_size=RESIDENTS, max_size=RESIDENTS)),
        st.tuples(st.just("reverse"), st.integers(0, 5)),
    ),
    max_size=25,
)


class PlainLedger:
    """The model: what each resident has free, what is held, and which moves can be undone."""

    def __init__(self) -> None:
        self.free = [100] * RESIDENTS
        self.holds: list[list[Any]] = []
        self.moves: list[tuple[int, int, int]] = []

    def held(self, resident: int) -> int:
        return sum(amount for owner, amount, is_open in self.holds if owner == resident and is_open)

    def move(self, source: int, target: int, amount: int) -> bool:
        if source != target and self.free[source] < amount:
            return False
        self.free[source] -= amount
        self.free[target] += amount
        return True


class Workload:
    """The same step, in the ledger and in the model; each answer is compared."""

    def __init__(self) -> None:
        self.asset, self.accounts = new_asset(), [new_resident() for _ in range(RESIDENTS)]
        for account in self.accounts:
            fund(account, self.asset, 100)
        self.model, self.hold_ids, self.tx_ids = PlainLedger(), list[int](), list[int]()

    def move(self, source: int, target: int, amount: int) -> None:
        answer = transfer(
            connection, moving(self.accounts[source], self.accounts[target], self.asset, amount), at=AT
        )
        assert (answer.refusal is None) == self.model.move(source, target, amount)
        if answer.refusal is None:
            self.tx_ids.append(answer.id)
            self.model.moves.append((source, target, amount))

    def hold(self, resident: int, amount: int) -> None:
        line = HoldLine(self.accounts[resident], self.asset, amount)
        answer = hold(connection, HoldOrder(new_key(), "redeem", (line,)), at=AT)
        assert (answer.refusal is None) == (self.model.free[resident] >= amount)
        if answer.refusal is None:
            self.model.free[resident] -= amount
            self.model.holds.append([resident, amount, True])
            self.hold_ids.append(answer.id)

    def capture(self, number: int, target: int, amount: int) -> None:
        if number >= len(self.hold_ids):
            return
        takes = (Take(1, self.accounts[target], amount),)
        order = CaptureOrder(new_key(), self.hold_ids[number], "redeemed", DAY, takes)
        answer = capture(connection, order, at=AT)
        owner, held_amount, is_open = self.model.holds[number]
        assert (answer.refusal is None) == (is_open and amount <= held_amount)
        if answer.refusal is None:
            self.model.holds[number][2] = False
            self.model.free[owner] += held_amount - amount
            self.model.free[target] += amount

    def release(self, number: int) -> None:
        if number >= len(self.hold_ids) or not self.model.holds[number][2]:
            return
        assert release(connection, self.hold_ids[number], at=AT)
        self.model.holds[number][2] = False
        self.model.free[self.model.holds[number][0]] += self.model.holds[number][1]

    def batch(self, changes: list[int]) -> None:
        rows = [(self.accounts[i], self.asset, change) for i, change in enumerate(changes) if change]
        fits = all(self.model.free[i] + change >= 0 for i, change in enumerate(changes))
        try:
            post_batch(
                connection,
                key=new_key(),
                manifest=None,
                reason="close",
                effective_on=DAY,
                legs=legs_of(rows),
                at=AT,
            )
        except Insufficient:
            assert not fits
            return
        assert fits
        self.model.free = [free + change for free, change in zip(self.model.free, changes, strict=True)]

    def reverse(self, number: int) -> None:
        if number >= len(self.tx_ids) or self.tx_ids[number] < 0:
            return
        source, target, amount = self.model.moves[number]
        answer = reverse(
            connection, self.tx_ids[number], key=new_key(), reason="wrong", effective_on=DAY, at=AT
        )
        assert (answer.refusal is None) == self.model.move(target, source, amount)
        if answer.refusal is None:
            self.tx_ids[number] = -1


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_ledger_and_plain_numbers_agree_after_every_step(steps: list[tuple[Any, ...]]) -> None:
    workload = Workload()

    for verb, *arguments in steps:
        getattr(workload, verb)(*arguments)
        assert [available(account) for account in workload.accounts] == workload.model.free
        assert [held(account) for account in workload.accounts] == [
            workload.model.held(i) for i in range(RESIDENTS)
        ]

    assert check(connection) == []


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_readers_always_see_the_whole_while_sixteen_writers_move_it() -> None:
    asset, accounts = new_asset(), [new_resident() for _ in range(20)]
    for account in accounts:
        fund(account, asset, 1_000)
    done, seen = threading.Event(), list[tuple[int, int]]()

    def read() -> None:
        while not done.is_set():
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT sum(available + held), min(available) FROM ledger_balance WHERE asset_id = %s",
                    [asset],
                )
                seen.append(cursor.fetchone())
        connections.close_all()

    def write(number: int) -> None:
        dice = random.Random(number)
        for _ in range(100):
            source, target = dice.sample(accounts, 2)
            transfer(connection, moving(source, target, asset, dice.randint(1, 400)), at=AT)

    reader = threading.Thread(target=read)
    reader.start()
    failures = [error for error in in_parallel(16, write) if error is not None]
    done.set()
    reader.join()

    assert failures == []
    assert len(seen) > 10
    assert {int(whole) for whole, _ in seen} == {20_000}
    assert min(lowest for _, lowest in seen) >= 0
    with transaction.atomic():
        assert check(connection) == []
