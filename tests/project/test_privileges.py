"""The application's role: append-only by default, and no way back to the owner."""

from __future__ import annotations

import contextlib

import psycopg
import pytest
from django.db import ProgrammingError, connection

from tanpuhui.project.database import APP_ROLE, django_database

pytestmark = pytest.mark.django_db


def test_the_application_role_cannot_change_a_table_that_is_not_listed_as_mutable() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE tanpuhui_app")

        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute("DELETE FROM django_migrations")


def test_the_application_role_cannot_pretend_that_a_migration_was_applied() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE tanpuhui_app")

        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('ledger', 'x', now())")


@pytest.mark.parametrize(
    "order", ["SET ROLE postgres", "SET session_replication_role = replica", "RESET ROLE"]
)
def test_a_connection_of_the_application_does_not_lead_back_to_the_owner(order: str) -> None:
    given = django_database(role=APP_ROLE)
    with psycopg.connect(dbname="postgres", user=given["USER"], host=given["HOST"], autocommit=True) as own:
        with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
            own.execute(order)

        assert own.execute("SELECT current_user, session_user").fetchone() == (APP_ROLE, APP_ROLE)
        assert own.execute("SHOW session_replication_role").fetchone() == ("origin",)
