"""Lake: accepted records as zstd Parquet, each file named by its own digest, in folders by day and account bucket.

    evidence/day=2018-09-01/bucket=03/<digest>.parquet   records, sorted by account and start
    evidence/revisions/<digest>.parquet                  records with a revision above 0, once more
    evidence/ids/<digest>.parquet                        ids taken, for de-duplication (see id_file.py)
    evidence/runs/<uuid>.run                             which of those to look into (see id_index.py)

Files are written before the transaction that refers to them commits: a crash leaves files that nothing refers to,
and :func:`sweep` removes them.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import duckdb
from django.db import Error as DatabaseError
from django.db import connection as database
from django.db.models import Q

from tanpuhui.evidence.expressions import literal, local_day, name
from tanpuhui.evidence.id_file import write_ids
from tanpuhui.evidence.id_run import SUFFIX
from tanpuhui.evidence.models import IdRun, LakeFile
from tanpuhui.evidence.record import CORE, PLACES, RAW_KINDS
from tanpuhui.kit.digest import PREFIX, digest_file
from tanpuhui.kit.erased import standing
from tanpuhui.kit.files import DiskFull, adopt

#: The bucket of records whose person had no account yet when they were taken.
UNLINKED = -1

FOLDER = "evidence"
_WORK = ".taking"
#: Advisory lock: shared by every take, exclusive for a sweep.
_SWEEP_LOCK = 0x7461_6E70_7377


@contextmanager
def workshop(lake: Path) -> Iterator[Path]:
    """A folder on the lake's own disk for unfinished files; it goes away whatever happens. A full disk is refused."""
    folder = lake / _WORK / uuid4().hex
    try:
        folder.mkdir(parents=True)
        yield folder
    except (OSError, duckdb.Error, DatabaseError) as error:
        if _is_full(error):
            raise DiskFull(folder=lake) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place(buckets: int, zone: str) -> str:
    """SQL over a candidate with its account: the day and the bucket of its record."""
    bucket = f"CASE WHEN account_id = 0 THEN {UNLINKED} ELSE CAST(account_id % {buckets} AS INTEGER) END"
    return f"{local_day('ended_us', zone)} AS day, {bucket} AS bucket"


def make_accepted(
    connection: duckdb.DuckDBPyConnection, *, provider: str, counted: str, copied: bool
) -> None:
    """Make ``accepted``: lake records with their day and bucket. Copied, where it costs to tell which rows count."""
    what = "TABLE" if copied else "VIEW"
    connection.execute(f"""
        CREATE OR REPLACE TEMP {what} accepted AS
        SELECT row_number AS record_id, {literal(provider)} AS provider, * EXCLUDE (row_number)
        FROM {counted if copied else "keyed"}""")


def write(
    connection: duckdb.DuckDBPyConnection, lake: Path, work: Path, measures: Sequence[str]
) -> list[LakeFile]:
    """Write the files of ``accepted``: records by day and bucket, revisions, and ids. Not yet in the database."""
    columns = ", ".join(name(column) for column in (*CORE, *measures, *PLACES))
    order = "ORDER BY account_id, started_us, record_id"
    written = []
    places = connection.execute("SELECT DISTINCT day, bucket FROM accepted ORDER BY day, bucket").fetchall()
    for day, bucket in places:
        query = f"SELECT {columns} FROM accepted WHERE day = DATE '{day}' AND bucket = {bucket} {order}"
        folder = Path(FOLDER, f"day={day}", f"bucket={bucket:02d}")
        file = _write_one(connection, query, lake, folder, work)
        file.part, file.day, file.bucket = LakeFile.RECORDS, day, bucket
        written.append(file)
    if not written:
        return []
    revised = "FROM accepted WHERE revision > 0"
    if connection.execute(f"SELECT 1 {revised} LIMIT 1").fetchall():
        query = f"SELECT {columns} {revised} ORDER BY source_id, revision"
        file = _write_one(connection, query, lake, Path(FOLDER, LakeFile.REVISIONS), work)
        file.part = LakeFile.REVISIONS
        written.append(file)
    unfinished = _unfinished(work)
    [(first_record,)] = connection.execute("SELECT min(record_id) FROM accepted").fetchall()
    rows = write_ids(connection, unfinished, first_record=first_record)
    file = _adopted(unfinished, lake, Path(FOLDER, LakeFile.IDS), rows)
    file.part = LakeFile.IDS
    return [*written, file]


