"""Seals: rows that are too many for a leaf each: one seals many, and a file beside the log has every row's digest.

A row's digest is SHA-256 over PostgreSQL's text of its columns. Numbers are given out before transactions commit, so a
number may turn up after larger ones were sealed. What was missing is looked for until no transaction that ran when it
was missed can still bring it: each page says before which transaction all had ended when rows were looked for
(``horizon``), and the first that had not begun when a number was missing (``until``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.db import connection
from django.db.models import QuerySet
from psycopg import sql

from tanpuhui.close.store import Store
from tanpuhui.kit.home import home
from tanpuhui.kit.moment import MICROSECONDS, to_us
from tanpuhui.kit.progress import Report, nobody, told
from tanpuhui.notary.sealed_tables import TABLES, Sealed
from tanpuhui.transparency.models import Leaf
from tanpuhui.transparency.record import Record

KIND = "rows"
#: The key of a leaf that says of all tables that they were looked through, and has no rows.
LOOKED = "looked"
#: How many numbers a page takes at most, and with how many rows of theirs it takes no more of them.
AT_ONCE, ROWS_AT_ONCE = 50_000, 1_000_000
#: Rows that are brought from the database at once.
FETCHED = 20_000
#: For how long a number that was missing is looked for at least: it is given out just before its transaction has one.
LATE_US = 3_600 * MICROSECONDS
#: PostgreSQL's text of a value depends on these.
_TEXT = (
    ("datestyle", "ISO, YMD"),
    ("timezone", "UTC"),
    ("intervalstyle", "iso_8601"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
)
_SCHEMA = pa.schema([("number", pa.int64()), ("key", pa.string()), ("digest", pa.binary(32))])


@dataclass(frozen=True)
class Page:
    """Rows that one leaf seals, as their file has them: number, name and digest of each, in order."""

    leaf: int
    record: Mapping[str, Any]
    numbers: Sequence[int]
    keys: Sequence[str]
    digests: Sequence[bytes]


def store() -> Store:
    """Where the files are: not with the log's, since the names of rows are nobody's business."""
    return Store(home(), "seals")


def seal(*, at: datetime, report: Report = nobody) -> list[Record]:
    """Records of all rows that are not sealed yet; their files are written. The caller enters them."""
    set_text()
    horizon, unbegun = running()
    look = {"at_us": to_us(at), "horizon": horizon}
    newest = _newest()
    sealed: dict[str, list[int]] = {}
    records = []
    for one in told(TABLES, report, "Sealing rows", len(TABLES)):
        record, numbers = _next_page(one, sealed, look, _still_missing(one, newest, unbegun))
        sealed[one.table] = numbers
        if record is not None:
            records.append(record)
    if not records and newest is not None and _late(newest, look) and _any_missing(newest, unbegun):
        # Nothing is new: said by itself, so that what was missing is known never to come.
        records.append(Record(KIND, f"{LOOKED}/{newest.index + 1}", look))
    return records


def is_behind(records: Iterable[Record]) -> bool:
    """Whether a page was full: more waits, which need not wait for the next round."""
    of = {one.table: one.of for one in TABLES}
    return any(
        record.content["rows"] >= (ROWS_AT_ONCE if of[record.content["table"]] else AT_ONCE)
        for record in records
        if "rows" in record.content
    )


def pages(one: Sealed) -> Iterator[Leaf]:
    """The leaves of a table's pages, in order."""
    return _pages(one.table).order_by("index").iterator()


def _pages(table: str) -> QuerySet[Leaf]:
    found = Leaf.objects.filter(kind=KIND, key__startswith=f"{table}/", opening__isnull=False)
    return found.select_related("opening")


def read_page(leaf: Leaf) -> Page:
    """A page with its rows; refused where its file is missing or altered."""
    record = leaf.opening.record
    table = pq.read_table(store().checked(record["digest"]))
    return Page(
        leaf.index,
        record,
        table["number"].to_pylist(),
        table["key"].to_pylist(),
        table["digest"].to_pylist(),
    )


