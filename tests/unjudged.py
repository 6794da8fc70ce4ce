"""Unjudged: for a while nobody judges what is issued or certified, as if the owner had switched the triggers off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

JUDGES = (
    ("ledger_counter_total", "close_judge_total"),
    ("ledger_counter_total", "registry_judge_total"),
    ("close_manifest", "close_judge_manifest"),
    ("registry_lot", "registry_judge_new_lot"),
)


@contextmanager
def unjudged() -> Iterator[None]:
    """What was done before is judged now; what is done inside, never."""
    with transaction.atomic():
        _switch("DISABLE")
        yield
        _switch("ENABLE")


def judge_now() -> None:
    """Judge what was done so far, as a commit does: a test's transaction never commits."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def _switch(to: str) -> None:
    judge_now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (role,) = cursor.fetchone()
        cursor.execute("RESET ROLE")
        for table, trigger in JUDGES:
            cursor.execute(f"ALTER TABLE {table} {to} TRIGGER {trigger}")
        cursor.execute(f"SET ROLE {role}")
