"""Rows are sealed by what transactions could see, and not by how large their numbers are or by how long one waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import psycopg
import pytest
from django.db import connection, transaction

from close.town import Town
from notary.logged import integrate
from notary.town import AT, by_force
from tanpuhui.notary import seals
from tanpuhui.notary.audit import audit_table
from tanpuhui.notary.installation import log
from tanpuhui.transparency.models import Leaf

pytestmark = pytest.mark.django_db(transaction=True)
ASSET = seals.TABLES[0]
ADD = "INSERT INTO ledger_asset (code, unit) VALUES (%s, 'mg') RETURNING id"


@contextmanager
def open_elsewhere() -> Iterator[psycopg.Connection]:
    """Another session, in a transaction that whoever asked for it ends."""
    given = {**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}
    given.pop("context", None)
    with psycopg.connect(**given) as other:
        yield other


def added(code: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(ADD, [code])
        (number,) = cursor.fetchone()
    return int(number)


def sealed() -> list[int]:
    return [number for leaf in seals.pages(ASSET) for number in seals.read_page(leaf).numbers]


def named(town: Town) -> list[str]:
    with transaction.atomic():
        return [finding.key for finding in audit_table("ledger_asset", log(), town.places).findings]


def hours_after(hours: int) -> datetime:
    return AT + timedelta(hours=hours)


def test_a_row_of_a_transaction_that_stays_open_for_days_is_sealed_when_it_comes(town: Town) -> None:
    assert ASSET.table == "ledger_asset"
    with open_elsewhere() as other:
        ((late,),) = other.execute(ADD, ["late"]).fetchall()
        early = added("early")
        integrate()
        for hours in (24, 48, 72):
            added(f"after {hours}")
            integrate(hours_after(hours))
        other.commit()
    assert late < early
    assert late not in sealed()
    assert named(town) == []

    integrate(hours_after(73))

    assert sealed().count(late) == 1
    assert len(sealed()) == len({*sealed()})
    assert named(town) == []


def test_a_number_that_was_rolled_back_is_looked_for_an_hour_and_no_longer(town: Town) -> None:
    with open_elsewhere() as other:
        ((gone,),) = other.execute(ADD, ["gone"]).fetchall()
        other.rollback()
    added("stays")
    integrate()
    force = (
        "INSERT INTO ledger_asset (id, code, unit) OVERRIDING SYSTEM VALUE VALUES (%s, 'slipped in', 'mg')"
    )
    assert [gone, gone] in seals.still_missing(ASSET)

    added("an hour later")
    integrate(hours_after(2))
    by_force(force, gone)

    assert [gone, gone] not in seals.still_missing(ASSET)
    assert named(town) == [f"id={gone}"]
    integrate(hours_after(3))
    assert gone not in sealed()


def test_where_nothing_is_new_a_leaf_says_that_all_was_looked_through(town: Town) -> None:
    with open_elsewhere() as other:
        other.execute(ADD, ["gone"])
        other.rollback()
    added("stays")
    integrate()
    before = Leaf.objects.count()

    integrate(hours_after(2))
    assert Leaf.objects.count() == before + 1
    integrate(hours_after(4))

    assert Leaf.objects.count() == before + 1
    assert seals.still_missing(ASSET) == []


def test_while_a_transaction_of_then_runs_nothing_is_given_up(town: Town) -> None:
    with open_elsewhere() as other:
        ((late,),) = other.execute(ADD, ["late"]).fetchall()
        added("early")
        integrate()

        integrate(hours_after(2000))

        assert [late, late] in seals.still_missing(ASSET)
        other.commit()
    integrate(hours_after(2001))
    assert sealed().count(late) == 1


def test_on_another_server_nothing_of_then_runs(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_elsewhere() as other:
        ((gone,),) = other.execute(ADD, ["gone"]).fetchall()
        other.rollback()
    added("stays")
    integrate()
    monkeypatch.setattr(seals, "running", lambda: (5, 5))

    added("on the new server")
    integrate(hours_after(2))

    assert [gone, gone] not in seals.still_missing(ASSET)
