"""Our store for the conformance suite: each verb a transaction, in sessions and processes that can be killed."""

from __future__ import annotations

import gc
import os
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import psycopg
from django.db import connection as django_connection
from django.db import transaction

from ledger.conformance import Death, ForGood, Row, Store, Verb
from tanpuhui.ledger.answer import Answer
from tanpuhui.ledger.asset import get_or_create_asset
from tanpuhui.ledger.balance import Balance, balance_at, balances
from tanpuhui.ledger.capture import CaptureOrder, capture
from tanpuhui.ledger.connection import refusing
from tanpuhui.ledger.hold import HoldOrder, hold
from tanpuhui.ledger.invariants import check
from tanpuhui.ledger.legs import Legs
from tanpuhui.ledger.post_batch import ISSUANCE, BatchAnswer, post_batch
from tanpuhui.ledger.release import expire_holds, release
from tanpuhui.ledger.reverse import reverse
from tanpuhui.ledger.statement import Statement, statement
from tanpuhui.ledger.transfer import TransferOrder, transfer
from tanpuhui.ledger.transfer_many import Move, transfer_many
from tanpuhui.notary import seals
from tanpuhui.transparency.log import enter

POSTINGS = next(one for one in seals.TABLES if one.table == "ledger_posting")
Session = psycopg.Connection[Any]


def session(*, autocommit: bool = True) -> Session:
    """A session of its own on the database that Django has."""
    given = django_connection.get_connection_params()
    named = {name: given[name] for name in ("dbname", "user", "host", "port", "password") if name in given}
    return psycopg.connect(**named, autocommit=autocommit)


class PostgresStore:
    """The verbs on one session; see :class:`ledger.conformance.Store`."""

    def __init__(self, on: Session) -> None:
        self.on = on

    @contextmanager
    def whole(self) -> Iterator[Session]:
        """A transaction, or a part of one that is open already; the ledger's errors come as refusals."""
        try:
            with refusing(), self.on.transaction():
                yield self.on
        except psycopg.errors.CheckViolation as error:
            if "for_good" not in (error.diag.constraint_name or ""):
                raise
            raise ForGood from error

    def asset(self, code: str, unit: str = "mg") -> int:
        with self.whole() as on:
            return get_or_create_asset(on, code, unit).id

    def transfer(self, order: TransferOrder, *, at: datetime) -> Answer:
        with self.whole() as on:
            return transfer(on, order, at=at)

    def transfer_many(
        self, moves: Sequence[Move], *, reason: str, effective_on: date, at: datetime
    ) -> list[Answer]:
        with self.whole() as on:
            return transfer_many(on, moves, reason=reason, effective_on=effective_on, at=at)

    def hold(self, order: HoldOrder, *, at: datetime) -> Answer:
        with self.whole() as on:
            return hold(on, order, at=at)

    def capture(self, order: CaptureOrder, *, at: datetime) -> Answer:
        with self.whole() as on:
            return capture(on, order, at=at)

    def release(self, hold_id: int, *, at: datetime) -> bool:
        with self.whole() as on:
            return release(on, hold_id, at=at)

    def expire_holds(self, *, at: datetime) -> int:
        with self.whole() as on:
            return expire_holds(on, at=at)

    def reverse(self, tx_id: int, *, key: str, reason: str, effective_on: date, at: datetime) -> Answer:
        with self.whole() as on:
            return reverse(on, tx_id, key=key, reason=reason, effective_on=effective_on, at=at)

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
        with self.whole() as on:
            return post_batch(on, key=key, manifest=manifest, reason=reason, effective_on=effective_on, legs=legs,
                              counter=counter, at=at)  # fmt: skip

    def balances(self, accounts: list[int]) -> list[Balance]:
        return balances(self.on, accounts)

    def balance_at(self, account: int, at: datetime) -> list[Balance]:
        return balance_at(self.on, account, at)

    def statement(self, owner_id: int, *, at: datetime, limit: int | None = None) -> Statement:
        return statement(self.on, owner_id, at=at, limit=limit)

    def seal(self, *, at: datetime) -> list[Row]:
        with transaction.atomic():
            records = seals.seal(at=at)
            enter(records, at=at)
            pages = [*seals.pages(POSTINGS)]
            new = sum(1 for record in records if record.content["table"] == POSTINGS.table)
            return [_row(key) for leaf in pages[len(pages) - new :] for key in seals.read_page(leaf).keys]

    def altered(self) -> list[Row]:
        with transaction.atomic():
            seals.set_text()
            pages = [seals.read_page(leaf) for leaf in seals.pages(POSTINGS)]
            sealed = dict(pair for page in pages for pair in zip(page.keys, page.digests, strict=True))
            last = max((number for page in pages for number in page.numbers), default=0)
            now = {key: digest for _, key, digest in seals.rows_through(POSTINGS, POSTINGS.columns, last)}
        return [_row(key) for key, digest in sealed.items() if now.get(key) != digest]

    def findings(self) -> list[str]:
        with self.whole() as on:
            return [str(finding) for finding in check(on)]