def rows_through(one: Sealed, columns: Sequence[str], last: int) -> Iterator[tuple[int, str, bytes]]:
    """Number, name and digest of the rows as they are now, in order of all three, a portion at a time."""
    condition = sql.SQL("t.{} <= {}").format(sql.Identifier(one.number), sql.Literal(last))
    assert connection.in_atomic_block, "one moment of the database"
    with connection.connection.cursor(name=f"seals_{one.table}") as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(_query(one, columns, condition))
        for number, key, digest in cursor:
            yield number, key, bytes(digest)


def set_text() -> None:
    """Have PostgreSQL write values in one way, until the transaction ends."""
    with connection.cursor() as cursor:
        for name, value in _TEXT:
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


def running() -> tuple[int, int]:
    """The oldest transaction that has not ended, and the first that has not begun.

    What a transaction before the oldest wrote is seen by whoever looks from now on, or never (``pg_snapshot_xmin``).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_snapshot_xmin(now)::text::bigint, pg_snapshot_xmax(now)::text::bigint"
            " FROM pg_current_snapshot() AS now"
        )
        oldest, unbegun = cursor.fetchone()
    return oldest, unbegun


def still_missing(one: Sealed) -> list[list[int]]:
    """Ranges of numbers that were missing from a table's pages and may still come."""
    return _still_missing(one, _newest(), running()[1])


def _still_missing(one: Sealed, newest: Leaf | None, unbegun: int) -> list[list[int]]:
    if newest is None:
        return []
    look = _said(newest)
    found: list[list[int]] = []
    for leaf in _pages(one.of or one.table).order_by("-index").iterator(chunk_size=100):
        then = _said(leaf)
        # Beyond what has begun: the rows were brought to another server, where nothing of then still runs.
        ended = then["until"] <= look["horizon"] or then["until"] > unbegun
        if ended and _late(leaf, look):
            break
        record = leaf.opening.record
        found += record.get("gaps", ()) if isinstance(record, dict) else ()
    return found


def _said(leaf: Leaf) -> dict[str, int]:
    """When rows were looked for, and which transactions ran; of an opening that was edited nothing."""
    record = leaf.opening.record
    said = {
        name: record.get(name) if isinstance(record, dict) else None for name in ("at_us", "horizon", "until")
    }
    return {name: value if isinstance(value, int) else 0 for name, value in said.items()}


def _late(leaf: Leaf, look: Mapping[str, int]) -> bool:
    """Whether a look came long enough after a leaf."""
    return _said(leaf)["at_us"] + LATE_US <= look["at_us"]


def _any_missing(newest: Leaf, unbegun: int) -> bool:
    return any(_still_missing(one, newest, unbegun) for one in TABLES if not one.of)


def _newest() -> Leaf | None:
    """The leaf of rows that was entered last, of any table: when it was, all of them were looked through."""
    found = Leaf.objects.filter(kind=KIND, opening__isnull=False).select_related("opening")
    return found.order_by("-index").first()


def _next_page(
    one: Sealed, sealed: Mapping[str, list[int]], look: Mapping[str, int], missing: Sequence[Sequence[int]]
) -> tuple[Record | None, list[int]]:
    count, last = _so_far(one)
    if one.of:
        numbers = sealed[one.of]
        table = _rows(one, _any_of(one, numbers) if numbers else sql.SQL("false"))
        gaps: list[list[int]] = []
    else:
        table = _rows(one, _new(one, last, missing))
        numbers = pc.unique(table["number"]).to_pylist()
        gaps = _gaps(last, [number for number in numbers if number > last])
    if not len(table):
        return None, numbers
    ends = pc.min_max(table["number"]).as_py()
    content = {
        "table": one.table,
        "columns": list(one.columns),
        "first": ends["min"],
        "last": ends["max"],
        "through": max(last, ends["max"]),
        "rows": len(table),
        "gaps": gaps,
        **look,
        "until": running()[1],
        "digest": store().put(table),
    }
    return Record(KIND, f"{one.table}/{count + 1:06}", content), numbers


def _so_far(one: Sealed) -> tuple[int, int]:
    """How many pages a table has, and the largest number in them."""
    found = Leaf.objects.filter(kind=KIND, key__startswith=f"{one.table}/").order_by("-index")
    newest = found.values_list("key", "opening__record__through").first()
    return (0, 0) if newest is None else (int(newest[0].rpartition("/")[2]), newest[1])


