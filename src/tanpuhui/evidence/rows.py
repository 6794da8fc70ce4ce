"""Rows: providers' files as a staged table of text, one row for each row of a file and none lost.

The table ``staged`` has ``row_number`` (the record's id: its batch, and the row of its file from 1), ``unreadable``
(the line, where it is not a row), ``unknown_field`` (a key that the format does not know), ``not_text`` (the key of an
identifier that is no text), and a text column ``t_<name>`` for each column that the file has. What a Parquet file has
as whole numbers or as moments with an offset stays that, as ``n_<name>`` and ``at_<name>``. Memory is bounded: text
goes in by pieces of 50,000 lines, and DuckDB spills to the disk.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tanpuhui.evidence.envelope import Envelope
from tanpuhui.evidence.expressions import literal, name
from tanpuhui.evidence.format import Format, Shape, Sheet, Terms
from tanpuhui.kit.refusal import Refusal

LINES_AT_ONCE = 50_000
#: Keys of objects that identify something: text, or a whole number of at most 20 digits, and nothing else.
IDENTIFIERS = ("id", "person", "refunds", "source_id", "user")

Progress = Callable[[int, int], None]


class WrongMedia(Refusal):
    code = "evidence.wrong_media"
    message = "{file} is {media}, and the format {format} takes {accepted}. Send it in one of those."


class WrongColumns(Refusal):
    code = "evidence.wrong_columns"
    message = (
        "{file} has not the columns of the format {format}: missing {missing}; unexpected {unexpected}. "
        "Compare its first line with docs/reference/provider-formats.md."
    )


class DuplicateHeader(Refusal):
    code = "evidence.duplicate_header"
    message = "{file} names these columns more than once: {columns}. Leave each name once."


class WrongSchema(Refusal):
    code = "evidence.wrong_schema"
    message = (
        "{file} has columns of other types than the format {format}: {columns}. Write them with those types."
    )


class UnreadableFile(Refusal):
    code = "evidence.unreadable_file"
    message = "{file} cannot be read as {media}: {reason}. Write it again."


class OtherSheet(Exception):
    """The file has other columns than those that are staged already: it is not read together with them."""


@dataclass(frozen=True)
class Staging:
    """Where a file's rows go: the number before its first row, and whether ``staged`` has rows of others already."""

    before_first: int
    append: bool = False
    progress: Progress = lambda _done, _whole: None


def stage(
    connection: duckdb.DuckDBPyConnection, envelope: Envelope, form: Format, terms: Terms, to: Staging
) -> int:
    """Fill or extend the table ``staged``; answers which of the format's shapes the file has.

    A refusal, and :class:`OtherSheet`, leave what was staged before as it was.
    """
    if envelope.media not in form.media:
        accepted = ", ".join(sorted(form.media))
        raise WrongMedia(file=envelope.name, media=envelope.media, format=form.name, accepted=accepted)
    staging = {"csv": _stage_csv, "ndjson": _stage_ndjson, "parquet": _stage_parquet}[envelope.media]
    shape = staging(connection, envelope, form, form.shapes(terms), to)
    envelope.still_the_same()
    return shape


#: What a staged column is, by how its name begins.
_TYPES = {"t_": "VARCHAR", "n_": "BIGINT", "at_": "TIMESTAMPTZ"}


def make_table(connection: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> None:
    """An empty ``staged`` with some columns: those that the file has, since most of a wide shape is absent."""
    texts = "".join(f", {name(column)} {_type(column)}" for column in columns)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE staged "
        f"(row_number BIGINT, unreadable VARCHAR, unknown_field VARCHAR, not_text VARCHAR{texts})"
    )


def _type(column: str) -> str:
    return next(sort for start, sort in _TYPES.items() if column.startswith(start))


def _ready(connection: duckdb.DuckDBPyConnection, columns: Sequence[str], to: Staging) -> None:
    """Make ``staged`` for these columns, or see that it has just them."""
    if not to.append:
        make_table(connection, columns)
    elif present_columns(connection) != list(columns):
        raise OtherSheet


