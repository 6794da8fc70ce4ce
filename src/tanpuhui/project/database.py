"""The database of this installation: any PostgreSQL by address, or the embedded one; its roles and privileges."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
from psycopg import sql

from tanpuhui.kit.home import home
from tanpuhui.kit.refusal import Refusal
from tanpuhui.project import embedded

VARIABLE = "TANPUHUI_DATABASE_URL"
NAME = "tanpuhui"
APP_ROLE = "tanpuhui_app"
#: How long a server may take to answer the first connection.
CONNECT_S = 10
#: How long a step of a migration waits for a lock: whoever comes after it waits as long.
WAIT_S = 10.0
#: PostgreSQL's code for a lock that was waited for too long.
LOCK_NOT_AVAILABLE = "55P03"


class Unreachable(Refusal):
    code = "project.database_unreachable"
    message = (
        "The database that {variable} names does not answer: {reason}. "
        "See that it runs and that the address is right, then repeat the command."
    )


class MigrationsMissing(Refusal):
    code = "project.migrations_missing"
    message = "{count} migrations are not applied to this database. Run 'tanpuhui database migrate' first."


class MigrationWaits(Refusal):
    code = "project.migration_waits"
    message = (
        "A migration waited {seconds} s for a lock that others hold, and was undone; those before it stand. Longest at "
        "work: {sessions}. Whoever comes later waits behind it. End those sessions or wait for them, then run "
        "'tanpuhui database migrate' again; --wait-s says how long it may wait."
    )


def url() -> str:
    """The address of the database as its owner; starts the embedded server where none is named."""
    given = os.environ.get(VARIABLE)
    if given:
        return given
    cluster = embedded.start(home())
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))
    return cluster.url(NAME)


def django_database(address: str | None = None, *, role: str | None = None) -> dict[str, Any]:
    """Django's settings for an address; with a role, every connection is that role's.

    On the embedded server it logs in as the role, and nothing leads back to the owner. On a named server, where
    only the owner's login is known, each connection takes the role on before anything else.
    """
    parts = urlsplit(address or url())
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    options = {name: value for name, value in query.items() if name != "host"}
    named = bool(os.environ.get(VARIABLE))
    if role and named:
        options["options"] = f"-c role={role}"
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": role if role and not named else unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }


def ensure_roles(address: str) -> None:
    """Make the application's role where it is missing; on the embedded server it may log in."""
    role = sql.Identifier(APP_ROLE)
    with _reached(address) as connection:
        connection.execute(
            sql.SQL(
                "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {name}) "
                "THEN CREATE ROLE {role} NOLOGIN; END IF; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            ).format(name=sql.Literal(APP_ROLE), role=role)
        )
        if not os.environ.get(VARIABLE):
            connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(role))
        member = connection.execute("SELECT pg_has_role(current_user, %s, 'MEMBER')", [APP_ROLE]).fetchone()
        if member != (True,):
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))


def _reached(address: str) -> psycopg.Connection[Any]:
    """A connection as the owner; refuses where the named server does not answer or its address is none."""
    try:
        return psycopg.connect(address, autocommit=True, connect_timeout=CONNECT_S)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        if not os.environ.get(VARIABLE):
            raise
        # The words of the driver may repeat the address, and that may have a password in it.
        reason = " ".join(str(error).split()).rstrip(".?") or "no answer"
        raise Unreachable(variable=VARIABLE, reason=_without_password(reason, address)) from error


def _without_password(text: str, address: str) -> str:
    """A text in which nothing is left of an address's password, however it is written there."""
    _, _, after = address.partition("://")
    _, _, password = after.rpartition("@")[0].partition(":")
    for secret in filter(None, (password, unquote(password))):
        text = text.replace(secret, "...")
    return text


def migrate(alias: str = "owner", *, wait_s: float = WAIT_S) -> None:
    """Apply every migration as the owner, then give the application's role what it may do.

    No step waits longer than ``wait_s`` for a lock (:class:`MigrationWaits`); what was applied before stands.
    """
    from django.core.management import call_command

    from tanpuhui.project.rendering import rendered_once

    with waiting_at_most(wait_s, alias), rendered_once():
        call_command("migrate", database=alias, interactive=False, verbosity=0)
        grant_privileges(alias)


