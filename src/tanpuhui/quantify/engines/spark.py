"""Spark: the same steps on a cluster. A relation that is read more than once is a folder of Parquet files that all
machines see; so what a lost machine had computed is there for the others, and a plan never grows over the steps.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.step import Step
from tanpuhui.quantify.engines.dialect import for_spark, parsed, read_by, type_for_spark
from tanpuhui.quantify.engines.emptiness import surely_empty

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: An Arrow type as Spark's readers of Parquet know it.
_READ_AS = {
    pa.int32(): "INT",
    pa.int64(): "BIGINT",
    pa.string(): "STRING",
    pa.large_string(): "STRING",
    pa.bool_(): "BOOLEAN",
}


class EngineFailed(Refusal):
    code = "quantify.engine_failed"
    message = (
        "The cluster gave up ({reason}). Nothing was posted. Look at its log, then close the day again, "
        "or close it with --engine duckdb."
    )


class Spark:
    """A session of a cluster that holds the relations of one bucket; close it and its files are gone."""

    name = "spark"

    def __init__(self, session: SparkSession, shared: Path) -> None:
        self._session = session
        self._folder = shared / uuid4().hex
        self._folder.mkdir(parents=True)
        self._empty: set[str] = set()

    def __enter__(self) -> Spark:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def read(self, name: str, files: Sequence[Path], columns: Mapping[str, str]) -> None:
        """Name a relation over Parquet files; a column that no file has is there as NULL of its type."""
        types = {column: type_for_spark(type_) for column, type_ in columns.items()}
        alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for file in files:
            alike.setdefault(_there(file, types), []).append(_address(file))
        with _answering():
            parts = [self._part(paths, dict(there), types) for there, paths in alike.items()]
            whole = parts[0] if parts else self._session.sql(f"SELECT {_typed({}, types)} WHERE FALSE")
            for part in parts[1:]:
                whole = whole.unionAll(part)
            self._name(name, whole, empty=not _rows(files))

    def put(self, name: str, table: pa.Table) -> None:
        """Name a small relation that is given whole."""
        path = self._folder / f"{name}-{uuid4().hex}.parquet"
        pq.write_table(table, path)
        self.read(name, [path], {field.name: _READ_AS[field.type] for field in table.schema})

    def run(self, steps: Iterable[Step]) -> None:
        """Make each relation in order: stored where it is read more than once, a view where it is not."""
        steps = list(steps)
        stored = read_more_than_once(steps)
        with _answering():
            for step in steps:
                made = self._session.sql(for_spark(step.query))
                empty = surely_empty(parsed(step.query), self._empty)
                if step.name in stored and not empty:
                    made, empty = self._store(step.name, made)
                self._name(step.name, made, empty=empty)

    def table(self, query: str) -> pa.Table:
        """The answer of a query, whole, in columns that may be empty and lie in one piece each."""
        with _answering():
            answer = self._session.sql(for_spark(query)).toArrow()
        fields = [pa.field(field.name, _plain(field.type)) for field in answer.schema]
        return answer.cast(pa.schema(fields)).combine_chunks()

    def _part(self, paths: list[str], there: Mapping[str, str], types: Mapping[str, str]) -> DataFrame:
        schema = ", ".join(f"`{column}` {type_}" for column, type_ in there.items())
        read = self._session.read.schema(schema).parquet(*paths)
        return read.selectExpr(*_columns(there, types))

    def _store(self, name: str, made: DataFrame) -> tuple[DataFrame, bool]:
        """Computed now and read again from its files; and whether it is empty."""
        folder = self._folder / f"{name}-{uuid4().hex}"
        made.write.parquet(_address(folder))
        written = self._session.read.schema(made.schema).parquet(_address(folder))
        return written, not _rows(folder.rglob("*.parquet"))

    def _name(self, name: str, made: DataFrame, *, empty: bool) -> None:
        """Name a relation; what is empty is a relation without files, so that a plan that reads it is short."""
        if empty:
            self._empty.add(name)
            types = {field.name: field.dataType.simpleString() for field in made.schema.fields}
            made = self._session.sql(f"SELECT {_typed({}, types)} WHERE FALSE")
        else:
            self._empty.discard(name)
        made.createOrReplaceTempView(name)


def _there(file: Path, types: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Those of the columns that a file has, with the types in which they are stored.

    A column that was written without a type has nothing but NULL in it, and Spark can read none such: it is absent.
    """
    schema = pq.read_schema(file)
    stored = {name: schema.field(name).type for name in types if name in schema.names}
    return tuple((name, _READ_AS[type_]) for name, type_ in stored.items() if not pa.types.is_null(type_))


def _columns(there: Mapping[str, str], types: Mapping[str, str]) -> list[str]:
    return [
        f"CAST({f'`{column}`' if column in there else 'NULL'} AS {type_}) AS `{column}`"
        for column, type_ in types.items()
    ]


def _typed(there: Mapping[str, str], types: Mapping[str, str]) -> str:
    return ", ".join(_columns(there, types))


def read_more_than_once(steps: Sequence[Step]) -> set[str]:
    """Relations that are read more than once, views between them counted through."""
    stored: set[str] = set()
    times: dict[str, int] = {}
    for step in reversed(steps):
        uses = times.get(step.name, 1)
        if step.kept and uses > 1:
            stored.add(step.name)
            uses = 1
        for name, count in read_by(step.query).items():
            times[name] = times.get(name, 0) + count * uses
    return stored


def _rows(files: Iterable[Path]) -> int:
    """How many rows some files say that they have."""
    return sum(pq.read_metadata(file).num_rows for file in files)


def _address(path: Path) -> str:
    """A path as clusters take it: marked as a file, and with every letter as it is."""
    return f"file://{path.absolute()}"


def _plain(type_: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_large_string(type_) else type_


@contextmanager
def _answering() -> Iterator[None]:
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        raise EngineFailed(reason=first_line(error)) from error


def first_line(error: BaseException) -> str:
    """What went wrong, without the trace of another machine."""
    return next(iter(str(error).splitlines()), type(error).__name__)
