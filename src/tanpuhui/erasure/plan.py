"""Plan: every table and column of the database, what it holds, and what an erasure does to it, as one list of orders.

``tables.csv`` and ``columns.csv`` name all of them, one by one: a column that somebody adds is in no list, and a test
says so.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

DELETE, BLANK, KEEP, USER = "delete", "blank", "keep", "user"
LASTING, PASSING = "lasting", "passing"
PERSONAL, SEALED = "personal", "sealed words"


@dataclass(frozen=True)
class Column:
    """What a column holds; ``becomes`` is the SQL that stands there after a row was blanked."""

    name: str
    holds: str
    becomes: str


@dataclass(frozen=True)
class Table:
    """A table: in which backup it is, and what becomes of a person's rows, found by ``whose``."""

    name: str
    backup: str
    action: str
    whose: str
    why: str
    columns: tuple[Column, ...]

    @property
    def quoted(self) -> str:
        """Its name as SQL has it."""
        return ".".join(f'"{part}"' for part in self.name.split("."))

    @property
    def personal(self) -> tuple[Column, ...]:
        """Columns that say something about somebody."""
        return tuple(column for column in self.columns if column.holds in (PERSONAL, SEALED))


@cache
def tables() -> tuple[Table, ...]:
    """Every table, in the order in which an erasure goes through them."""
    columns: dict[str, list[Column]] = {}
    for row in _rows("columns"):
        columns.setdefault(row["table"], []).append(Column(row["column"], row["holds"], row["becomes"]))
    return tuple(
        Table(
            row["table"],
            row["backup"],
            row["action"],
            row["whose"],
            row["why"],
            tuple(columns[row["table"]]),
        )
        for row in _rows("tables")
    )


def orders() -> Iterator[tuple[Table, str]]:
    """What is done to each table that has anything of a person, as SQL over the person's facts."""
    for table in tables():
        if table.action == DELETE:
            yield table, f"DELETE FROM {table.quoted} WHERE {table.whose}"
        elif table.action == BLANK:
            sets = ", ".join(f'"{one.name}" = {one.becomes}' for one in table.personal)
            yield table, f"UPDATE {table.quoted} SET {sets} WHERE {table.whose}"


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("tanpuhui.erasure").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())
