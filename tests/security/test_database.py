"""The database: the server's login owns nothing, and what is append-only stays so for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from tanpuhui.project.database import APP_ROLE, django_database, ensure_roles

pytestmark = pytest.mark.django_db
LOGIN = "tanpuhui_test_server"


@pytest.fixture()
def login(transactional_db: None) -> Iterator[str]:
    """The address of a login that a database's owner made for the server: a member of its role, and nothing else."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {LOGIN} LOGIN NOINHERIT IN ROLE {APP_ROLE}")
    known = connection.settings_dict
    yield f"postgresql://{LOGIN}@/{known['NAME']}?host={known['HOST']}&port={known['PORT'] or 5432}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP ROLE {LOGIN}")


def as_server(address: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("TANPUHUI_DATABASE_URL", address)
    return django_database(address, role=APP_ROLE)


def test_the_server_works_with_a_login_that_owns_nothing(login: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = as_server(login, monkeypatch)

    ensure_roles(login)

    assert settings["USER"] == LOGIN
    assert settings["OPTIONS"]["options"] == f"-c role={APP_ROLE}"
    with psycopg.connect(login, autocommit=True, options=f"-c role={APP_ROLE}") as server:
        assert server.execute("SELECT count(*) FROM access_audit_entry").fetchone() == (0,)
        for order in (
            "UPDATE access_audit_entry SET reason = ''",
            "DROP TABLE access_audit_entry",
            "CREATE ROLE x",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                server.execute(order)


def test_what_the_server_goes_back_to_has_no_rights_at_all(login: str) -> None:
    """Whoever could make the server run SQL of theirs gains nothing by giving its role back."""
    with psycopg.connect(login, autocommit=True, options=f"-c role={APP_ROLE}") as server:
        server.execute("SET ROLE NONE")

        for order in (
            "SELECT * FROM vault.identity",
            "SELECT * FROM access_audit_entry",
            "SET ROLE postgres",
            "UPDATE access_audit_entry SET reason = ''",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                server.execute(order)


def test_the_servers_login_may_be_a_certificate() -> None:
    given = (
        "postgresql://server@db.example.org/city?sslmode=verify-full&sslcert=/run/db.pem&sslkey=/run/db.key"
    )

    settings = django_database(given)

    assert settings["PASSWORD"] == ""
    assert settings["OPTIONS"] == {
        "sslmode": "verify-full",
        "sslcert": "/run/db.pem",
        "sslkey": "/run/db.key",
    }


def test_names_and_texts_travel_apart_from_orders() -> None:
    """What is typed is a value for PostgreSQL, whatever is in it."""
    from tanpuhui.access.models import User

    evil = "x'; DROP TABLE vault.holder; --@example.org"

    assert not User.objects.filter(email=evil).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text", [evil])
        assert cursor.fetchone() == (evil,)
        cursor.execute("SELECT count(*) FROM vault.holder")
