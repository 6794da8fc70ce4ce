"""Conformance: what any store of the ledger must do, whatever is under it.

A store is tried by a class that inherits :class:`Conformance` and gives it a ``trial`` (the store with its verbs, and
the means to treat it badly: sessions at once, processes that die, a transaction that commits late, a forged row) and an
``oracle``. Nothing here knows of SQL. Every case has accounts and assets of its own, so that one store serves all.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any, Protocol

import numpy as np
import pytest

from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.account import LEDGER_ITSELF, Kind, account_id, organisation, owner_of
from tanpuhui.ledger.answer import Answer
from tanpuhui.ledger.balance import Balance
from tanpuhui.ledger.capture import CaptureOrder, Take
from tanpuhui.ledger.hold import HoldLine, HoldOrder
from tanpuhui.ledger.legs import Legs
from tanpuhui.ledger.post_batch import BatchAnswer
from tanpuhui.ledger.refusals import (
    AlreadyReversed,
    CaptureExceedsHold,
    HoldClosed,
    Insufficient,
    KeyReused,
    ReversalOfReversal,
    Unbalanced,
    UnknownHold,
    UnknownTransaction,
)
from tanpuhui.ledger.statement import Statement
from tanpuhui.ledger.transfer import Leg, TransferOrder, move
from tanpuhui.ledger.transfer_many import Move

AT = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
DAY = date(2026, 11, 23)
ISSUANCE = account_id(Kind.ISSUANCE, LEDGER_ITSELF)


class ForGood(Exception):
    """What was retired or cancelled was to leave its account."""


class Store(Protocol):
    """The verbs of the ledger, each a transaction of its own, with the promises of ``docs/reference/ledger.md``."""

    def asset(self, code: str, unit: str = "mg") -> int: ...

    def transfer(self, order: TransferOrder, *, at: datetime) -> Answer: ...

    def transfer_many(
        self, moves: Sequence[Move], *, reason: str, effective_on: date, at: datetime
    ) -> list[Answer]: ...

    def hold(self, order: HoldOrder, *, at: datetime) -> Answer: ...

    def capture(self, order: CaptureOrder, *, at: datetime) -> Answer: ...

    def release(self, hold_id: int, *, at: datetime) -> bool: ...

    def expire_holds(self, *, at: datetime) -> int: ...

    def reverse(self, tx_id: int, *, key: str, reason: str, effective_on: date, at: datetime) -> Answer: ...

    def post_batch(
        self,
        *,
        key: str,
        manifest: str | None,
        reason: str,
        effective_on: date,
        legs: Legs,
        counter: int = ISSUANCE,
        at: datetime,
    ) -> BatchAnswer: ...

    def balances(self, accounts: list[int]) -> list[Balance]: ...

    def balance_at(self, account: int, at: datetime) -> list[Balance]: ...

    def statement(self, owner_id: int, *, at: datetime, limit: int | None = None) -> Statement: ...

    def seal(self, *, at: datetime) -> list[Row]:
        """Seal every posted leg that is not sealed yet; which ones."""

    def altered(self) -> list[Row]:
        """The sealed legs that are gone or say something else than when they were sealed."""

    def findings(self) -> list[str]:
        """What breaks an invariant."""


Row = tuple[int, int]
"""A leg by the numbers of its transaction and its own."""

Verb = Callable[[Store], Any]


class Death(Enum):
    """What dies, and when."""

    PROCESS_BEFORE_COMMIT = "the process between the call and the commit"
    SESSION_BEFORE_COMMIT = "the session between the call and the commit"
    PROCESS_AFTER_COMMIT = "the process after the commit and before the answer"

    @property
    def committed(self) -> bool:
        return self is Death.PROCESS_AFTER_COMMIT


class Trial(Protocol):
    """A store, and how to treat it badly."""

    store: Store

    def at_once(self, verbs: Sequence[Verb]) -> list[Any]:
        """Run verbs at the same time, each in a session of its own; errors are results."""

    def dying(self, verb: Verb, death: Death) -> None:
        """Run a verb whose answer nobody gets."""

    def late(self, verb: Verb) -> AbstractContextManager[None]:
        """Run a verb on entering, and commit it on leaving."""

    def forged(self, tx_id: int) -> AbstractContextManager[None]:
        """While inside, an amount of a posted transaction is another: someone has gone round every rule."""


# -- orders ---------------------------------------------------------------------------------------------------------

_owners = itertools.count(900_000)


def new_key() -> str:
    return str(uuid.uuid4())


def resident() -> int:
    """The certified account of a resident whom no other case knows."""
    return account_id(Kind.RESIDENT_CERTIFIED, next(_owners))


def pool() -> int:
    return account_id(Kind.POOL, organisation(next(_owners)))


def asset(store: Store) -> int:
    return store.asset(f"test:{uuid.uuid4()}")


def moving(source: int, target: int, asset_id: int, amount: int, *, key: str = "") -> TransferOrder:
    legs = move(source=source, target=target, asset_id=asset_id, amount=amount)
    return TransferOrder(key or new_key(), "test", DAY, legs)


def holding(*lines: tuple[int, int, int], minutes: int | None = None, key: str = "") -> HoldOrder:
    expires_at = AT + timedelta(minutes=minutes) if minutes else None
    return HoldOrder(key or new_key(), "redeem", tuple(HoldLine(*line) for line in lines), expires_at)


def taking(hold_id: int, target: int, amount: int, *, line: int = 1, key: str = "") -> CaptureOrder:
    return CaptureOrder(key or new_key(), hold_id, "redeemed", DAY, (Take(line, target, amount),))


def fund(store: Store, account: int, asset_id: int, amount: int, *, at: datetime = AT) -> int:
    return store.transfer(moving(ISSUANCE, account, asset_id, amount), at=at).accepted()


def undo(store: Store, tx_id: int, *, key: str = "") -> Answer:
    return store.reverse(tx_id, key=key or new_key(), reason="wrong", effective_on=DAY, at=AT)


def batch(store: Store, rows: list[tuple[int, int, int]], *, key: str = "") -> BatchAnswer:
    table = np.array(sorted(rows), np.int64).reshape(-1, 3)
    account, asset_id, amount = (np.ascontiguousarray(table[:, column]) for column in range(3))
    legs = Legs(account, asset_id, amount, np.arange(len(table)), np.ones(len(table), np.int64))
    return store.post_batch(
        key=key or new_key(), manifest=None, reason="close", effective_on=DAY, legs=legs, at=AT
    )


def available(store: Store, *accounts: int) -> list[int]:
    return [sum(one.available for one in store.balances([account])) for account in accounts]


def held(store: Store, *accounts: int) -> list[int]:
    return [sum(one.held for one in store.balances([account])) for account in accounts]


def said(answer: Answer | BatchAnswer) -> tuple[Any, ...]:
    """What an answer says to whoever asks again; the state of a hold is what became of it meanwhile."""
    if isinstance(answer, BatchAnswer):
        return dataclasses.astuple(dataclasses.replace(answer, repeated=False))
    return answer.id, answer.refusal and (answer.refusal.code, answer.refusal.facts)


# -- a history ------------------------------------------------------------------------------------------------------


class History:
    """Steps drawn from a seed, played on a store: the same seed, accounts and keys are the same steps on any store."""

    def __init__(self, seed: int, steps: int) -> None:
        self.run = new_key()
        self.accounts = [resident() for _ in range(3)] + [pool()]
        self.seed, self.steps = seed, steps

    def play(self, store: Store) -> list[Any]:
        """What the store said to each step, and the balances after each; its own numbers told by their order."""
        dice = random.Random(self.seed)
        self.assets = [store.asset(f"test:{self.run}:{number}") for number in range(2)]
        self.numbers: dict[tuple[str, int], int] = {}
        self.holds: list[int] = []
        self.moved: list[int] = []
        self.keyed: list[tuple[Verb, tuple[Any, ...]]] = []
        told = []
        for account in self.accounts:
            for asset_id in self.assets:
                fund(store, account, asset_id, 100)
        for number in range(self.steps):
            verb = dice.choice((self._move, self._move, self._hold, self._hold, self._capture, self._release,
                                self._reverse, self._batch, self._expire))  # fmt: skip
            told.append(
                (verb.__name__, self._told(store, verb, dice, f"{self.run}-{number}"), self._all(store))
            )
        return told

    def _do(self, store: Store, verb: Verb) -> Any:
        """Do what has a key, and remember the order and its answer."""
        answer = verb(store)
        self.keyed.append((verb, said(answer)))
        return answer

    def _told(self, store: Store, verb: Any, dice: random.Random, key: str) -> Any:
        try:
            answer = verb(store, dice, key)
        except Refusal as refusal:
            return refusal.code, self._facts(refusal)
        if not isinstance(answer, Answer):
            return answer
        kind = "hold" if verb == self._hold else "tx"
        refusal = answer.refusal
        return self._number(kind, answer.id), answer.state, refusal and (refusal.code, self._facts(refusal))

    def _facts(self, refusal: Refusal) -> dict[str, Any]:
        named = {"tx_id": "tx", "reverses": "tx", "reversed_by": "tx", "hold_id": "hold"}
        return {
            name: self._number(named[name], value) if name in named else value
            for name, value in refusal.facts.items()
        }

    def _number(self, kind: str, number: int) -> int:
        return self.numbers.setdefault((kind, number), len(self.numbers))

    def _all(self, store: Store) -> list[tuple[int, str, int, int]]:
        return [(one.account_id, one.asset, one.available, one.held) for one in store.balances(self.accounts)]

    def _move(self, store: Store, dice: random.Random, key: str) -> Answer:
        source, target = dice.sample(self.accounts, 2)
        order = moving(source, target, dice.choice(self.assets), dice.randint(1, 60), key=key)
        answer: Answer = self._do(store, lambda s: s.transfer(order, at=AT))
        self.moved.append(answer.id)
        return answer

    def _hold(self, store: Store, dice: random.Random, key: str) -> Answer:
        accounts = dice.sample(self.accounts, dice.randint(1, 2))
        lines = [(account, dice.choice(self.assets), dice.randint(1, 50)) for account in accounts]
        order = holding(*lines, minutes=dice.choice((None, 5)), key=key)
        answer: Answer = self._do(store, lambda s: s.hold(order, at=AT))
        self.holds.append(answer.id)
        return answer

    def _capture(self, store: Store, dice: random.Random, key: str) -> Answer | None:
        target, amount, line = dice.choice(self.accounts), dice.randint(1, 50), dice.choice((1, 1, 1, 2))
        if not self.holds:
            return None
        order = taking(dice.choice(self.holds), target, amount, line=line, key=key)
        answer: Answer = self._do(store, lambda s: s.capture(order, at=AT))
        self.moved.append(answer.id)
        return answer

    def _release(self, store: Store, dice: random.Random, _key: str) -> bool | None:
        return store.release(dice.choice(self.holds), at=AT) if self.holds else None

    def _reverse(self, store: Store, dice: random.Random, key: str) -> Answer | None:
        if not self.moved:
            return None
        tx_id = dice.choice(self.moved)
        answer: Answer = self._do(store, lambda s: undo(s, tx_id, key=key))
        self.moved.append(answer.id)
        return answer

    def _batch(self, store: Store, dice: random.Random, key: str) -> tuple[int, int, int, int]:
        rows = [
            (account, asset_id, dice.randint(-30, 30) or 1)
            for account in self.accounts
            for asset_id in self.assets
        ]
        answer: BatchAnswer = self._do(store, lambda s: batch(s, rows, key=key))
        return len(answer.transaction_ids), answer.legs, answer.credited, answer.debited

    def _expire(self, store: Store, dice: random.Random, _key: str) -> int:
        # Others' holds on the same store may be over too: what this history's were is seen in its balances.
        store.expire_holds(at=AT + timedelta(minutes=dice.choice((1, 5))))
        return 0


# -- the cases ------------------------------------------------------------------------------------------------------


class Conformance:
    """The cases. A subclass gives the fixture ``trial``."""

    @pytest.fixture()
    def store(self, trial: Trial) -> Store:
        return trial.store

    @pytest.fixture()
    def mg(self, store: Store) -> int:
        return asset(store)

    @pytest.fixture()
    def rich(self, store: Store, mg: int) -> int:
        """A resident with 100 mg."""
        account = resident()
        fund(store, account, mg, 100)
        return account

    # double post

    @pytest.mark.parametrize(("amount", "left"), [(1, 99), (100, 0), (101, 100)])
    def test_a_repeated_transfer_moves_once(
        self, store: Store, mg: int, rich: int, amount: int, left: int
    ) -> None:
        order = moving(rich, pool(), mg, amount)

        first, again = store.transfer(order, at=AT), store.transfer(order, at=AT + timedelta(hours=1))

        assert said(again) == said(first)
        assert (first.repeated, again.repeated) == (False, True)
        assert available(store, rich) == [left]

    def test_what_was_refused_stays_refused_when_there_is_enough(self, store: Store, mg: int) -> None:
        poor = resident()
        move_order, hold_order = moving(poor, pool(), mg, 60), holding((poor, mg, 60))
        first = [store.transfer(move_order, at=AT), store.hold(hold_order, at=AT)]
        fund(store, poor, mg, 100)

        again = [store.transfer(move_order, at=AT), store.hold(hold_order, at=AT)]

        assert [said(one) for one in again] == [said(one) for one in first]
        assert [type(one.refusal) for one in again] == [Insufficient, Insufficient]
        assert (available(store, poor), held(store, poor)) == ([100], [0])

    def test_a_key_with_other_content_is_refused(self, store: Store, mg: int, rich: int) -> None:
        target, keys = pool(), [new_key() for _ in range(5)]
        store.transfer(moving(rich, target, mg, 10, key=keys[0]), at=AT)
        hold_id = store.hold(holding((rich, mg, 10), key=keys[1]), at=AT).accepted()
        tx_id = store.capture(taking(hold_id, target, 10, key=keys[2]), at=AT).accepted()
        undo(store, tx_id, key=keys[3])
        batch(store, [(rich, mg, 5)], key=keys[4])
        before = available(store, rich, target)

        other: list[Verb] = [
            lambda s: s.transfer(moving(rich, target, mg, 11, key=keys[0]), at=AT),
            lambda s: s.hold(holding((rich, mg, 11), key=keys[1]), at=AT),
            lambda s: s.capture(taking(hold_id, target, 9, key=keys[2]), at=AT),
            lambda s: undo(s, tx_id + 1, key=keys[3]),
            lambda s: batch(s, [(rich, mg, 6)], key=keys[4]),
            lambda s: s.transfer_many(
                [Move(keys[0], rich, target, mg, 11), Move(new_key(), rich, target, mg, 1)],
                reason="test", effective_on=DAY, at=AT),
        ]  # fmt: skip
        for verb in other:
            with pytest.raises(KeyReused):
                verb(store)

        assert available(store, rich, target) == before

    def test_every_verb_with_a_key_is_done_once(self, store: Store, mg: int, rich: int) -> None:
        target, hold_order = pool(), holding((rich, mg, 60))
        hold_id = store.hold(hold_order, at=AT).accepted()
        take, key = taking(hold_id, target, 50), new_key()
        tx_id = store.capture(take, at=AT).accepted()
        moves = [Move(new_key(), target, rich, mg, 20), Move(new_key(), target, rich, mg, 31)]
        verbs: list[Verb] = [
            lambda s: [s.hold(hold_order, at=AT)],
            lambda s: [s.capture(take, at=AT)],
            lambda s: s.transfer_many(moves, reason="test", effective_on=DAY, at=AT),
            lambda s: [undo(s, tx_id, key=key)],
            lambda s: [batch(s, [(rich, mg, 7), (target, mg, 7)], key=key)],
        ]
        first = [verb(store) for verb in verbs]
        before = (available(store, rich, target), held(store, rich, target))

        again = [verb(store) for verb in verbs]

        assert [[said(one) for one in many] for many in again] == [
            [said(one) for one in many] for many in first
        ]
        assert {one.repeated for many in again for one in many} == {True}
        assert again[0][0].state == "captured"
        # 100 - 50 + 20 + 7, and 50 - 20 + 7: the second move and the reversal were of more than there was.
        assert before == ([77, 37], [0, 0])
        assert (available(store, rich, target), held(store, rich, target)) == before

    def test_many_moves_are_answered_as_one_after_the_other(self, store: Store, mg: int) -> None:
        first, second, third = resident(), resident(), resident()
        fund(store, first, mg, 10)
        pairs = [(first, second, 10), (second, third, 7), (second, third, 4), (second, third, 3)]

        answers = store.transfer_many(
            [Move(new_key(), source, target, mg, amount) for source, target, amount in pairs],
            reason="test", effective_on=DAY, at=AT)  # fmt: skip

        assert [one.state for one in answers] == ["posted", "posted", "refused", "posted"]
        assert available(store, first, second, third) == [0, 0, 10]

    def test_one_key_in_eight_sessions_moves_once(self, trial: Trial, mg: int, rich: int) -> None:
        order, target = moving(rich, pool(), mg, 60), pool()
        hold_order = holding((rich, mg, 40))

        answers = trial.at_once([lambda s: s.transfer(order, at=AT)] * 8)
        holds = trial.at_once([lambda s: s.hold(hold_order, at=AT)] * 8)
        key = new_key()
        batches = trial.at_once([lambda s: batch(s, [(target, mg, 5)], key=key)] * 4)

        for many in (answers, holds, batches):
            assert len({one.id for one in many}) == 1
            assert sorted(one.repeated for one in many) == [False] + [True] * (len(many) - 1)
        assert (available(trial.store, rich, target), held(trial.store, rich)) == ([0, 5], [40])

    # balance and floor

    @pytest.mark.parametrize("amounts", [(-5, 6), (5,), (-5, 5, 1)])
    def test_legs_that_do_not_sum_to_zero_are_not_posted(
        self, store: Store, mg: int, rich: int, amounts: tuple[int, ...]
    ) -> None:
        order = TransferOrder(new_key(), "test", DAY, tuple(Leg(rich, mg, amount) for amount in amounts))

        with pytest.raises(Unbalanced):
            store.transfer(order, at=AT)

        assert available(store, rich) == [100]
        assert len(store.statement(owner_of(rich), at=AT).lines) == 1

    def test_two_assets_do_not_balance_each_other_and_an_unknown_one_nothing(
        self, store: Store, mg: int, rich: int
    ) -> None:
        pears, target = asset(store), pool()

        for legs in (
            (Leg(rich, mg, -5), Leg(target, pears, 5)),
            (Leg(ISSUANCE, 2**31 - 1, -5), Leg(rich, 2**31 - 1, 5)),
        ):
            with pytest.raises(Unbalanced):
                store.transfer(TransferOrder(new_key(), "test", DAY, legs), at=AT)

        assert available(store, rich, target) == [100, 0]

    def test_a_batch_is_posted_whole_or_not_at_all(self, store: Store, mg: int) -> None:
        accounts, key = sorted(resident() for _ in range(3)), new_key()
        batch(store, [(account, mg, 50) for account in accounts])

        with pytest.raises(Insufficient) as refused:
            batch(store, list(zip(accounts, [mg] * 3, (5, -51, -52), strict=True)), key=key)

        assert (refused.value.facts["account_id"], refused.value.facts["wanted"]) == (accounts[1], 51)
        assert available(store, *accounts) == [50, 50, 50]
        # Nothing is kept of it, its key neither.
        assert batch(store, [(accounts[0], mg, 1)], key=key).repeated is False

    def test_what_is_retired_stays_so(self, store: Store, mg: int) -> None:
        owner = owner_of(resident())
        has, retired = account_id(Kind.RESIDENT_CERTIFIED, owner), account_id(Kind.RETIRED, owner)
        fund(store, has, mg, 10)
        tx_id = store.transfer(moving(has, retired, mg, 10), at=AT).accepted()

        with pytest.raises(ForGood):
            store.transfer(moving(retired, has, mg, 1), at=AT)
        with pytest.raises(ForGood):
            undo(store, tx_id)

        assert available(store, has, retired) == [0, 10]

    # crash

    @pytest.mark.parametrize("death", list(Death), ids=lambda death: death.name.lower())
    @pytest.mark.parametrize("verb", ["transfer", "many", "hold", "capture", "reverse", "batch"])
    def test_after_a_death_the_same_key_is_done_once(
        self, trial: Trial, mg: int, rich: int, verb: str, death: Death
    ) -> None:
        store, target, key = trial.store, pool(), new_key()
        tx_id = store.transfer(moving(rich, target, mg, 30), at=AT).accepted()
        hold_id = store.hold(holding((rich, mg, 20)), at=AT).accepted()
        # What the resident and the pool have available, and what is held, once it is done: of 50, 30 and 20.
        moves = [Move(key, rich, target, mg, 8), Move(f"{key}-", rich, target, mg, 43)]
        verbs: dict[str, tuple[Verb, tuple[int, int, int]]] = {
            "transfer": (lambda s: [s.transfer(moving(rich, target, mg, 50, key=key), at=AT)], (0, 80, 20)),
            "many": (lambda s: s.transfer_many(moves, reason="x", effective_on=DAY, at=AT), (42, 38, 20)),
            "hold": (lambda s: [s.hold(holding((rich, mg, 50), key=key), at=AT)], (0, 30, 70)),
            "capture": (lambda s: [s.capture(taking(hold_id, target, 15, key=key), at=AT)], (55, 45, 0)),
            "reverse": (lambda s: [undo(s, tx_id, key=key)], (80, 0, 20)),
            "batch": (lambda s: [batch(s, [(rich, mg, -50), (target, mg, 9)], key=key)], (0, 39, 20)),
        }
        call, done = verbs[verb]

        trial.dying(call, death)
        seen = (*available(store, rich, target), *held(store, rich))
        again, once_more = call(store), call(store)

        assert seen == (done if death.committed else (50, 30, 20))
        assert {one.repeated for one in again} == {death.committed}
        assert [said(one) for one in once_more] == [said(one) for one in again]
        assert (*available(store, rich, target), *held(store, rich)) == done
        assert store.findings() == []

    @pytest.mark.parametrize("death", list(Death), ids=lambda death: death.name.lower())
    def test_a_refusal_or_a_release_whose_answer_is_lost_is_the_same_again(
        self, trial: Trial, mg: int, rich: int, death: Death
    ) -> None:
        store, order = trial.store, moving(rich, pool(), mg, 81)
        hold_id = store.hold(holding((rich, mg, 20)), at=AT).accepted()

        trial.dying(lambda s: s.transfer(order, at=AT), death)
        trial.dying(lambda s: s.release(hold_id, at=AT), death)

        # 81 of 80 available at first; a refusal that was stored stays, one that was not is decided anew: of 100.
        if death.committed:
            assert available(store, rich) == [100]
            assert store.release(hold_id, at=AT) is False
            assert isinstance(store.transfer(order, at=AT).refusal, Insufficient)
        else:
            assert available(store, rich) == [80]
            assert store.release(hold_id, at=AT) is True
            assert store.transfer(order, at=AT).state == "posted"
        assert store.findings() == []

    # concurrent holds

    def test_eight_holds_at_once_promise_nothing_twice(self, trial: Trial, mg: int, rich: int) -> None:
        answers = trial.at_once([lambda s: s.hold(holding((rich, mg, 30)), at=AT) for _ in range(8)])

        assert sorted(one.state for one in answers) == ["open"] * 3 + ["refused"] * 5
        assert (available(trial.store, rich), held(trial.store, rich)) == ([10], [90])
        assert trial.store.findings() == []

    def test_holds_moves_and_batches_at_once_spend_nothing_twice(
        self, trial: Trial, mg: int, rich: int
    ) -> None:
        target = pool()
        wants: list[Verb] = [
            lambda s: s.hold(holding((rich, mg, 30)), at=AT).state,
            lambda s: s.transfer(moving(rich, target, mg, 30), at=AT).state,
            lambda s: batch(s, [(rich, mg, -30)]) and "posted",
        ]

        results = trial.at_once(wants * 3)

        assert sum(result in ("open", "posted") for result in results) == 3
        assert all(
            result in ("open", "posted", "refused") or isinstance(result, Insufficient) for result in results
        )
        assert available(trial.store, rich) == [10]
        assert trial.store.findings() == []

    def test_of_captures_and_releases_at_once_one_wins(self, trial: Trial, mg: int, rich: int) -> None:
        target = pool()
        hold_id = trial.store.hold(holding((rich, mg, 60)), at=AT).accepted()
        ends: list[Verb] = [
            lambda s: s.release(hold_id, at=AT),
            lambda s: s.capture(taking(hold_id, target, 60), at=AT).accepted(),
        ]

        results = trial.at_once(ends * 4)

        won = [one for one in results if not isinstance(one, Exception) and one is not False]
        assert len(won) == 1
        assert available(trial.store, rich, target) in ([100, 0], [40, 60])
        assert held(trial.store, rich) == [0]

    def test_sessions_that_meet_from_both_sides_do_not_deadlock(self, trial: Trial, mg: int) -> None:
        one, other = resident(), resident()
        for account in (one, other):
            fund(trial.store, account, mg, 1_000)

        def back_and_forth(source: int, target: int) -> Verb:
            def work(store: Store) -> None:
                for _ in range(6):
                    store.transfer(moving(source, target, mg, 7), at=AT).accepted()
                    hold_id = store.hold(holding((source, mg, 2), (target, mg, 2)), at=AT).accepted()
                    store.capture(taking(hold_id, target, 1), at=AT).accepted()

            return work

        results = trial.at_once([back_and_forth(one, other), back_and_forth(other, one)] * 2)

        assert results == [None] * 4
        assert sum(available(trial.store, one, other)) == 2_000
        assert trial.store.findings() == []

    # holds, one by one

    def test_what_is_held_cannot_be_spent_and_what_is_not_taken_is_free(
        self, store: Store, mg: int, rich: int
    ) -> None:
        target = pool()
        hold_id = store.hold(holding((rich, mg, 60)), at=AT).accepted()

        refused = store.transfer(moving(rich, target, mg, 41), at=AT)
        store.capture(taking(hold_id, target, 25), at=AT).accepted()

        assert isinstance(refused.refusal, Insufficient)
        assert refused.refusal.facts["available"] == 40
        assert (available(store, rich, target), held(store, rich)) == ([75, 25], [0])

    def test_a_hold_of_two_accounts_is_all_or_nothing(self, store: Store, mg: int, rich: int) -> None:
        points, shopper = asset(store), resident()
        fund(store, shopper, points, 5)

        refused = store.hold(holding((rich, mg, 60), (shopper, points, 6)), at=AT)
        opened = store.hold(holding((rich, mg, 60), (shopper, points, 5)), at=AT)

        assert (refused.state, opened.state) == ("refused", "open")
        assert (available(store, rich, shopper), held(store, rich, shopper)) == ([40, 0], [60, 5])

    def test_a_hold_ends_once(self, store: Store, mg: int, rich: int) -> None:
        target = pool()
        taken, let_go, over = (
            store.hold(holding((rich, mg, 20), minutes=15), at=AT).accepted() for _ in range(3)
        )
        store.capture(taking(taken, target, 20), at=AT).accepted()
        store.release(let_go, at=AT)
        at_its_time = AT + timedelta(minutes=15)

        store.expire_holds(at=at_its_time - timedelta(microseconds=1))
        held_until_then = held(store, rich)
        late = store.capture(taking(over, target, 1), at=at_its_time)
        expired = store.expire_holds(at=at_its_time)

        assert (held_until_then, expired) == ([20], 1)
        assert late.refusal is not None
        assert late.refusal.facts["state"] == "expired"
        for hold_id in (taken, let_go, over):
            assert isinstance(store.capture(taking(hold_id, target, 1), at=AT).refusal, HoldClosed)
        assert [store.release(hold_id, at=AT) for hold_id in (let_go, over)] == [False, False]
        with pytest.raises(HoldClosed):
            store.release(taken, at=AT)
        assert (available(store, rich, target), held(store, rich)) == ([80, 20], [0])

    def test_more_than_is_held_or_of_nothing_is_not_taken(self, store: Store, mg: int, rich: int) -> None:
        hold_id = store.hold(holding((rich, mg, 60)), at=AT).accepted()

        orders = [taking(hold_id, pool(), 61), taking(hold_id, pool(), 1, line=2), taking(2**62, pool(), 1)]
        refusals = [type(store.capture(order, at=AT).refusal) for order in orders]

        assert refusals == [CaptureExceedsHold, CaptureExceedsHold, UnknownHold]
        with pytest.raises(UnknownHold):
            store.release(2**62, at=AT)
        assert (available(store, rich), held(store, rich)) == ([40], [60])

    # reversal

    def test_a_reversal_is_the_inverse_once_and_is_not_reversed(
        self, store: Store, mg: int, rich: int
    ) -> None:
        target = pool()
        tx_id = store.transfer(moving(rich, target, mg, 60), at=AT).accepted()

        first, second = undo(store, tx_id), undo(store, tx_id)
        third = undo(store, first.id)

        assert first.state == "posted"
        assert isinstance(second.refusal, AlreadyReversed)
        assert second.refusal.facts["reversed_by"] == first.id
        assert isinstance(third.refusal, ReversalOfReversal)
        assert available(store, rich, target) == [100, 0]

    def test_what_was_spent_or_never_posted_is_not_reversed(self, store: Store, mg: int) -> None:
        account = resident()
        tx_id = fund(store, account, mg, 100)
        store.transfer(moving(account, pool(), mg, 1), at=AT)
        never = store.transfer(moving(resident(), pool(), mg, 1), at=AT)

        refusals = [type(undo(store, number).refusal) for number in (tx_id, never.id, 2**62)]

        assert refusals == [Insufficient, UnknownTransaction, UnknownTransaction]
        assert available(store, account) == [99]

    def test_of_eight_reversals_at_once_one_is_posted(self, trial: Trial, mg: int) -> None:
        account = resident()
        tx_id = fund(trial.store, account, mg, 100)

        answers = trial.at_once([lambda s: undo(s, tx_id) for _ in range(8)])

        assert sorted(one.state for one in answers) == ["posted"] + ["refused"] * 7
        assert available(trial.store, account) == [0]

    # as of a moment

    def test_a_balance_at_a_moment_is_what_was_posted_until_then(self, store: Store, mg: int) -> None:
        account, target = resident(), pool()
        moments = [datetime(2026, month, 1, tzinfo=UTC) for month in (9, 10, 11)]
        for moment in moments:
            fund(store, account, mg, 10, at=moment)
        known = [store.balance_at(account, moment) for moment in moments]
        store.transfer(moving(account, target, mg, 25), at=moments[2] + timedelta(seconds=1))
        store.hold(holding((account, mg, 5)), at=AT)

        now = [[one.available for one in store.balance_at(account, moment)] for moment in moments]

        assert now == [[one.available for one in many] for many in known] == [[10], [20], [30]]
        assert store.balance_at(account, moments[0] - timedelta(microseconds=1)) == []
        drawn = [store.statement(owner_of(account), at=moment) for moment in moments]
        assert [(len(one.lines), one.lines[0].balance, one.certified_mg()) for one in drawn] == [
            (1, 10, 10),
            (2, 20, 20),
            (3, 30, 30),
        ]
        # What is held is there still.
        assert [one.available for one in store.balance_at(account, AT)] == [5]
        assert [one.available for one in store.balance_at(ISSUANCE, AT) if one.available == -30] == [-30]

    def test_a_statement_has_each_line_with_the_balance_after_it(
        self, store: Store, mg: int, rich: int
    ) -> None:
        batch(store, [(rich, mg, 20), (rich, mg, 3)])
        tx_id = store.transfer(moving(rich, pool(), mg, 45), at=AT).accepted()
        undo(store, tx_id)
        owner = owner_of(rich)

        drawn, short = store.statement(owner, at=AT), store.statement(owner, at=AT, limit=1)

        assert [line.amount for line in drawn.lines] == [45, -45, 20, 3, 100]
        assert [line.balance for line in drawn.lines] == [123, 78, 123, 103, 100]
        assert [line.reverses for line in drawn.lines] == [tx_id, None, None, None, None]
        assert {line.effective_on for line in drawn.lines} == {DAY}
        assert (short.lines, short.totals) == (drawn.lines[:1], drawn.totals)
        assert drawn.certified_mg() == 123

    # seal

    def test_every_leg_is_sealed_once(self, store: Store, mg: int, rich: int) -> None:
        before = store.seal(at=AT)
        tx_id = store.transfer(moving(rich, pool(), mg, 1), at=AT).accepted()
        many = batch(store, [(rich, mg, 1), (rich, mg, 2)])

        new, again = store.seal(at=AT), store.seal(at=AT)

        assert sorted({number for number, _ in new}) == sorted({tx_id, *many.transaction_ids})
        assert len(new) == len(set(new)) == 2 + 3
        assert not set(new) & set(before)
        assert again == []
        assert store.altered() == []

    def test_what_commits_after_larger_numbers_were_sealed_is_sealed_too(
        self, trial: Trial, mg: int, rich: int
    ) -> None:
        other = resident()
        fund(trial.store, other, mg, 1)
        trial.store.seal(at=AT)

        with trial.late(lambda s: s.transfer(moving(rich, pool(), mg, 100), at=AT)):
            after = trial.store.transfer(moving(other, pool(), mg, 1), at=AT).accepted()
            first = trial.store.seal(at=AT)
        second, third = trial.store.seal(at=AT), trial.store.seal(at=AT)

        assert {number for number, _ in first} == {after}
        assert len(second) == 2
        assert max(number for number, _ in second) < after
        assert third == []
        assert trial.store.altered() == []

    def test_a_leg_that_is_changed_after_it_was_sealed_is_found(
        self, trial: Trial, mg: int, rich: int
    ) -> None:
        tx_id = trial.store.transfer(moving(rich, pool(), mg, 1), at=AT).accepted()
        trial.store.seal(at=AT)

        with trial.forged(tx_id):
            found, broken = trial.store.altered(), trial.store.findings()

        assert {number for number, _ in found} == {tx_id}
        assert broken
        assert trial.store.altered() == trial.store.findings() == []

    # replay

    def test_orders_that_all_come_again_change_nothing(self, store: Store) -> None:
        history = History(seed=20_261_124, steps=60)
        history.play(store)
        owners = [owner_of(account) for account in history.accounts]
        before = [(store.statement(owner, at=AT), store.balances([owner])) for owner in owners]

        again = [verb(store) for verb, _ in history.keyed]

        assert len(again) > 30
        assert [said(one) for one in again] == [first for _, first in history.keyed]
        assert {one.repeated for one in again} == {True}
        assert [(store.statement(owner, at=AT), store.balances([owner])) for owner in owners] == before

    def test_the_lines_alone_give_the_balances(self, store: Store) -> None:
        history = History(seed=7, steps=40)
        history.play(store)

        for account in history.accounts:
            running: dict[str, int] = {}
            for line in reversed(store.statement(owner_of(account), at=AT).lines):
                running[line.asset] = running.get(line.asset, 0) + line.amount
                assert line.balance == running[line.asset]
            assert {one.asset: one.available + one.held for one in store.balances([account])} == running

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_a_random_history_is_answered_as_the_rules_say(
        self, store: Store, oracle: Store, seed: int
    ) -> None:
        history = History(seed, steps=60)

        answers = history.play(store)

        assert answers == history.play(oracle)
        assert store.findings() == []
