"""A migration does not wait for ever: everybody else would wait behind it."""

from __future__ import annotations

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from tanpuhui.project.database import MigrationWaits, waiting_at_most

pytestmark = pytest.mark.django_db

TABLE = "LOCK TABLE close_manifest IN {} MODE"


def _timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        return str(cursor.fetchone()[0])


def test_a_step_that_waits_for_a_reader_is_undone_and_says_who_is_at_work() -> None:
    given = connection.get_connection_params()
    own = {name: given[name] for name in ("dbname", "user", "host", "port", "password") if given.get(name)}
    with psycopg.connect(**own) as reader:
        reader.execute(TABLE.format("ACCESS SHARE"))
        before = _timeout()

        with (
            pytest.raises(MigrationWaits) as refused,
            waiting_at_most(0.2, "default"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("CREATE TABLE half_done ()")
            cursor.execute(TABLE.format("ACCESS EXCLUSIVE"))

        assert f"process {reader.info.backend_pid} for " in refused.value.facts["sessions"]
        assert refused.value.facts["seconds"] == 0.2
        assert "half_done" not in connection.introspection.table_names()
        assert _timeout() == before


def test_where_nobody_holds_on_it_is_done_and_others_wait_as_before() -> None:
    before = _timeout()

    with waiting_at_most(0.2, "default"):
        inside = _timeout()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(TABLE.format("ACCESS EXCLUSIVE"))

    assert (inside, _timeout()) == ("200ms", before)


def test_another_fault_of_the_database_is_not_taken_for_waiting() -> None:
    with (
        pytest.raises(OperationalError) as fault,
        waiting_at_most(5, "default"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SET LOCAL statement_timeout = '50ms'")
        cursor.execute("SELECT pg_sleep(5)")

    assert not isinstance(fault.value, MigrationWaits)
