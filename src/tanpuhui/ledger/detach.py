"""Detach: take what closes put on residents' pending accounts in a month out of the table, into a file that is checked.

The owner alone can: the application's role has no right to, and triggers stop everybody else. Which month may go is
decided by whoever knows what is in the log (``notary/detach.py``).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.csv

from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.progress import Report, nobody
from tanpuhui.ledger.connection import Connection, refusing
from tanpuhui.ledger.copy_rows import COLUMNS
from tanpuhui.ledger.month_file import SCHEMA, Month, RowsDigest, batches, write
from tanpuhui.ledger.refusals import MonthBusy, MonthFileAltered

#: How long it waits for whoever writes to the month's partition, or takes room back.
LOCK_MS = 5_000
#: Postings are read so many bytes of text at a time.
PORTION = 1 << 23
_LOCK_NOT_AVAILABLE = "55P03"
_AS_IN_TABLE = pyarrow.csv.ConvertOptions(column_types=SCHEMA)
_NAMES = pyarrow.csv.ReadOptions(column_names=SCHEMA.names)


def in_table(connection: Connection) -> list[date]:
    """Months in which closes posted anything and that are not detached, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT date_trunc('month', posted_at AT TIME ZONE 'UTC')::date AS month FROM ledger_batch"
            " WHERE reason = 'close' AND legs > 0 EXCEPT SELECT month FROM ledger_detached_month ORDER BY month"
        )
        return [month for (month,) in cursor.fetchall()]


def bytes_in_table(connection: Connection, month: date) -> int:
    """What a month of batches takes in the database, with its index."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [f"public.{partition(month)}"])
        return int(cursor.fetchone()[0])


def partition(month: date) -> str:
    return f"ledger_posting_batch_{month:%Y_%m}"


def detach_month(connection: Connection, month: date, *, at: datetime, report: Report = nobody) -> Month:
    """Write, compare and take out, in the caller's transaction, while nobody writes to the month's partition.

    The file is whole on the disk before anything goes; after a kill it is there and nothing refers to it, and a repeat
    writes the same one again.
    """
    with _not_waiting(month), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MS}")
        cursor.execute(f"LOCK TABLE public.{partition(month)} IN SHARE ROW EXCLUSIVE MODE")
        of_table = RowsDigest()
        written = write(_told(_digested(_legs(cursor, month), of_table), of_table, month, report))
        detached = Month(month, of_table.legs, of_table.amount_mg, written.bytes, written.digest, at)
        of_file = RowsDigest()
        for batch in batches(detached):
            of_file.add(batch)
            report(f"Comparing a month's file: {detached.name}", of_file.legs, of_table.legs)
        if of_file.as_text() != of_table.as_text():
            raise MonthFileAltered(month=detached.name, path=written.path)
        crash_point("month.written")
        with refusing():
            cursor.execute(
                "SELECT ledger_detach_month(%s, %s, %s, %s, %s, %s)",
                [month, detached.legs, detached.amount_mg, detached.bytes, detached.digest, at],
            )
        crash_point("month.taken")
    return detached


def give_back_room(connection: Connection, month: date) -> bool:
    """Have the partition take the room of what stays, outside a transaction; false where others are in its way."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {LOCK_MS}")
        try:
            cursor.execute(f"VACUUM (FULL, ANALYZE) public.{partition(month)}")
        except Exception as error:
            if _state_of(error) != _LOCK_NOT_AVAILABLE:
                raise
            return False
        finally:
            cursor.execute("RESET lock_timeout")
    return True


def _legs(cursor: Any, month: date) -> Iterator[pa.Table]:
    """The legs that go, as tables, sorted by account; the server sorts them once."""
    query = (
        f"COPY (SELECT {COLUMNS} FROM public.ledger_detachable('{month.isoformat()}')"
        " ORDER BY account_id, posted_on, tx_id, leg) TO STDOUT (FORMAT csv)"
    )
    text = bytearray()
    with getattr(cursor, "cursor", cursor).copy(query) as copy:
        for piece in copy:
            text += piece
            if len(text) >= PORTION:
                yield _table(text)
                text.clear()
    if text:
        yield _table(text)


def _table(text: bytearray) -> pa.Table:
    return pyarrow.csv.read_csv(io.BytesIO(text), _NAMES, convert_options=_AS_IN_TABLE)


def _digested(tables: Iterator[pa.Table], rows: RowsDigest) -> Iterator[pa.Table]:
    for table in tables:
        rows.add(table)
        yield table


def _told(tables: Iterator[pa.Table], rows: RowsDigest, month: date, report: Report) -> Iterator[pa.Table]:
    for table in tables:
        report(f"Writing a month to its file: {month:%Y-%m}", rows.legs, 0)
        yield table


@contextmanager
def _not_waiting(month: date) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if _state_of(error) != _LOCK_NOT_AVAILABLE:
            raise
        raise MonthBusy(month=f"{month:%Y-%m}") from error


def _state_of(error: Exception) -> str | None:
    cause: Any = error if hasattr(error, "sqlstate") else error.__cause__
    state: str | None = getattr(cause, "sqlstate", None)
    return state