class PostgresTrial:
    """Our store, treated badly: real sessions, and real processes that are killed."""

    def __init__(self) -> None:
        self.on = session()
        self.store: Store = PostgresStore(self.on)

    def at_once(self, verbs: Sequence[Verb]) -> list[Any]:
        results: list[Any] = [None] * len(verbs)
        start = threading.Barrier(len(verbs))

        def run(number: int, verb: Verb) -> None:
            try:
                with session() as on:
                    start.wait()
                    results[number] = verb(PostgresStore(on))
            except Exception as error:
                results[number] = error

        threads = [threading.Thread(target=run, args=pair) for pair in enumerate(verbs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    def dying(self, verb: Verb, death: Death) -> None:
        if death is Death.SESSION_BEFORE_COMMIT:
            self._session_dies(verb)
            return
        with warnings.catch_warnings():
            # The child runs one verb in a session of its own, and is killed.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            _die(verb, death)
        _, ended = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(ended) == -signal.SIGKILL

    def _session_dies(self, verb: Verb) -> None:
        on = session(autocommit=False)
        pid = on.execute("SELECT pg_backend_pid()").fetchone()
        verb(PostgresStore(on))
        self.on.execute("SELECT pg_terminate_backend(%s, 5000)", pid)
        try:
            on.commit()
        except psycopg.OperationalError:
            on.close()
            return
        raise AssertionError("the session did not die")

    @contextmanager
    def late(self, verb: Verb) -> Iterator[None]:
        with session(autocommit=False) as on:
            on.execute("SELECT 1")
            verb(PostgresStore(on))
            yield
            on.commit()

    @contextmanager
    def forged(self, tx_id: int) -> Iterator[None]:
        self._force(tx_id, -1)
        yield
        self._force(tx_id, 1)

    def _force(self, tx_id: int, change: int) -> None:
        """What a superuser can do who switches the triggers off."""
        with self.on.transaction():
            self.on.execute("SET LOCAL session_replication_role = replica")
            done = self.on.execute(
                "UPDATE ledger_posting SET amount = amount + %s WHERE tx_id = %s AND leg = 1", [change, tx_id]
            )
            assert done.rowcount == 1


def _die(verb: Verb, death: Death) -> None:
    """In a process of its own: do it, commit or not, and be killed."""
    try:
        # Nothing of the parent's sessions may be closed from here.
        gc.disable()
        on = session(autocommit=False)
        on.execute("SELECT 1")
        verb(PostgresStore(on))
        if death.committed:
            on.commit()
        os.kill(os.getpid(), signal.SIGKILL)
    finally:
        os._exit(1)


def _row(key: str) -> Row:
    number, leg, *_ = key.split(":")
    return int(number), int(leg)