def _write_one(
    connection: duckdb.DuckDBPyConnection, query: str, lake: Path, folder: Path, work: Path
) -> LakeFile:
    unfinished = _unfinished(work)
    [(rows,)] = connection.execute(
        f"COPY ({query}) TO {literal(str(unfinished))} (FORMAT parquet, COMPRESSION zstd)"
    ).fetchall()
    return _adopted(unfinished, lake, folder, rows)


def _unfinished(work: Path) -> Path:
    return work / f"{uuid4().hex}.parquet"


def _adopted(unfinished: Path, lake: Path, folder: Path, rows: int) -> LakeFile:
    size_bytes = unfinished.stat().st_size
    path, digest = adopt(unfinished, lake / folder, ".parquet")
    return LakeFile(digest=digest, path=str(path.relative_to(lake)), rows=rows, size_bytes=size_bytes)


def record_files(days: Sequence[date], bucket: int | None = None) -> list[LakeFile]:
    """Files of records of some days, in a stable order; with a bucket, its own and the unlinked ones."""
    files = LakeFile.objects.filter(part=LakeFile.RECORDS, day__in=days)
    if bucket is not None:
        files = files.filter(bucket__in=(bucket, UNLINKED))
    return list(files.order_by("day", "bucket", "digest"))


def revision_files(day: date, before: timedelta, after: timedelta) -> list[LakeFile]:
    """Files of corrections and retractions that concern a day; of providers that send raw records, days around it."""
    raw = Q(batch__contract__kinds__overlap=sorted(RAW_KINDS), days__day__range=(day - before, day + after))
    files = LakeFile.objects.filter(Q(days__day=day) | raw, part=LakeFile.REVISIONS)
    return list(files.distinct().order_by("digest"))


def days_with_records() -> list[date]:
    """Every local day on which the lake has records, in order."""
    days = LakeFile.objects.filter(part=LakeFile.RECORDS).order_by("day").values_list("day", flat=True)
    return [day for day in days.distinct() if day is not None]


def hold_off_sweep() -> None:
    """Until the end of the transaction no sweep runs: files may be written that nothing refers to yet."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_SWEEP_LOCK])


@contextmanager
def without_sweep() -> Iterator[None]:
    """Until the block ends, over several transactions, no other session sweeps."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", [_SWEEP_LOCK])
    try:
        yield
    finally:
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_shared(%s)", [_SWEEP_LOCK])


def sweep(lake: Path, kept: Callable[[], Iterable[Path]] = tuple) -> list[Path]:
    """Remove files of the lake that no batch refers to, and unfinished ones; answers which. In a transaction.

    ``kept`` names files that somebody else refers to; it is asked when nobody writes any more.
    """
    assert database.in_atomic_block
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SWEEP_LOCK])
    known = set(LakeFile.objects.values_list("path", flat=True))
    known |= {str(standing(lake / path).relative_to(lake)) for path in known if not (lake / path).exists()}
    known |= set(IdRun.objects.values_list("path", flat=True))
    known |= {str(path.relative_to(lake)) for path in kept()}
    # A run that was not finished has more behind its suffix.
    there = (path for name in ("*.parquet", f"*{SUFFIX}*") for path in (lake / FOLDER).rglob(name))
    found = (path for path in there if str(path.relative_to(lake)) not in known)
    orphans = sorted([*found, *(path for path in (lake / _WORK).rglob("*") if path.is_file())])
    for path in orphans:
        # A taking that has just committed removes the runs that it merged without the lock.
        path.unlink(missing_ok=True)
    shutil.rmtree(lake / _WORK, ignore_errors=True)
    return orphans


def missing_or_changed(lake: Path) -> list[str]:
    """Paths of files that a batch refers to and that are absent, or whose content is not what their name says."""
    wrong = []
    for path, digest in LakeFile.objects.order_by("id").values_list("path", "digest"):
        file = standing(lake / path)
        named = digest if file == lake / path else PREFIX + file.stem
        if not file.is_file() or digest_file(file) != named:
            wrong.append(path)
    return wrong


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    text = str(error).lower()
    return "no space left" in text or "disk quota exceeded" in text or "could not extend file" in text
