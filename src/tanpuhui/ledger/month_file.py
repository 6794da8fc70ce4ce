"""Month file: a detached month's legs as Parquet below ``TANPUHUI_HOME/ledger``, sorted by account, named by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tanpuhui.kit.digest import PREFIX, digest_file
from tanpuhui.kit.files import adopt
from tanpuhui.kit.home import home
from tanpuhui.ledger.refusals import MonthFileAltered, MonthFileMissing

#: All columns of ``ledger_posting``, in the order of ``copy_rows.COLUMNS``.
SCHEMA = pa.schema(
    [
        ("tx_id", pa.int64()),
        ("account_id", pa.int64()),
        ("amount", pa.int64()),
        ("ref", pa.int64()),
        ("asset_id", pa.int32()),
        ("posted_on", pa.date32()),
        ("leg", pa.int32()),
        ("code", pa.int16()),
        ("stream", pa.int16()),
    ]
)
#: What one account's legs are read with, at most two of them as a rule.
ROW_GROUP = 32_768
_REPEATED = ["tx_id", "asset_id", "posted_on", "code", "stream"]
_DELTA = dict.fromkeys(("account_id", "amount", "ref", "leg"), "DELTA_BINARY_PACKED")


@dataclass(frozen=True)
class Month:
    """A row of ``ledger_detached_month``: the month's first day, what its file has, and by which digest it is named."""

    month: date
    legs: int
    amount_mg: int
    bytes: int
    digest: str
    detached_at: datetime

    @property
    def name(self) -> str:
        return f"{self.month:%Y-%m}"

    @property
    def path(self) -> Path:
        return folder() / f"{self.digest.removeprefix(PREFIX)}.parquet"


@dataclass(frozen=True)
class Written:
    """A file that is whole and on the disk, and what it has."""

    path: Path
    digest: str
    bytes: int


def folder() -> Path:
    """Where the files are: with their accounts' numbers, so nobody else's business."""
    path = home() / "ledger"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def write(tables: Iterable[pa.Table]) -> Written:
    """Write legs that come sorted by account; the same legs are the same file."""
    unfinished = folder() / f".{uuid4().hex}"
    try:
        with _writer(unfinished) as writer:
            for table in tables:
                writer.write_table(table, row_group_size=ROW_GROUP)
        size = unfinished.stat().st_size
        path, digest = adopt(unfinished, folder(), ".parquet")
    finally:
        unfinished.unlink(missing_ok=True)
    return Written(path, digest, size)


@contextmanager
def _writer(path: Path) -> Iterator[pq.ParquetWriter]:
    with pq.ParquetWriter(
        path,
        SCHEMA,
        compression="zstd",
        use_dictionary=_REPEATED,
        column_encoding=_DELTA,
        write_page_checksum=True,
    ) as writer:
        yield writer


def checked(month: Month) -> Path:
    """The path of a month's file whose bytes are those that were detached; refuses one that is missing or altered.

    A file is read whole for this once in a process, and again when it was written to.
    """
    try:
        found = month.path.stat()
    except FileNotFoundError:
        raise MonthFileMissing(month=month.name, path=month.path) from None
    if found.st_size != month.bytes or _digest(month.path, found.st_ino, found.st_mtime_ns) != month.digest:
        raise MonthFileAltered(month=month.name, path=month.path)
    return month.path


def legs_between(month: Month, first: int, last: int) -> pa.Table:
    """The legs of a month on accounts from the first to the last one; row groups of others are not read."""
    with reading(month) as file:
        at = file.schema_arrow.get_field_index("account_id")
        groups = [
            number
            for number in range(file.metadata.num_row_groups)
            if (known := file.metadata.row_group(number).column(at).statistics).min <= last
            and known.max >= first
        ]
        if not groups:
            return SCHEMA.empty_table()
        found = file.read_row_groups(groups, use_threads=False)
    account = found["account_id"].to_numpy()
    begin, end = np.searchsorted(account, [first, last + 1])
    return found.slice(begin, end - begin)


def batches(month: Month, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """All legs of a month, a portion at a time, in the order of the file."""
    with reading(month) as file:
        yield from file.iter_batches(batch_size=ROW_GROUP, columns=columns)


@contextmanager
def reading(month: Month) -> Iterator[pq.ParquetFile]:
    """A month's file, open; what cannot be read in it is refused like a file that was altered."""
    path = checked(month)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if file.metadata.num_rows != month.legs or file.schema_arrow != SCHEMA:
                raise MonthFileAltered(month=month.name, path=path)
            yield file
    except (OSError, pa.ArrowException) as error:
        raise MonthFileAltered(month=month.name, path=path) from error


class RowsDigest:
    """SHA-256 over rows one after the other, whatever portions they come in: nine little-endian numbers each."""

    def __init__(self) -> None:
        self._whole = hashlib.sha256()
        self.legs = 0
        self.amount_mg = 0

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        packed = np.empty((rows.num_rows, len(SCHEMA)), "<i8")
        for place, column in enumerate(rows.columns):
            is_day = pa.types.is_date32(column.type)
            packed[:, place] = np.asarray(column.cast(pa.int32()) if is_day else column)
        self._whole.update(packed.data)
        self.legs += rows.num_rows
        self.amount_mg += int(packed[:, SCHEMA.get_field_index("amount")].sum())

    def as_text(self) -> str:
        return PREFIX + self._whole.hexdigest()


@lru_cache(maxsize=4096)
def _digest(path: Path, number: int, changed_ns: int) -> str:
    del number, changed_ns
    return digest_file(path)
