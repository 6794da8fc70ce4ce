"""Random edits of certified tables, one at a time, with every trigger and rule off: how many an audit names.

Run: .venv/bin/python bench/audit.py [--edits 10000] [--seed 1]; the same seed makes the same edits of the same rows.
A small installation in a new embedded cluster (the town of tests/notary/town.py and a saving programme), all of it in
the log. An edit changes a column of a row to another value, deletes a row, puts a changed copy of a row among the
sealed ones, or exchanges the contents of two rows; then the parts of the audit run that compare that table with what
was signed (``audit_table``: leaves recomputed, seals, digests of bodies), and the edit is rolled back. An edit is
caught when every row that it touched is named, and named wrongly when another row of that table is.

What is no edit of a certified row: a row that is appended above what the log covers is a new fact (the books judge it,
and the log dates it); and two moments of the log's own tables, which nobody signed (see ``UNSIGNED``).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

if TYPE_CHECKING:
    from tanpuhui.close.places import Places
    from tanpuhui.ledger.invariants import Finding

#: Columns of the log's own tables that are in no hash: when a leaf entered and a checkpoint was signed. What dates
#: them for others are the witnesses' cosignatures.
UNSIGNED = {("transparency_leaf", "entered_at"), ("transparency_checkpoint", "signed_at")}
#: Tables of facts, and those of the log, with the column that names a row in findings.
NAMED = {
    "close_manifest": "digest",
    "registry_lot": "code",
    "registry_annulment": "lot_id",
    "registry_statistics_release": "id",
    "programme_programme": "code",
    "programme_window": "id",
    "programme_period": "id",
    "programme_opening": "programme_id",
    "transparency_status_step": "id",
    "transparency_leaf": "index",
    "transparency_opening": "leaf_id",
    "transparency_checkpoint": "size",
}
#: How findings say it where they do not give the bare key.
PREFIX = {"transparency_leaf": "index=", "transparency_opening": "leaf=", "transparency_checkpoint": "size="}
CHANGE, DELETE, INSERT, EXCHANGE = "change", "delete", "insert", "exchange"
#: Draws of another edit where the database cannot take one (another partition, a column that is never empty).
TRIES = 200
#: The name under which a row's partition and place there are kept.
PLACE = ""
#: What an inserted row has in columns that nobody signed: some moment.
UNSIGNED_COPY = {table: (f", {column}", ", now()") for table, column in UNSIGNED}
#: How often a value becomes empty, and a change of JSON goes one level deeper.
NOTHING, DEEPER = 0.05, 0.85


@dataclass(frozen=True)
class Table:
    """A certified table: what names a row, all columns with their types, and where an inserted row is among others."""

    name: str
    names: tuple[str, ...]
    columns: dict[str, str]
    number: str = ""

    def key(self, row: dict[str, Any]) -> str:
        """A row's name as findings have it."""
        if self.number:
            return f"{':'.join(self.names)}={':'.join(str(row[name]) for name in self.names)}"
        return f"{PREFIX.get(self.name, '')}{row[self.names[0]]}"

    def aliases(self, row: dict[str, Any]) -> frozenset[str]:
        """The names that findings have for a row: with its columns, or the bare key."""
        bare = ":".join(str(row[name]) for name in self.names)
        return frozenset({bare, self.key(row)})


#: What the parts of the audit find that look at a table.
Audited = Callable[[str], "Sequence[Finding]"]


@dataclass(frozen=True)
class Edit:
    """What was changed, and for each row that was touched the names that it had and has."""

    what: str
    touched: tuple[frozenset[str], ...]


