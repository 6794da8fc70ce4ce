"""What every test may ask for: a fresh home, a real PostgreSQL, and the real data where it is present."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A machine is as slow as others make it: no test fails for how long it took.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SHARED = Path(os.environ.get("TANPUHUI_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that at the end of a run no process waits for another one's long file."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; a test that needs it is skipped where it is missing."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the real data is not on this machine (../shared/data, or TANPUHUI_SHARED)")
    return folder


@pytest.fixture(scope="session")
def shared_reference() -> Path:
    """The folder of published references; a test that needs it is skipped where it is missing."""
    folder = SHARED / "reference"
    if not folder.is_dir():
        pytest.skip("the references are not on this machine (../shared/reference, or TANPUHUI_SHARED)")
    return folder


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A copy of the prepared database, with the application's role and its privileges, as an installation has.

    Tables refuse TRUNCATE for everyone, so between transactional tests those that may have rows are emptied with
    triggers off, but for those that migrations filled; numbers begin at one again.
    """
    from django.db import connection, connections
    from django.db.backends.postgresql.operations import DatabaseOperations
    from psycopg import sql

    with django_db_blocker.unblock():
        filled = _filled_tables(connection)

    def flush(operations: DatabaseOperations, sql_list: list[str]) -> None:
        with operations.connection.cursor() as cursor:
            cursor.execute(_TOUCHED, [filled])
            touched = sql.SQL(", ").join(sql.Identifier(schema, table) for schema, table in cursor.fetchall())
            cursor.execute("SET session_replication_role = replica")
            if touched.as_string():
                cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(touched))
            cursor.execute(_RESTART, [filled])
            cursor.execute("SET session_replication_role = origin")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "execute_sql_flush", flush)
        yield
    # A thread of a server that a test had may end later than the test: its session must not keep the database. Our own
    # sessions may have been ended by a test that copied the database, so they are opened anew.
    with django_db_blocker.unblock():
        connections.close_all()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        connections.close_all()


_OF_OURS = "n.nspname IN ('public', 'vault') AND c.oid <> ALL (%s::oid[])"
#: Tables and partitions that have pages, so that they may have rows.
_TOUCHED = (
    "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    f"WHERE {_OF_OURS} AND c.relkind = 'r' AND pg_relation_size(c.oid) > 0"
)
#: The sequences of their columns that have given a number.
_RESTART = (
    "SELECT setval(s.seqrelid, s.seqstart, false) FROM pg_sequence s "
    "JOIN pg_depend d ON d.objid = s.seqrelid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') "
    "JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace "
    f"WHERE {_OF_OURS} AND pg_sequence_last_value(s.seqrelid) IS NOT NULL"
)


def _filled_tables(connection: Any) -> list[int]:
    from psycopg import sql

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::bigint, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname IN ('public', 'vault') AND c.relkind IN ('r', 'p')"
        )
        filled = []
        for oid, schema, table in cursor.fetchall():
            cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(schema, table)))
            if cursor.fetchone()[0]:
                filled.append(oid)
    return filled


@pytest.fixture(autouse=True)
def numbers_begin_at_one(request: pytest.FixtureRequest, numbered: dict[str, bool]) -> None:
    """A test that commits finds numbers from 1 on, also after tests that were rolled back: those used some up."""
    marker = request.node.get_closest_marker("django_db")
    commits = "transactional_db" in request.fixturenames or bool(marker and marker.kwargs.get("transaction"))
    if commits and numbered["used"]:
        request.getfixturevalue("django_db_setup")
        from django.db import connection

        with request.getfixturevalue("django_db_blocker").unblock():
            connection.ops.execute_sql_flush([])
    numbered["used"] = not commits


@pytest.fixture(scope="session")
def numbered() -> dict[str, bool]:
    """Whether a test that was rolled back may have used numbers of this process's database."""
    return {"used": False}


@pytest.fixture()
def fresh_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new, empty home for one test (files only; the database stays the session's)."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("TANPUHUI_HOME", str(folder))
    return folder