def text_columns(shape: Shape) -> list[str]:
    """Names of the text columns of a shape, whether the file has them or not."""
    return [f"t_{shape.staged(column)}" for column in (*shape.required, *shape.optional)]


def present_columns(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Names of the columns that ``staged`` has of the file."""
    names = [row[0] for row in connection.execute("DESCRIBE staged").fetchall()]
    return names[4:]


def sheet_of(connection: duckdb.DuckDBPyConnection, shape: int, stem: str) -> Sheet:
    """What is staged, as an adapter reads it."""
    present = present_columns(connection)
    numbers, moments, texts = (
        frozenset(column.removeprefix(start) for column in present if column.startswith(start))
        for start in ("n_", "at_", "t_")
    )
    columns = frozenset(f"t_{column}" for column in numbers | moments | texts)
    return Sheet(shape, stem, columns, numbers, moments)


def choose_shape(file: str, form: Format, shapes: Sequence[Shape], header: Sequence[str]) -> int:
    """The first shape that the header fits; refuses with what is missing from the nearest one."""
    if len(set(header)) < len(header):
        twice = sorted({column for column in header if header.count(column) > 1})
        raise DuplicateHeader(file=file, columns=", ".join(twice))
    present = set(header)
    lacks = [_lack(shape, present) for shape in shapes]
    for index, (missing, unexpected) in enumerate(lacks):
        if not missing and not unexpected:
            return index
    missing, unexpected = min(lacks, key=lambda lack: (len(lack[0]), len(lack[1])))
    raise WrongColumns(
        file=file,
        format=form.name,
        missing=", ".join(missing) or "none",
        unexpected=", ".join(column[:60] for column in unexpected[:20]) or "none",
    )


def _lack(shape: Shape, present: set[str]) -> tuple[list[str], list[str]]:
    known = {*shape.required, *shape.optional, *shape.ignored}
    return [column for column in shape.required if column not in present], sorted(present - known)


def _stage_csv(
    connection: duckdb.DuckDBPyConnection,
    envelope: Envelope,
    form: Format,
    shapes: Sequence[Shape],
    to: Staging,
) -> int:
    with envelope.path.open(encoding="utf-8-sig", newline="\n") as stream:
        first = _without_end(stream.readline())
        delimiter = ";" if ";" in first and "," not in first else ","
        header = _values(first, delimiter, None)
        if header is None:
            raise UnreadableFile(file=envelope.name, media="csv", reason="the first line has an open quote")
        index = choose_shape(envelope.name, form, shapes, header)
        kept = [
            (position, f"t_{shapes[index].staged(column)}")
            for position, column in enumerate(header)
            if column not in shapes[index].ignored
        ]
        _ready(connection, [column for _, column in kept], to)
        for start, lines in _pieces(stream, envelope, to):
            _insert(connection, start, lines, [_values(line, delimiter, len(header)) for line in lines], kept)
    return index


def _pieces(stream: IO[str], envelope: Envelope, to: Staging) -> Iterator[tuple[int, list[str]]]:
    """Lines without their ends, 50,000 at a time, with the number of the first."""
    number, done_bytes = to.before_first + 1, 0
    while lines := list(islice(stream, LINES_AT_ONCE)):
        yield number, [_without_end(line) for line in lines]
        number += len(lines)
        done_bytes += sum(map(len, lines))
        to.progress(min(done_bytes, envelope.size_bytes), envelope.size_bytes)


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _values(line: str, delimiter: str, width: int | None) -> list[str] | None:
    """The values of a line, or None when it is not a row: an open quote, or another number of values."""
    if '"' not in line:
        values = line.split(delimiter)
    else:
        try:
            values = next(csv.reader([line], delimiter=delimiter, strict=True))
        except csv.Error:
            return None
    return values if width is None or (len(values) == width and line) else None


def _insert(
    connection: duckdb.DuckDBPyConnection,
    start: int,
    lines: list[str],
    rows: list[list[str] | None],
    kept: list[tuple[int, str]],
) -> None:
    """Put a piece into ``staged``; a line that is not a row keeps its text and no values."""
    width = 1 + max((position for position, _ in kept), default=0)
    nothing = [None] * width
    columns = list(zip(*(nothing if row is None else row for row in rows), strict=False))
    unreadable = [line if row is None else None for line, row in zip(lines, rows, strict=True)]
    arrays = {
        "row_number": pa.array(range(start, start + len(lines)), pa.int64()),
        "unreadable": pa.array(unreadable, pa.string()),
        **{column: pa.array(columns[position], pa.string()) for position, column in kept},
    }
    _append(connection, pa.table(arrays), [*arrays])


def _append(connection: duckdb.DuckDBPyConnection, piece: pa.Table, columns: Sequence[str]) -> None:
    # A table itself would load pandas, where it is installed, to ask whether it is one of its own.
    connection.register("piece", piece.to_reader())
    names = ", ".join(name(column) for column in columns)
    connection.execute(f"INSERT INTO staged ({names}) SELECT {names} FROM piece")
    connection.unregister("piece")


def _stage_ndjson(
    connection: duckdb.DuckDBPyConnection,
    envelope: Envelope,
    _form: Format,
    shapes: Sequence[Shape],
    to: Staging,
) -> int:
    """Objects have no header: the shape is the format's only one, and an unknown key refuses its own row."""
    (shape,) = shapes
    known = {*shape.required, *shape.optional}
    if not to.append:
        make_table(connection, [])
    with envelope.path.open(encoding="utf-8-sig", newline="\n") as stream:
        for start, lines in _pieces(stream, envelope, to):
            numbers = pa.array(range(start, start + len(lines)), pa.int64())
            piece = pa.table({"row_number": numbers, "line": pa.array(lines, pa.string())})
            connection.register("piece", piece.to_reader())
            connection.execute(_OBJECTS)
            connection.unregister("piece")
            _insert_objects(connection, known)
    return 0


#: Lines that are objects, and their keys. A line is parsed only when it is JSON at all; a key told twice says nothing.
_OBJECTS = """
    CREATE OR REPLACE TEMP TABLE objects AS
    SELECT row_number, line, coalesce(len(keys) = len(list_distinct(keys)), false) AS good, keys
    FROM (
        SELECT *, CASE WHEN starts_with(ltrim(line), '{') AND json_valid(line) THEN json_keys(line) END AS keys
        FROM piece
    )"""


def _insert_objects(connection: duckdb.DuckDBPyConnection, known: set[str]) -> None:
    """Put ``objects`` into ``staged``, which gets a column for each known key when it first turns up."""
    found = {row[0] for row in connection.execute("SELECT DISTINCT unnest(keys) FROM objects").fetchall()}
    keys = sorted(found & known)
    for column in sorted({f"t_{key}" for key in keys} - set(present_columns(connection))):
        connection.execute(f"ALTER TABLE staged ADD COLUMN {name(column)} VARCHAR")
    names = "".join(f", {name(f't_{key}')}" for key in keys)
    values = "".join(f", texts[{index}]" for index in range(1, len(keys) + 1))
    paths = ", ".join(literal(f"$.{key}") for key in keys)
    texts = f"CASE WHEN good THEN json_extract_string(line, [{paths}]) END" if keys else "NULL"
    others = ", ".join(literal(key) for key in keys) or "NULL"
    connection.execute(f"""
        INSERT INTO staged (row_number, unreadable, unknown_field, not_text{names})
        SELECT row_number, CASE WHEN NOT good OR unknown IS NOT NULL OR not_text IS NOT NULL THEN line END, unknown,
            not_text{values}
        FROM (
            SELECT row_number, line, good, {texts} AS texts, CASE WHEN good THEN {_not_text(keys)} END AS not_text,
                list_filter(keys, lambda key: coalesce(key NOT IN ({others}), true))[1] AS unknown
            FROM objects
        )""")


def _not_text(keys: Sequence[str]) -> str:
    """SQL: the first key of an object whose identifier is neither text nor a whole number, NULL where all are."""
    named = [key for key in keys if key in IDENTIFIERS]
    if not named:
        return "NULL"
    paths = ", ".join(literal(f"$.{key}") for key in named)
    pairs = f"list_zip([{', '.join(map(literal, named))}], json_type(line, [{paths}]))"
    fits = "coalesce(pair[2] IN ('VARCHAR', 'UBIGINT', 'BIGINT', 'NULL'), true)"
    return f"list_filter({pairs}, lambda pair: NOT {fits})[1][1]"


_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_MEASURES = (pa.types.is_integer, pa.types.is_boolean)


def _stage_parquet(
    connection: duckdb.DuckDBPyConnection,
    envelope: Envelope,
    form: Format,
    shapes: Sequence[Shape],
    to: Staging,
) -> int:
    try:
        schema = pq.read_schema(envelope.path)
    except (pa.ArrowException, OSError) as error:
        reason = _reason(error, envelope)
        raise UnreadableFile(file=envelope.name, media="parquet", reason=reason) from error
    index = choose_shape(envelope.name, form, shapes, schema.names)
    _refuse_types(envelope.name, form, schema)
    kept = [_kept(column, shapes[index].staged(column.name)) for column in schema]
    _ready(connection, [column for column, _ in kept], to)
    columns = [name(column) for column, _ in kept]
    values = [value for _, value in kept]
    number = f"file_row_number + {to.before_first + 1}"
    try:
        connection.execute(
            f"INSERT INTO staged (row_number, {', '.join(columns)}) SELECT {number}, {', '.join(values)} "
            f"FROM read_parquet({literal(str(envelope.path))}, file_row_number = true)"
        )
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.SerializationException) as error:
        reason = _reason(error, envelope)
        raise UnreadableFile(file=envelope.name, media="parquet", reason=reason) from error
    to.progress(envelope.size_bytes, envelope.size_bytes)
    return index


