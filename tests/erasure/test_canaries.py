"""Marks are planted in every place that can hold something about a person; after an erasure none is found anywhere.

The list of places is the list of all columns: whoever adds a column says there what it holds, or this fails.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from close.replaying import replayed
from close.town import Town
from erasure.planted import (
    BORN,
    LAKE,
    ROW,
    THROUGH_VERBS,
    agreed,
    in_files,
    in_lake,
    lived_in_every_place,
    mark,
    places,
    quarantined,
)
from notary.town import AT
from tanpuhui.erasure import backup
from tanpuhui.erasure.erase import Erased, erase, erase_again
from tanpuhui.erasure.plan import BLANK, DELETE, KEEP, LASTING, PASSING, PERSONAL, SEALED, USER, tables
from tanpuhui.kit.home import home
from tanpuhui.ledger.balance import balances
from tanpuhui.methodology.load import Library
from tanpuhui.notary.audit import audit
from tanpuhui.notary.enter import enter_all
from tanpuhui.notary.installation import log
from tanpuhui.notary.shares import shares_of
from tanpuhui.project import embedded
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.models import Lot
from tanpuhui.sealing import keys
from tanpuhui.sealing.seal import GONE
from tanpuhui.transparency.log import find_leaf, newest_note, publish


def test_every_column_is_in_the_list_and_every_table_says_what_becomes_of_it(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CASE n.nspname WHEN 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END, a.attname "
            "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname IN ('public', 'vault') AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
            "AND a.attnum > 0 AND NOT a.attisdropped"
        )
        there = set(cursor.fetchall())

    listed = [(table.name, column.name) for table in tables() for column in table.columns]

    assert sorted(there - set(listed)) == [], "say in erasure/columns.csv what they hold"
    assert sorted(set(listed) - there) == []
    assert len(listed) == len(set(listed))


def test_the_list_is_sound() -> None:
    for table in tables():
        assert table.backup in (LASTING, PASSING), table.name
        assert table.why, table.name
        assert bool(table.whose) == (table.action != KEEP), table.name
        assert not (table.action == KEEP and table.personal), f"{table.name} keeps what is personal"
        assert table.backup == PASSING or not [one for one in table.personal if one.holds == PERSONAL], (
            f"{table.name} would be in lasting backups with what is personal and not sealed"
        )
        if table.action in (BLANK, USER):
            assert all(one.becomes for one in table.personal), table.name
        else:
            assert table.action in (DELETE, KEEP), table.name
    sealed = {(table.name, one.name) for table in tables() for one in table.columns if one.holds == SEALED}
    assert sealed == THROUGH_VERBS


@dataclass(frozen=True)
class Before:
    """What there was before the erasure, and what it did."""

    town: Town
    account: int
    other: int
    dumped: str
    lasting: str
    sealed: tuple[tuple[str, str], ...]
    in_lake: int
    in_files: int
    balances: tuple[Any, ...]
    note: str
    proof: Any
    made: backup.Made


@pytest.fixture()
def before(transactional_db: None, fresh_home: Path, tests_library: Library) -> Before:
    fresh_home.chmod(0o711)
    town = Town(fresh_home, tests_library, load_jurisdiction("demo"), buckets=1)
    account, other = lived_in_every_place(town)
    with transaction.atomic():
        enter_all(log(), at=AT)
    publish(log())
    agreed(account)
    (lot,) = Lot.objects.all()
    made = backup.make(fresh_home / "backups", address=_address(), pg_dump=_pg_dump(), at=AT, form="plain")
    return Before(
        town,
        account,
        other,
        _dump(),
        made.lasting.read_text(),
        tuple(_sealed_of()),
        in_lake(town, LAKE),
        len(in_files(LAKE)),
        tuple(balances(connection, [account << 4 | kind for kind in (1, 2, 12)])),
        newest_note(),
        shares_of(lot.code).proof(account),
        made,
    )


@pytest.fixture(scope="module")
def tests_library() -> Library:
    from tanpuhui.methodology.load import load_library

    return load_library()


@pytest.mark.slow
def test_after_an_erasure_no_mark_is_found_and_everything_else_verifies(before: Before) -> None:
    town, account = before.town, before.account
    marks = {(table.name, column): mark(table.name, column) for table, column in places()}
    open_ones = {
        place: text
        for place, text in marks.items()
        if place not in THROUGH_VERBS and place[1] not in ("email", "birth_on", "month")
        if place[0] != "evidence_quarantinedrow"
    }
    _planted(before, marks, open_ones)

    erased = erase(agreed(account).pk, at=AT, places=town.places)

    _nothing_is_left(before, marks)
    _everything_else_stands(before, erased)
    _a_restored_backup_opens_nothing(before)
    _a_dump_in_another_database_verifies(before, marks)
    _passing_backups_go(before)
    assert erase(agreed(account).pk, at=AT, places=town.places).tables == {}
    assert erase_again(places=town.places, at=AT) == []


def _planted(before: Before, marks: dict[Any, str], open_ones: dict[Any, str]) -> None:
    """Each mark is where it was planted, or sealed there; in the lasting backup there is none."""
    missing = [place for place, text in open_ones.items() if not _has(before.dumped, text)]
    assert missing == []
    assert str(BORN) in before.dumped
    assert [place for place in THROUGH_VERBS if _has(before.dumped, marks[place])] == []
    assert len(before.sealed) >= len(THROUGH_VERBS)
    passing = {table.name for table in tables() if table.backup == PASSING}
    assert all((text in before.lasting) == (table not in passing) for table, text in before.sealed)
    assert [place for place, text in marks.items() if _has(before.lasting, text)] == []
    assert str(BORN) not in before.lasting
    assert before.in_lake >= 1
    assert quarantined() == 1


def _nothing_is_left(before: Before, marks: dict[Any, str]) -> None:
    after = _dump()
    assert [place for place, text in marks.items() if _has(after, text)] == []
    assert str(BORN) not in after
    assert not any(text in after for _, text in before.sealed)
    assert quarantined() == 0
    assert in_lake(before.town, LAKE) == 0
    assert in_lake(before.town, "revised") == 0
    for words in (LAKE, ROW, *marks.values()):
        assert [path for path in in_files(words) if "backups" not in path] == []


def _everything_else_stands(before: Before, erased: Erased) -> None:
    town = before.town
    assert erased.rows > 5
    assert tuple(balances(connection, [before.account << 4 | kind for kind in (1, 2, 12)])) == before.balances
    with transaction.atomic():
        enter_all(log(), at=AT + timedelta(minutes=1))
    publish(log())
    with transaction.atomic():
        looked = audit(log(), town.places, seen=[before.note])
    assert looked.findings == ()
    assert looked.checked["erased_rows"] == erased.rows
    for answer in replayed(town):
        assert answer.differences == []
        assert answer.erased > 0
    (lot,) = Lot.objects.all()
    assert shares_of(lot.code).proof(before.account) is None
    shares = shares_of(lot.code).proof(before.other)
    assert shares is not None
    assert shares["size"] == before.proof["size"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM vault.subject_link")
        assert cursor.fetchone()[0] == 1


def _a_restored_backup_opens_nothing(before: Before) -> None:
    """The words of a restored dump are those that were stored, and no key that is left opens them."""
    from tanpuhui.rights.models import Request

    stored = next(text for table, text in before.sealed if table == "rights_request")
    restored = Request(account=before.account, kind="correction", words=stored)
    assert keys.is_destroyed(before.account)
    assert restored.words == GONE
    key = (keys.folder() / keys.FILE).read_bytes()[before.account * keys.ROW_BYTES :][: keys.ROW_BYTES]
    assert key == bytes([keys.DESTROYED]) + bytes(keys.ROW_BYTES - 1)


def _a_dump_in_another_database_verifies(before: Before, marks: dict[Any, str]) -> None:
    """Ledger, log, the checkpoint that was seen before the erasure, and others' shares; and nobody's mark."""
    (lot,) = Lot.objects.all()
    counted = _counts()
    with _restored(_dump()):
        after = _dump()
        with transaction.atomic():
            looked = audit(log(), before.town.places, seen=[before.note])
        shares = shares_of(lot.code)

        assert [place for place, text in marks.items() if _has(after, text)] == []
        assert str(BORN) not in after
        assert looked.findings == ()
        assert looked.checked["checkpoints"] >= 2
        assert _counts() == counted
        assert shares.root.hex() == find_leaf("lot", lot.code).opening.record["shares_root"]
        assert shares.proof(before.other) is not None
        assert shares.proof(before.account) is None


def _counts() -> tuple[int, ...]:
    """Rows of the ledger and of the log, and the sum of all postings."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM ledger_posting), (SELECT sum(abs(amount)) FROM ledger_posting), "
            "(SELECT count(*) FROM transparency_leaf)"
        )
        return tuple(map(int, cursor.fetchone()))


