"""Post a batch: millions of legs under one key, in the caller's transaction, by COPY and the database's own rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from psycopg.copy import QueuedLibpqWriter

from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.span import span
from tanpuhui.ledger.account import LEDGER_ITSELF, Kind, account_id
from tanpuhui.ledger.connection import Connection, refusing
from tanpuhui.ledger.copy_rows import BATCH_STREAM, COLUMNS, CopyRows
from tanpuhui.ledger.legs import Legs, Parts, part_by_asset_and_code
from tanpuhui.ledger.refusals import KeyReused

ISSUANCE = account_id(Kind.ISSUANCE, LEDGER_ITSELF)
_BYTES_SORTED_PER_LEG = 160


@dataclass(frozen=True)
class BatchAnswer:
    """A posted batch, the same for every repeat of its key; ``legs`` does not count the counter account's."""

    id: int
    key: str
    digest: str
    transaction_ids: tuple[int, ...]
    legs: int
    credited: int
    debited: int
    posted_at: datetime
    repeated: bool


def post_batch(
    connection: Connection,
    *,
    key: str,
    manifest: str | None,
    reason: str,
    effective_on: date,
    legs: Legs,
    counter: int = ISSUANCE,
    at: datetime,
) -> BatchAnswer:
    """Post legs once: one transaction for each (asset, code), balanced by one leg on the counter account.

    Needs an open transaction, and commits nothing. A repeat with the same content gives the first answer; other
    content is :class:`KeyReused`. A leg that takes an account below zero refuses the whole batch
    (:class:`Insufficient`, which names the first account) and leaves the transaction as it was.
    """
    digest = digest_json([manifest, reason, effective_on.isoformat(), counter, legs.digest()])
    parts = part_by_asset_and_code(legs)
    parameters = [key, digest, manifest, reason, effective_on, at, len(legs), legs.credited(), legs.debited()]
    parameters += [parts.asset_id.tolist(), parts.code.tolist()]
    facts: dict[str, str | int] = {"tanpuhui.reason": reason, "tanpuhui.legs": len(legs)}
    with span("ledger.post", facts), _all_or_nothing(connection), connection.cursor() as cursor:
        answer = _open(cursor, parameters)
        if answer.digest != digest:
            raise KeyReused(key=key)
        if not answer.repeated and len(legs):
            rows = _rows(legs, parts, np.array(answer.transaction_ids, np.int64), counter, at)
            _copy(cursor, rows)
    crash_point("ledger.post_batch.posted")
    return answer


def _open(cursor: Any, parameters: list[Any]) -> BatchAnswer:
    cursor.execute(
        "SELECT (batch).id, (batch).key, (batch).content_digest, (batch).transaction_ids, (batch).legs,"
        " (batch).credited, (batch).debited, (batch).posted_at, repeated FROM ledger_open_batch("
        "%s, %s, %s, %s, %s, %s, %s, %s, %s, %s::integer[], %s::smallint[])",
        parameters,
    )
    batch_id, key, digest, transactions, legs, credited, debited, posted_at, repeated = cursor.fetchone()
    return BatchAnswer(
        batch_id, key, digest, tuple(transactions), legs, int(credited), int(debited), posted_at, repeated
    )


def _rows(legs: Legs, parts: Parts, tx_ids: Any, counter: int, at: datetime) -> CopyRows:
    """The counter account's legs first (system accounts have the lowest numbers), then the given ones."""
    owed = np.flatnonzero(parts.total)
    none = np.zeros(len(owed), np.int64)
    return CopyRows(
        tx_id=np.concatenate([tx_ids[owed], tx_ids[parts.part]]),
        account_id=np.concatenate([none + counter, legs.account_id]),
        amount=np.concatenate([-parts.total[owed], legs.amount]),
        ref=np.concatenate([none, legs.ref]),
        asset_id=np.concatenate([parts.asset_id[owed], legs.asset_id]),
        code=np.concatenate([parts.code[owed], legs.code]),
        posted_on=at.astimezone(UTC).date(),
    )


def _copy(cursor: Any, rows: CopyRows) -> None:
    cursor.execute("SELECT ledger_partition(%s::smallint, %s)", [BATCH_STREAM, rows.posted_on])
    (partition,) = cursor.fetchone()
    # Straight into the partition: COPY through a partitioned table with such a trigger goes row by row.
    command = f"COPY {partition} ({COLUMNS}) FROM STDIN BINARY"
    # A thread sends each piece while the next one is built.
    sender = QueuedLibpqWriter(getattr(cursor, "cursor", cursor))
    with _memory(cursor, len(rows.tx_id)), cursor.copy(command, writer=sender) as copy:
        for piece in rows.stream():
            copy.write(piece)
    cursor.execute("SELECT ledger_summarize(%s)", [partition])


@contextmanager
def _memory(cursor: Any, rows: int) -> Iterator[None]:
    """Let the trigger sort the batch in memory: 64 MB to 1 GB for this batch, as before after it."""
    wanted_mb = min(max(rows * _BYTES_SORTED_PER_LEG >> 20, 64), 1024)
    cursor.execute("SELECT current_setting('work_mem')")
    (before,) = cursor.fetchone()
    cursor.execute("SELECT set_config('work_mem', %s, true)", [f"{wanted_mb}MB"])
    yield
    cursor.execute("SELECT set_config('work_mem', %s, true)", [before])


@contextmanager
def _all_or_nothing(connection: Connection) -> Iterator[None]:
    """A savepoint: what was refused inside is undone, and the caller's transaction goes on."""
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT ledger_batch")
        try:
            with refusing():
                yield
        except Exception:
            if not getattr(connection, "broken", False):
                cursor.execute("ROLLBACK TO SAVEPOINT ledger_batch")
            raise
        cursor.execute("RELEASE SAVEPOINT ledger_batch")