def _reason(error: Exception, envelope: Envelope) -> str:
    """The engine's words, with the provider's name of the file instead of our path to it."""
    return (str(error).splitlines() or ["unreadable"])[0].replace(str(envelope.path), envelope.name)


def _refuse_types(file: str, form: Format, schema: pa.Schema) -> None:
    """Ids and persons are text or whole numbers, moments text or timestamps, measures whole numbers or booleans."""
    wrong = [f"{column.name} is {column.type}" for column in schema if not _fits(column)]
    if wrong:
        raise WrongSchema(file=file, format=form.name, columns="; ".join(wrong))


def _fits(column: pa.Field) -> bool:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_null(kind):
        return True
    if column.name in ("source_id", "person"):
        return _is_one(kind, (*_TEXTS, pa.types.is_integer))
    if column.name in ("kind", "action", "station", "line", "vehicle"):
        return _is_one(kind, _TEXTS)
    if column.name in ("started_at", "ended_at"):
        return _is_one(kind, (*_TEXTS, pa.types.is_timestamp))
    return _is_one(kind, _MEASURES)


def _is_one(kind: pa.DataType, tests: Sequence[Callable[[pa.DataType], bool]]) -> bool:
    return any(bool(test(kind)) for test in tests)


def _kept(column: pa.Field, staged: str) -> tuple[str, str]:
    """What a column is staged as, and how: a number of int64 and a moment with an offset stay what they are.

    Any other is staged as text: a moment as ISO text in microseconds, an identifier that is a number as its digits.
    """
    if pa.types.is_timestamp(column.type):
        if column.type.tz:
            return f"at_{staged}", f"CAST({name(column.name)} AS TIMESTAMPTZ)"
        return f"t_{staged}", f"CAST(CAST({name(column.name)} AS TIMESTAMP) AS VARCHAR)"
    if (
        pa.types.is_integer(column.type)
        and column.type != pa.uint64()
        and column.name not in ("source_id", "person")
    ):
        return f"n_{staged}", f"CAST({name(column.name)} AS BIGINT)"
    return f"t_{staged}", f"CAST({name(column.name)} AS VARCHAR)"
