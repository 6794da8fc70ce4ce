"""DuckDB: the embedded engine, in this process, within a memory limit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa

from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.step import Step

MEMORY_LIMIT = "1GB"


class EngineOutOfRoom(Refusal):
    code = "quantify.engine_out_of_room"
    message = (
        "The engine ran out of memory or disk ({reason}). Nothing was posted. Free room, or use more buckets."
    )


class DuckDb:
    """A connection that holds the relations of one bucket; close it and they are gone."""

    name = "duckdb"
    version: str = duckdb.__version__

    def __init__(self, *, memory_limit: str = MEMORY_LIMIT, threads: int | None = None) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="tanpuhui-engine-")
        self._connection = duckdb.connect(
            config={
                "memory_limit": memory_limit,
                "threads": threads or os.cpu_count() or 1,
                "temp_directory": self._scratch.name,
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        # A bar after two seconds, on the output that scripts read.
        self._connection.execute("SET enable_progress_bar = false")

    def __enter__(self) -> DuckDb:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._scratch.cleanup()

    def read(self, name: str, files: Sequence[Path], columns: Mapping[str, str]) -> None:
        """Name a relation over Parquet files; a column that no file has is there as NULL of its type."""
        typed = ", ".join(f'CAST(NULL AS {type_}) AS "{column}"' for column, type_ in columns.items())
        if not files:
            self._run(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {typed} WHERE FALSE")
            return
        listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
        source = f"read_parquet([{listed}], union_by_name = true)"
        present = {row[0] for row in self._run(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        chosen = ", ".join(
            f'CAST("{column}" AS {type_}) AS "{column}"'
            if column in present
            else f'CAST(NULL AS {type_}) AS "{column}"'
            for column, type_ in columns.items()
        )
        self._run(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {chosen} FROM {source}")

    def put(self, name: str, table: pa.Table) -> None:
        """Name a small relation that is given whole; it is read where it lies."""
        self._connection.register(name, table)

    def run(self, steps: Iterable[Step]) -> None:
        """Make each relation in order."""
        for step in steps:
            sort = "TABLE" if step.kept else "VIEW"
            self._run(f"CREATE OR REPLACE TEMP {sort} {step.name} AS {step.query}")

    def table(self, query: str) -> pa.Table:
        """The answer of a query, whole."""
        with _room():
            return self._connection.sql(query).to_arrow_table()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The answer of a small query as tuples."""
        return self._run(query).fetchall()

    def _run(self, query: str) -> duckdb.DuckDBPyConnection:
        with _room():
            return self._connection.execute(query)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise EngineOutOfRoom(reason=str(error).splitlines()[0]) from error
