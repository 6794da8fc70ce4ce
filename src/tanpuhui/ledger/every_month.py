"""Every month: for a check, the table of postings is whole again: a view of its name, over it and the files' legs.

A temporary view comes before the table wherever a query names ``ledger_posting`` without a schema, as invariants and
seals do. Functions of the database look into the schema ``public`` first, and go on seeing the table.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv

from tanpuhui.kit.progress import Report, nobody, told
from tanpuhui.ledger.connection import Connection
from tanpuhui.ledger.copy_rows import COLUMNS
from tanpuhui.ledger.detached import months
from tanpuhui.ledger.month_file import Month, batches, checked
from tanpuhui.ledger.refusals import MonthFileAltered, MonthFileMissing

_WITHOUT_NAMES = pyarrow.csv.WriteOptions(include_header=False)


@dataclass(frozen=True)
class Everything:
    """How many legs came from files, and which files could not be read, by month, each with why."""

    from_files: int
    unread: tuple[tuple[str, str], ...]


@contextmanager
def every_month(connection: Connection, *, report: Report = nobody) -> Iterator[Everything]:
    """Within the block, and the caller's transaction, postings are those of all months; it leaves nothing behind.

    A file that is missing or altered is left out whole and named; a check goes on and says what follows from it.
    Where months are detached it needs an open transaction. A block within a block finds the view there.
    """
    found = months(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pg_temp.ledger_posting') IS NOT NULL")
        (is_there,) = cursor.fetchone()
        if not found or is_there:
            yield Everything(0, ())
            return
        cursor.execute("SAVEPOINT ledger_every_month")
        try:
            cursor.execute("CREATE TEMP TABLE ledger_posting_of_files (LIKE public.ledger_posting)")
            unread, legs = [], 0
            for month in told(found, report, "Reading months from their files", len(found)):
                try:
                    _load(connection, month)
                    legs += month.legs
                except (MonthFileMissing, MonthFileAltered) as refusal:
                    unread.append((month.name, str(refusal)))
            cursor.execute("ANALYZE ledger_posting_of_files")
            cursor.execute(
                f"CREATE TEMP VIEW ledger_posting AS SELECT {COLUMNS} FROM public.ledger_posting"
                f" UNION ALL SELECT {COLUMNS} FROM pg_temp.ledger_posting_of_files"
            )
            yield Everything(legs, tuple(unread))
        finally:
            if not getattr(connection, "broken", False):
                cursor.execute("ROLLBACK TO SAVEPOINT ledger_every_month")
                cursor.execute("RELEASE SAVEPOINT ledger_every_month")


def _load(connection: Connection, month: Month) -> None:
    """Copy a month's legs into the temporary table; what is found wrong on the way leaves none of them there."""
    checked(month)
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT ledger_month_file")
        try:
            copying = f"COPY pg_temp.ledger_posting_of_files ({COLUMNS}) FROM STDIN (FORMAT csv)"
            with getattr(cursor, "cursor", cursor).copy(copying) as copy:
                for batch in batches(month):
                    copy.write(_as_csv(batch))
        except (MonthFileMissing, MonthFileAltered):
            cursor.execute("ROLLBACK TO SAVEPOINT ledger_month_file")
            raise
        cursor.execute("RELEASE SAVEPOINT ledger_month_file")


def _as_csv(batch: pa.RecordBatch) -> bytes:
    text = io.BytesIO()
    pyarrow.csv.write_csv(batch, text, _WITHOUT_NAMES)
    return text.getvalue()