@contextmanager
def waiting_at_most(seconds: float, alias: str = "owner") -> Iterator[None]:
    """A block in which no statement waits longer for a lock; one that would is refused and names who is at work."""
    from django.db import OperationalError, connections

    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{round(seconds * 1000)}ms"])
    try:
        yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        sessions = _longest_at_work(alias)
        _wait_as_before(alias)
        raise MigrationWaits(seconds=seconds, sessions=sessions) from error
    _wait_as_before(alias)


def _wait_as_before(alias: str) -> None:
    from django.db import connections

    with connections[alias].cursor() as cursor:
        cursor.execute("RESET lock_timeout")


def _longest_at_work(alias: str) -> str:
    """The other sessions of this database with the oldest transactions, by process and age."""
    from django.db import connections

    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT pid, extract(epoch FROM clock_timestamp() - xact_start)::int FROM pg_stat_activity "
            "WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend' ORDER BY xact_start LIMIT 3"
        )
        found = [f"process {pid} for {age_s} s" for pid, age_s in cursor.fetchall()]
    return ", ".join(found) or "nobody any more"


def missing_migrations(alias: str = "owner") -> int:
    """How many migrations of this code the database does not have, by their files' names: none is imported."""
    from django.apps import apps
    from django.db import connections
    from django.db.migrations.recorder import MigrationRecorder

    known = {
        (stage.label, file.stem)
        for stage in apps.get_app_configs()
        for file in Path(stage.path, "migrations").glob("*.py")
        if not file.name.startswith("_")
    }
    return len(known - set(MigrationRecorder(connections[alias]).applied_migrations()))


def grant_privileges(alias: str = "owner") -> None:
    """Tables are append-only for the application's role, but for those that a stage lists as mutable.

    A stage's ``AppConfig`` names ``mutable_tables`` (UPDATE and DELETE too) and ``guarded_tables``
    (SELECT only: functions of the database write them); libraries' tables are in the setting ``MUTABLE_TABLES``.
    """
    from django.apps import apps
    from django.db import connections

    role = sql.Identifier(APP_ROLE)
    guarded = [name for stage in apps.get_app_configs() for name in getattr(stage, "guarded_tables", ())]
    with connections[alias].cursor() as cursor:
        for schema in ("public", "vault"):
            cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
            for right, what in (
                ("USAGE", "SCHEMA"),
                ("SELECT, INSERT", "ALL TABLES IN SCHEMA"),
                ("USAGE", "ALL SEQUENCES IN SCHEMA"),
            ):
                statement = sql.SQL("GRANT {} ON {} {} TO {}")
                cursor.execute(statement.format(sql.SQL(right), sql.SQL(what), sql.Identifier(schema), role))
        for name in ("django_migrations", *guarded):
            statement = sql.SQL("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {} FROM {}")
            cursor.execute(statement.format(_table(name), role))
        for name in mutable_tables():
            cursor.execute(sql.SQL("GRANT UPDATE, DELETE ON {} TO {}").format(_table(name), role))


def mutable_tables() -> list[str]:
    """The tables that the application's role may edit, as stages and the setting list them."""
    from django.apps import apps
    from django.conf import settings

    listed = [name for stage in apps.get_app_configs() for name in getattr(stage, "mutable_tables", ())]
    return [*listed, *settings.MUTABLE_TABLES]


def _table(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split("."))


def prepare() -> None:
    """Start Django on a database that is ready: roles made, migrations applied (embedded) or asked for (named)."""
    import django

    ensure_roles(url())
    os.environ["DJANGO_SETTINGS_MODULE"] = "tanpuhui.project.settings"
    django.setup()
    count = missing_migrations()
    if count and os.environ.get(VARIABLE):
        raise MigrationsMissing(count=count)
    if count:
        migrate()
