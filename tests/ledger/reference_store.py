"""The rules of ``docs/reference/ledger.md`` in plain Python: an oracle, in memory, with nothing to make it fast."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import wraps
from typing import Any, TypeVar, cast

from ledger.conformance import Death, ForGood, Row, Store, Verb
from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.account import Kind, kind_of, owner_of
from tanpuhui.ledger.answer import Answer
from tanpuhui.ledger.balance import Balance
from tanpuhui.ledger.capture import CaptureOrder
from tanpuhui.ledger.hold import HoldOrder
from tanpuhui.ledger.legs import Legs
from tanpuhui.ledger.post_batch import ISSUANCE, BatchAnswer
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
from tanpuhui.ledger.statement import Line, Statement
from tanpuhui.ledger.transfer import Leg, TransferOrder, move
from tanpuhui.ledger.transfer_many import Move

NOT_FLOORED = {Kind.ISSUANCE, Kind.POINTS_LIABILITY, Kind.CLAWBACK, Kind.POINTS_TAKEN}
FOR_GOOD = {Kind.RETIRED, Kind.CANCELLED}
Place = tuple[int, int]
"""An account and an asset."""


@dataclass
class Transaction:
    """A transaction, posted or refused, with its legs."""

    id: int
    digest: str
    state: str
    refusal: Refusal | None
    reason: str
    effective_on: date
    posted_at: datetime
    reverses: int | None
    legs: tuple[Leg, ...]


@dataclass
class Hold:
    """A hold; its state is open, refused, captured, released or expired."""

    id: int
    digest: str
    order: HoldOrder
    state: str
    refusal: Refusal | None


@dataclass
class Books:
    """Everything that the store remembers."""

    assets: dict[str, tuple[int, str]] = field(default_factory=dict)
    transactions: dict[int, Transaction] = field(default_factory=dict)
    holds: dict[int, Hold] = field(default_factory=dict)
    keys: dict[tuple[str, str], int] = field(default_factory=dict)
    batches: dict[str, BatchAnswer] = field(default_factory=dict)
    available: Counter[Place] = field(default_factory=Counter)
    held: Counter[Place] = field(default_factory=Counter)
    sealed: dict[Row, str] = field(default_factory=dict)
    last: int = 0
    set_apart: list[int] = field(default_factory=list)

    def copied(self) -> Books:
        """The same, and nothing that is done to one is done to the other."""
        holds = {number: dataclasses.replace(hold) for number, hold in self.holds.items()}
        own = {f.name: copy.copy(getattr(self, f.name)) for f in dataclasses.fields(self)}
        return Books(**{**own, "holds": holds})


F = TypeVar("F", bound=Callable[..., Any])


def alone(verb: F) -> F:
    """One verb at a time, and all of it or nothing."""

    @wraps(verb)
    def done(self: ReferenceStore, *given: Any, **named: Any) -> Any:
        with self.lock:
            before = self.books.copied()
            try:
                return verb(self, *given, **named)
            except Exception:
                self.books = before
                raise

    return cast(F, done)


class ReferenceStore:
    """A store of the ledger; see :class:`ledger.conformance.Store`."""

    def __init__(self) -> None:
        self.books, self.lock = Books(), threading.RLock()

    @alone
    def asset(self, code: str, unit: str = "mg") -> int:
        return self.books.assets.setdefault(code, (len(self.books.assets) + 1, unit))[0]

    @alone
    def transfer(self, order: TransferOrder, *, at: datetime) -> Answer:
        known = self._known("tx", order.key, order.digest())
        if known:
            return known
        refusal = self._short(order.legs)
        return self._write(order.key, order.digest(), order.legs, refusal, reason=order.reason,
                           effective_on=order.effective_on, at=at)  # fmt: skip

    @alone
    def transfer_many(
        self, moves: Sequence[Move], *, reason: str, effective_on: date, at: datetime
    ) -> list[Answer]:
        return [self._move(one, reason, effective_on, at) for one in moves]

    def _move(self, one: Move, reason: str, effective_on: date, at: datetime) -> Answer:
        legs = move(source=one.source, target=one.target, asset_id=one.asset_id, amount=one.amount,
                    ref=one.ref, code=one.code)  # fmt: skip
        return self.transfer(TransferOrder(one.key, reason, effective_on, legs), at=at)

    @alone
    def hold(self, order: HoldOrder, *, at: datetime) -> Answer:
        known = self._known("hold", order.key, order.digest())
        if known:
            return known
        refusal = self._short([Leg(line.account_id, line.asset_id, -line.amount) for line in order.lines])
        hold = Hold(self._number(), order.digest(), order, "refused" if refusal else "open", refusal)
        self.books.holds[hold.id] = hold
        self.books.keys["hold", order.key] = hold.id
        if not refusal:
            self._set_aside(order, 1)
        return Answer(hold.id, hold.state, refusal, False)

    @alone
    def capture(self, order: CaptureOrder, *, at: datetime) -> Answer:
        known = self._known("tx", order.key, order.digest())
        if known:
            return known
        refusal, legs = self._why_not_capture(order, at), list[Leg]()
        if not refusal:
            hold = self.books.holds[order.hold_id]
            for take in order.takes:
                line = hold.order.lines[take.line - 1]
                legs += move(source=line.account_id, target=take.target, asset_id=line.asset_id,
                             amount=take.amount, ref=take.ref, code=take.code)  # fmt: skip
            self._set_aside(hold.order, -1)
            hold.state = "captured"
        return self._write(order.key, order.digest(), tuple(legs), refusal, reason=order.reason,
                           effective_on=order.effective_on, at=at)  # fmt: skip

    @alone
    def release(self, hold_id: int, *, at: datetime) -> bool:
        hold = self.books.holds.get(hold_id)
        if hold is None:
            raise UnknownHold(hold_id=hold_id)
        if hold.state in ("captured", "refused"):
            raise HoldClosed(hold_id=hold_id, state=hold.state)
        return self._let_go(hold, "released")

    @alone
    def expire_holds(self, *, at: datetime) -> int:
        over = [
            hold
            for hold in self.books.holds.values()
            if hold.state == "open" and hold.order.expires_at and hold.order.expires_at <= at
        ]
        return sum(self._let_go(hold, "expired") for hold in over)

    @alone
    def reverse(self, tx_id: int, *, key: str, reason: str, effective_on: date, at: datetime) -> Answer:
        digest = repr(("reverse", tx_id, reason, effective_on))
        known = self._known("tx", key, digest)
        if known:
            return known
        refusal, legs = self._why_not_reverse(tx_id), tuple[Leg, ...]()
        if not refusal:
            legs = tuple(
                Leg(leg.account_id, leg.asset_id, -leg.amount, leg.ref, leg.code)
                for leg in self.books.transactions[tx_id].legs
            )
            refusal = self._short(legs)
        return self._write(key, digest, legs, refusal, reason=reason, effective_on=effective_on, at=at,
                           reverses=tx_id)  # fmt: skip

    @alone
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
    ) -> BatchAnswer:
        digest = repr((manifest, reason, effective_on, counter, legs.digest()))
        if key in self.books.batches:
            if self.books.batches[key].digest != digest:
                raise KeyReused(key=key)
            return dataclasses.replace(self.books.batches[key], repeated=True)
        parts: dict[tuple[int, int], list[Leg]] = {}
        for account, asset, amount, ref, code in zip(*(c.tolist() for c in legs.columns()), strict=True):
            parts.setdefault((asset, code), []).append(Leg(account, asset, amount, ref, code))
        whole = []
        for (asset, code), part in sorted(parts.items()):
            total = sum(leg.amount for leg in part)
            whole.append(([Leg(counter, asset, -total, 0, code)] if total else []) + part)
        refusal = self._short([leg for part in whole for leg in part])
        if refusal:
            raise refusal
        tx_ids = tuple(
            self._write(f"{key}#{part[-1].asset_id}.{part[-1].code}", digest, tuple(part), None, reason=reason,
                        effective_on=effective_on, at=at).id
            for part in whole
        )  # fmt: skip
        answer = BatchAnswer(self._number(), key, digest, tx_ids, len(legs), legs.credited(), legs.debited(),
                             at, False)  # fmt: skip
        self.books.batches[key] = answer
        return answer

    # -- reading ----------------------------------------------------------------------------------------------------

    @alone
    def balances(self, accounts: list[int]) -> list[Balance]:
        codes = self._codes()
        found = [
            Balance(account, *codes[asset], free, self.books.held[account, asset])
            for (account, asset), free in self.books.available.items()
            if account in accounts
        ]
        return sorted(found, key=lambda one: (one.account_id, one.asset))

    @alone
    def balance_at(self, account: int, at: datetime) -> list[Balance]:
        sums: Counter[int] = Counter()
        for transaction, _, leg in self._legs():
            if leg.account_id == account and transaction.posted_at <= at:
                sums[leg.asset_id] += leg.amount
        codes = self._codes()
        return sorted((Balance(account, *codes[a], n) for a, n in sums.items()), key=lambda one: one.asset)

    @alone
    def statement(self, owner_id: int, *, at: datetime, limit: int | None = None) -> Statement:
        codes, running, lines = self._codes(), Counter[Place](), list[Line]()
        for one, number, leg in self._legs():
            if owner_of(leg.account_id) != owner_id or one.posted_at > at:
                continue
            running[leg.account_id, leg.asset_id] += leg.amount
            kind = kind_of(leg.account_id).name.lower()
            lines.append(Line(
                one.id, number, kind, *codes[leg.asset_id], leg.amount, leg.ref, leg.code,
                running[leg.account_id, leg.asset_id], one.reason, one.effective_on, one.posted_at, one.reverses,
            ))  # fmt: skip
        totals: dict[str, dict[str, int]] = {}
        for (account, asset), amount in running.items():
            totals.setdefault(kind_of(account).name.lower(), {})[codes[asset][0]] = amount
        return Statement(owner_id, at, tuple(reversed(lines))[:limit], totals)

    # -- seals and checks -------------------------------------------------------------------------------------------

    @alone
    def seal(self, *, at: datetime) -> list[Row]:
        new = {row: text for row, text in self._rows().items() if row not in self.books.sealed}
        self.books.sealed.update(new)
        return sorted(new)

    @alone
    def altered(self) -> list[Row]:
        rows = self._rows()
        return sorted(row for row, text in self.books.sealed.items() if rows.get(row) != text)

    @alone
    def findings(self) -> list[str]:
        sums: Counter[Place] = Counter()
        found = []
        for one in self.books.transactions.values():
            found += [f"{one.id} does not sum to zero" for total in _totals(one.legs).values() if total]
        for _, _, leg in self._legs():
            sums[leg.account_id, leg.asset_id] += leg.amount
        open_holds: Counter[Place] = Counter()
        for hold in self.books.holds.values():
            for line in hold.order.lines if hold.state == "open" else ():
                open_holds[line.account_id, line.asset_id] += line.amount
        for place in {*sums, *self.books.available}:
            if kind_of(place[0]) in NOT_FLOORED:
                continue
            free, held = self.books.available[place], self.books.held[place]
            if free + held != sums[place] or min(free, held) < 0 or held != open_holds[place]:
                found.append(f"{place}: {free} available, {held} held")
        return found

    # -- the rules --------------------------------------------------------------------------------------------------

    def _known(self, kind: str, key: str, digest: str) -> Answer | None:
        number = self.books.keys.get((kind, key))
        if number is None:
            return None
        known = self.books.transactions[number] if kind == "tx" else self.books.holds[number]
        if known.digest != digest:
            raise KeyReused(key=key)
        return Answer(known.id, known.state, known.refusal, True)

    def _short(self, legs: Sequence[Leg]) -> Insufficient | None:
        """The first account, in order, that these legs would take below zero."""
        for (account, asset), amount in sorted(_sums(legs).items()):
            free = self.books.available.get((account, asset), 0)
            if kind_of(account) not in NOT_FLOORED and amount < 0 and free + amount < 0:
                code = self._codes()[asset][0]
                return Insufficient(account_id=account, asset=code, available=free, wanted=-amount)
        return None

    def _write(
        self,
        key: str,
        digest: str,
        legs: tuple[Leg, ...],
        refusal: Refusal | None,
        *,
        reason: str,
        effective_on: date,
        at: datetime,
        reverses: int | None = None,
    ) -> Answer:
        if refusal:
            legs, reverses = (), None
        else:
            self._check(legs)
        state = "refused" if refusal else "posted"
        one = Transaction(self._number(), digest, state, refusal, reason, effective_on, at, reverses, legs)
        self.books.transactions[one.id] = one
        self.books.keys["tx", key] = one.id
        for leg in legs:
            if kind_of(leg.account_id) not in NOT_FLOORED:
                self.books.available[leg.account_id, leg.asset_id] += leg.amount
        return Answer(one.id, state, refusal, False)

    def _check(self, legs: tuple[Leg, ...]) -> None:
        known = {number for number, _ in self.books.assets.values()}
        totals = _totals(legs)
        if not legs or any(totals.values()) or not known.issuperset(totals):
            raise Unbalanced(reason="legs do not sum to zero in each known asset")
        if any(kind_of(leg.account_id) in FOR_GOOD and leg.amount < 0 for leg in legs):
            raise ForGood

    def _set_aside(self, order: HoldOrder, sign: int) -> None:
        for line in order.lines:
            self.books.available[line.account_id, line.asset_id] -= sign * line.amount
            self.books.held[line.account_id, line.asset_id] += sign * line.amount

    def _let_go(self, hold: Hold, state: str) -> bool:
        if hold.state != "open":
            return False
        self._set_aside(hold.order, -1)
        hold.state = state
        return True

    def _why_not_capture(self, order: CaptureOrder, at: datetime) -> Refusal | None:
        hold = self.books.holds.get(order.hold_id)
        if hold is None:
            return UnknownHold(hold_id=order.hold_id)
        over = hold.order.expires_at is not None and hold.order.expires_at <= at
        if hold.state != "open" or over:
            return HoldClosed(hold_id=hold.id, state="expired" if hold.state == "open" else hold.state)
        wanted: Counter[int] = Counter()
        for take in order.takes:
            wanted[take.line] += take.amount
        for line, amount in sorted(wanted.items()):
            has = hold.order.lines[line - 1].amount if line <= len(hold.order.lines) else 0
            if amount > has:
                return CaptureExceedsHold(hold_id=hold.id, line=line, held=has, wanted=amount)
        return None

    def _why_not_reverse(self, tx_id: int) -> Refusal | None:
        one = self.books.transactions.get(tx_id)
        if one is None or one.state != "posted":
            return UnknownTransaction(tx_id=tx_id)
        if one.reverses is not None:
            return ReversalOfReversal(tx_id=tx_id, reverses=one.reverses)
        by = [other.id for other in self.books.transactions.values() if other.reverses == tx_id]
        return AlreadyReversed(tx_id=tx_id, reversed_by=by[0]) if by else None

    def _number(self) -> int:
        if self.books.set_apart:
            return self.books.set_apart.pop()
        self.books.last += 1
        return self.books.last

    def _codes(self) -> dict[int, tuple[str, str]]:
        return {number: (code, unit) for code, (number, unit) in self.books.assets.items()}

    def _legs(self) -> Iterator[tuple[Transaction, int, Leg]]:
        for _, one in sorted(self.books.transactions.items()):
            for number, leg in enumerate(one.legs, 1):
                yield one, number, leg

    def _rows(self) -> dict[Row, str]:
        return {
            (one.id, number): hashlib.sha256(repr((one, number, leg)).encode()).hexdigest()
            for one, number, leg in self._legs()
        }


class ReferenceTrial:
    """The reference, treated badly: what dies before its commit was never there."""

    def __init__(self) -> None:
        self.reference = ReferenceStore()
        self.store: Store = self.reference

    def at_once(self, verbs: Sequence[Verb]) -> list[Any]:
        results: list[Any] = [None] * len(verbs)

        def run(number: int, verb: Verb) -> None:
            try:
                results[number] = verb(self.store)
            except Exception as error:
                results[number] = error

        threads = [threading.Thread(target=run, args=pair) for pair in enumerate(verbs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    def dying(self, verb: Verb, death: Death) -> None:
        before = self.reference.books.copied()
        verb(self.store)
        if not death.committed:
            self.reference.books = before

    @contextmanager
    def late(self, verb: Verb) -> Iterator[None]:
        number = self.reference._number()
        yield
        self.reference.books.set_apart.append(number)
        verb(self.store)

    @contextmanager
    def forged(self, tx_id: int) -> Iterator[None]:
        one = self.reference.books.transactions[tx_id]
        legs = one.legs
        one.legs = (Leg(legs[0].account_id, legs[0].asset_id, legs[0].amount - 1), *legs[1:])
        yield
        one = self.reference.books.transactions[tx_id]
        one.legs = legs


def _sums(legs: Sequence[Leg]) -> Counter[Place]:
    sums: Counter[Place] = Counter()
    for leg in legs:
        sums[leg.account_id, leg.asset_id] += leg.amount
    return sums


def _totals(legs: Sequence[Leg]) -> Counter[int]:
    totals: Counter[int] = Counter()
    for leg in legs:
        totals[leg.asset_id] += leg.amount
    return totals