@dataclass
class Counted:
    """What came of all edits; ``missed`` and ``wrong`` say which, so that they can be made again."""

    caught: Counter[str] = field(default_factory=Counter)
    tables: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def edits(self) -> int:
        return sum(self.caught.values()) + len(self.missed)

    def note(self, kind: str, table: Table, edit: Edit, findings: Sequence[Finding]) -> None:
        named = {one.key for one in findings if one.table == table.name}
        if table.name == "transparency_leaf":
            # Kind and key of a leaf are hashed with what opens it.
            bare = (one.key.removeprefix("leaf=") for one in findings if one.table == "transparency_opening")
            named |= {f"index={number}" for number in bare}
        self.tables[table.name] += 1
        said = f"{kind} {table.name} {edit.what} of {[sorted(one) for one in edit.touched]}: {sorted(named)}"
        if all(one & named for one in edit.touched):
            self.caught[kind] += 1
        else:
            self.missed.append(said)
        if not named <= frozenset().union(*edit.touched):
            self.wrong.append(said)


def main() -> None:
    arguments = parse()
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings_for_tests"
    import django

    django.setup()
    from tanpuhui.kit.home import home
    from tanpuhui.project import embedded
    from tanpuhui.project.database import migrate

    try:
        migrate("default")
        places = make(home())
        began = time.monotonic()
        counted = measure(places, arguments.edits, arguments.seed)
        report(counted, arguments.seed, time.monotonic() - began)
    finally:
        embedded.leave(home())
    sys.exit(3 if counted.missed or counted.wrong else 0)