def _new(one: Sealed, last: int, gaps: Sequence[Sequence[int]]) -> sql.Composable:
    """Numbers above the last one, at most so many, and those that were missing."""
    number, table = sql.Identifier(one.number), sql.Identifier(one.table)
    above = sql.SQL(
        "t.{number} > {last} AND t.{number} <= COALESCE((SELECT max(n) FROM (SELECT n, "
        "sum(rows) OVER (ORDER BY n) - rows AS before FROM (SELECT p.{number} AS n, COALESCE({rows}, 0) AS rows "
        "FROM {table} p WHERE p.{number} > {last} ORDER BY 1 LIMIT {most}) r) q WHERE before < {full}), 0)"
    ).format(
        number=number,
        table=table,
        rows=sql.SQL(one.rows_each or "0"),
        last=sql.Literal(last),
        most=sql.Literal(AT_ONCE),
        full=sql.Literal(ROWS_AT_ONCE),
    )
    late = [
        sql.SQL("t.{} BETWEEN {} AND {}").format(number, sql.Literal(gap[0]), sql.Literal(gap[1]))
        for gap in gaps
    ]
    known = sql.SQL("({})").format(sql.SQL(" OR ").join([above, *late]))
    return (
        known
        if not late
        else sql.SQL("{} AND NOT t.{} = ANY({})").format(known, number, sql.Literal(_found_late(one, gaps)))
    )


def _found_late(one: Sealed, gaps: Sequence[Sequence[int]]) -> list[int]:
    """Numbers of those gaps that later pages have already."""
    found = []
    for leaf in pages(one):
        record = leaf.opening.record
        if any(record["first"] <= gap[1] and gap[0] <= record["last"] for gap in gaps):
            found += [
                number
                for number in read_page(leaf).numbers
                if any(gap[0] <= number <= gap[1] for gap in gaps)
            ]
    return found


def _any_of(one: Sealed, numbers: Sequence[int]) -> sql.Composable:
    """Rows of these numbers. Their days are written into the query, so that other months are not even planned for."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT DISTINCT posted_on FROM {} WHERE id = ANY(%s)").format(sql.Identifier(one.of)),
            [list(numbers)],
        )
        days = [day for (day,) in cursor.fetchall()]
    return sql.SQL("t.{} = ANY({}) AND t.posted_on = ANY({}::date[])").format(
        sql.Identifier(one.number), sql.Literal(list(numbers)), sql.Literal(days)
    )


def _rows(one: Sealed, condition: sql.Composable) -> pa.Table:
    """Number, name and digest of rows, in order of all three; brought a portion at a time."""
    assert connection.in_atomic_block, "one moment of the database"
    portions = []
    with connection.connection.cursor(name=f"new_{one.table}") as cursor:
        cursor.itersize = FETCHED
        cursor.execute(_query(one, one.columns, condition))
        while rows := cursor.fetchmany(FETCHED):
            portions.append(pa.table(list(zip(*rows, strict=True)), schema=_SCHEMA))
    return pa.concat_tables(portions or [_SCHEMA.empty_table()]).combine_chunks()


def _query(one: Sealed, columns: Sequence[str], condition: sql.Composable) -> sql.Composable:
    return sql.SQL(
        "SELECT number, key, digest FROM (SELECT t.{number}::bigint AS number, concat_ws(':', {names}) AS key, "
        "sha256(convert_to(ROW({columns})::text, 'UTF8')) AS digest FROM {table} t WHERE {condition}) q "
        'ORDER BY number, key COLLATE "C", digest'
    ).format(
        number=sql.Identifier(one.number),
        names=sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in one.names),
        columns=sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in columns),
        table=sql.Identifier(one.table),
        condition=condition,
    )


def _gaps(last: int, numbers: Sequence[int]) -> list[list[int]]:
    """Ranges of numbers after ``last`` that are not among these, ascending ones.

    >>> _gaps(2, [4, 5, 9])
    [[3, 3], [6, 8]]
    """
    gaps = []
    for number in numbers:
        if number > last + 1:
            gaps.append([last + 1, number - 1])
        last = number
    return gaps