@contextmanager
def _restored(dump: str) -> Iterator[None]:
    """The dump in a second database of the same server, which everything reads meanwhile."""
    first = connection.settings_dict["NAME"]
    second = f"{first}_restored"
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{second}"')
    try:
        connection.close()
        connection.settings_dict["NAME"] = second
        subprocess.run(
            [str(embedded.programs() / "psql"), "-v", "ON_ERROR_STOP=1", "-q", f"--dbname={_address()}"],
            input=dump,
            text=True,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        assert first != _name_of_database() == second
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = first
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{second}" WITH (FORCE)')


def _name_of_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        return str(cursor.fetchone()[0])


def _passing_backups_go(before: Before) -> None:
    assert before.made.passing.exists()
    later = backup.make(
        home() / "backups", address=_address(), pg_dump=_pg_dump(), at=AT + timedelta(days=15), form="plain"
    )
    assert set(later.removed) == {before.made.passing, before.made.keys}
    left = [path.read_text(errors="replace") for path in (home() / "backups").iterdir()]
    assert not any(_has(text, mark("vault.payee", "token")) or str(BORN) in text for text in left)


def _has(dump: str, text: str) -> bool:
    return text in dump or text.encode().hex() in dump


def _sealed_of() -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        for table, column in sorted(THROUGH_VERBS):
            name = ".".join(f'"{part}"' for part in table.split("."))
            cursor.execute(
                f'SELECT "{column}"::text FROM {name} WHERE "{column}"::text LIKE %s', ["%sealed:1:%"]
            )
            rows = [text for (text,) in cursor.fetchall()]
            assert rows, f"nothing is sealed in {table}"
            yield from ((table, text.removeprefix('{"sealed": "').removesuffix('"}')) for text in rows)


def _address() -> str:
    of = connection.settings_dict
    return f"postgresql://{of['USER']}@/{of['NAME']}?host={of['HOST']}"


def _pg_dump() -> Path:
    return embedded.programs() / "pg_dump"


def _dump() -> str:
    """All of the database as text."""
    return subprocess.run(
        [str(_pg_dump()), f"--dbname={_address()}"], capture_output=True, text=True, check=True
    ).stdout