def report(counted: Counted, seed: int, seconds: float) -> None:
    print(json.dumps(dict(counted.tables.most_common()), indent=1))
    for kind, lines in (("missed", counted.missed), ("named wrongly", counted.wrong)):
        print("\n".join(f"{kind}: {line}" for line in lines[:20]))
    print(
        f"{counted.edits:,} edits of {len(counted.tables)} tables (seed {seed}) in {seconds:.0f} s: "
        f"{sum(counted.caught.values()):,} caught with the right rows named {dict(counted.caught)}, "
        f"{len(counted.missed)} missed, {len(counted.wrong)} with another row named"
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--edits", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def make(home: Path) -> Places:
    """A town in which everything that is certified happened, and a programme with a settled period."""
    from django.db import transaction

    from close.town import Town
    from notary.town import AT, lived, lived_further
    from programme.village import CODE, USED_WH, Village
    from tanpuhui.methodology.load import load_library
    from tanpuhui.programme.unseal import unseal
    from tanpuhui.quantify.jurisdiction import load_jurisdiction

    town = Town(home, load_library(), load_jurisdiction("demo"), buckets=2)
    lived_further(town, lived(town))
    village = Village(home, town.library, town.jurisdiction)
    with transaction.atomic():
        village.open()
    village.join(10)
    village.settle(village.readings(dict.fromkeys(village.asked, USED_WH - 300_000)))
    with transaction.atomic():
        unseal(CODE, at=AT)
    return town.places


def measure(places: Places, edits: int, seed: int) -> Counted:
    """Enter everything, drop the rules as a superuser can, and make so many edits, each of which is rolled back.

    Rows are looked through again two hours later: numbers that were missing then are waited for no more.
    """
    from django.db import transaction

    from notary.town import AT, rules_dropped
    from tanpuhui.notary.audit import audit_table
    from tanpuhui.notary.enter import enter_all
    from tanpuhui.notary.installation import log
    from tanpuhui.transparency.log import publish

    for at in (AT, AT + timedelta(hours=2)):
        with transaction.atomic():
            enter_all(log(), at=at)
    publish(log())
    tables = certified()
    with transaction.atomic():
        for table in tables:
            rules_dropped(table.name)
    draw, counted, ours = random.Random(seed), Counted(), log()
    for _ in range(edits):
        _one(draw, tables, lambda table: audit_table(table, ours, places).findings, counted)
    return counted


def certified() -> list[Table]:
    """Every table whose rows the log has, one by one or sealed, and the log's own; those without a row left out."""
    from django.db import connection

    from tanpuhui.notary.seals import TABLES

    found = [(one.table, one.names, one.number) for one in TABLES]
    found += [(name, (column,), "") for name, column in NAMED.items()]
    tables = []
    with connection.cursor() as cursor:
        for name, names, number in found:
            cursor.execute(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
                "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                [name],
            )
            columns = {column: kind for column, kind in cursor.fetchall() if (name, column) not in UNSIGNED}
            cursor.execute(f"SELECT EXISTS (SELECT FROM {name})")
            if cursor.fetchone()[0]:
                tables.append(Table(name, names, columns, number))
    return tables


def _one(draw: random.Random, tables: list[Table], audited: Audited, counted: Counted) -> None:
    """One edit that the database takes, what the audit says of it, and back."""
    from django.db import DatabaseError, transaction

    for _ in range(TRIES):
        table, kind = draw.choice(tables), draw.choice((CHANGE, CHANGE, DELETE, INSERT, EXCHANGE))
        try:
            with transaction.atomic():
                edit = _edit(draw, table, kind)
                findings = audited(table.name) if edit else ()
                transaction.set_rollback(True)
        except DatabaseError:
            continue
        if edit is not None:
            counted.note(kind, table, edit, findings)
            return
    raise AssertionError("the database takes no edit any more")


def _edit(draw: random.Random, table: Table, kind: str) -> Edit | None:
    """Make one edit by force; ``None`` where it would change nothing."""
    rows = _rows(table)
    row = draw.choice(rows)
    if kind == DELETE:
        _force(f"DELETE FROM {row[PLACE][0]} WHERE ctid = %s::tid", row[PLACE][1])
        return Edit("", (table.aliases(row),))
    if kind == EXCHANGE:
        return _exchange(table, *draw.sample(rows, 2)) if len(rows) > 1 else None
    column = draw.choice([*table.columns])
    other = {**row, column: _other(draw, table.columns[column], row[column])}
    if kind == CHANGE:
        if not _write(table, row, other):
            return None
        return Edit(column, (table.aliases(row) | table.aliases(other),))
    return _insert(table, rows, row, other)


def _exchange(table: Table, one: dict[str, Any], two: dict[str, Any]) -> Edit | None:
    """Two rows keep their names and places and exchange all the rest."""
    kept = {PLACE, *table.names, table.number}
    first = {name: (one if name in kept else two)[name] for name in one}
    second = {name: (two if name in kept else one)[name] for name in two}
    if first == one or not (_write(table, one, first) and _write(table, two, second)):
        return None
    return Edit("", (table.aliases(one), table.aliases(two)))


def _insert(
    table: Table, rows: list[dict[str, Any]], row: dict[str, Any], other: dict[str, Any]
) -> Edit | None:
    """A copy with something changed. Above what was sealed, or under a key of its own, it would be a new fact."""
    if table.number:
        if other[table.number] is None or other[table.number] > max(one[table.number] for one in rows):
            return None
    elif table.aliases(other) != table.aliases(row):
        return None
    columns = [*table.columns]
    listed = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(f"%s::{table.columns[name]}" for name in columns)
    _force(
        f"INSERT INTO {table.name} ({listed}{UNSIGNED_COPY.get(table.name, ('', ''))[0]}) "
        f"SELECT {values}{UNSIGNED_COPY.get(table.name, ('', ''))[1]}",
        *(_sent(other[name]) for name in columns),
    )
    return Edit("", (table.aliases(other) | table.aliases(row),))


def _write(table: Table, row: dict[str, Any], other: dict[str, Any]) -> bool:
    """Write over a row what differs; whether the database holds it for another value."""
    changed = [name for name in table.columns if row[name] != other[name]]
    if not changed:
        return False
    kinds = table.columns
    setting = ", ".join(f'"{name}" = %s::{kinds[name]}' for name in changed)
    differs = " OR ".join(f'"{name}" IS DISTINCT FROM %s::{kinds[name]}' for name in changed)
    values = [_sent(other[name]) for name in changed]
    place, ctid = row[PLACE]
    # Another row of the same edit may have taken no place of this one: each is found where it was.
    return (
        _force(f"UPDATE {place} SET {setting} WHERE ctid = %s::tid AND ({differs})", *values, ctid, *values)
        == 1
    )


def _force(statement: str, *values: Any) -> int:
    from notary.town import by_force

    return by_force(statement, *values)


def _rows(table: Table) -> list[dict[str, Any]]:
    """All rows with their values and, under an empty name, their partition and place there."""
    from django.db import connection

    listed = ", ".join(f't."{name}"' for name in table.columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT t.tableoid::regclass::text, t.ctid::text, {listed} FROM {table.name} t ORDER BY 1, t.ctid"
        )
        return [
            {PLACE: (place, ctid), **dict(zip(table.columns, map(_read, values), strict=True))}
            for place, ctid, *values in cursor.fetchall()
        ]


def _read(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _sent(value: Any) -> Any:
    """A value as the database takes it: JSON as text."""
    return json.dumps(value) if isinstance(value, dict | list) and not _is_array(value) else value


def _is_array(value: Any) -> bool:
    return isinstance(value, Array)


class Array(list[int]):
    """A column of numbers, and not JSON."""


def _other(draw: random.Random, kind: str, value: Any) -> Any:
    """Another value of a column's type; sometimes nothing."""
    if value is not None and draw.random() < NOTHING:
        return None
    match kind.partition("(")[0]:
        case "bigint" | "integer":
            return (value or 0) + draw.choice((1, -1, draw.randrange(2, 10**6), -draw.randrange(2, 10**6)))
        case "smallint":
            return (value or 0) + draw.choice((1, -1, draw.randrange(2, 100)))
        case "numeric":
            return (value or 0) + draw.randrange(1, 1000)
        case "text" | "character varying":
            return _text(draw, value or "")
        case "date":
            return (value or date(2026, 1, 1)) + timedelta(days=draw.choice((1, -1, 365)))
        case "timestamp with time zone":
            began = value or datetime(2026, 1, 1, tzinfo=UTC)
            return began + timedelta(microseconds=draw.choice((1, -1, draw.randrange(10**12))))
        case "bytea":
            at = draw.randrange(len(value)) if value else 0
            return (
                value[:at] + bytes([value[at] ^ 1 << draw.randrange(8)]) + value[at + 1 :] if value else b"x"
            )
        case "bigint[]":
            return Array([*(value or []), draw.randrange(100)])
        case "jsonb":
            return _json(draw, value)
    raise AssertionError(f"no other value of type {kind} is known")


def _text(draw: random.Random, value: str) -> str:
    """A letter more, fewer or other; or another case."""
    if not value or draw.random() < 0.25:
        return value + draw.choice("~ 0x")
    at = draw.randrange(len(value))
    return draw.choice((value[:at] + value[at + 1 :], f"{value[:at]}~{value[at + 1 :]}", value.swapcase()))


def _json(draw: random.Random, value: Any) -> Any:
    """One thing changed somewhere inside: a name gone or more, an entry twice, a number one up or no longer whole."""
    match value:
        case dict() if value and draw.random() < DEEPER:
            name = draw.choice([*value])
            return {**value, name: _json(draw, value[name])}
        case dict():
            gone = draw.choice([*value]) if value else ""
            less = {name: each for name, each in value.items() if name != gone}
            return draw.choice((less, {**value, "~": 1}))
        case list() if value and draw.random() < DEEPER:
            at = draw.randrange(len(value))
            return [*value[:at], _json(draw, value[at]), *value[at + 1 :]]
        case list():
            return draw.choice(([*value, 1], value[1:], value[::-1]))
        case bool() | None:
            return draw.choice((1, "x", not value))
        case int():
            return draw.choice((value + 1, -value, str(value), value + 0.5))
        case str():
            return draw.choice((_text(draw, value), None, 1))
    return None


if __name__ == "__main__":
    main()
