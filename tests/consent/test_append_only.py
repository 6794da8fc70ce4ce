"""Grants and their steps only grow: no role changes one, and no step is taken that may not follow."""

from __future__ import annotations

from itertools import product

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from consent.people import AT, LATER, METRO, adult, metro_grant
from tanpuhui.consent.ask import ask
from tanpuhui.consent.close_account import close_account
from tanpuhui.consent.expire import expire
from tanpuhui.consent.gate import Allowed, allows, ended_since, lock_for_close, snapshot_with_mark
from tanpuhui.consent.models import GrantEvent
from tanpuhui.consent.open_account import Facts, open_accounts
from tanpuhui.consent.state import FOLLOWS, State, may_follow
from tanpuhui.consent.supersede import supersede
from tanpuhui.consent.withdraw import pause, resume, withdraw

pytestmark = pytest.mark.django_db

CHANGES = [
    "UPDATE consent_grant SET purpose = 'disclosure'",
    "UPDATE consent_grant SET recipient = 'bank'",
    "UPDATE consent_grant SET kinds = kinds || ARRAY['bus_trip']",
    "UPDATE consent_grant SET expires_at = expires_at - interval '1 day'",
    "UPDATE consent_grant SET artefact = jsonb_set(artefact, '{data_life,value}', '600')",
    "UPDATE consent_grant SET artefact = artefact",
    "DELETE FROM consent_grant",
    "TRUNCATE consent_grant CASCADE",
    "UPDATE consent_grant_event SET state = 'ConsentGiven'",
    "DELETE FROM consent_grant_event",
    "TRUNCATE consent_grant_event",
    "UPDATE vault.identity SET birth_on = '2000-01-01'",
    "DELETE FROM vault.identity",
    "TRUNCATE vault.identity",
]
GUARDED_RESIDENT = [
    "UPDATE consent_resident SET opened_at = now()",
    "DELETE FROM consent_resident",
]


@pytest.fixture(autouse=True)
def withdrawn_grant() -> int:
    """A row in every table, so that there is something to attack."""
    account = open_accounts(1, at=AT, facts={0: Facts(guardian=adult())})[0]
    grant = metro_grant(account)
    withdraw(grant.pk, at=AT, method="test")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    return grant.pk


@pytest.mark.parametrize("change", [*CHANGES, *GUARDED_RESIDENT, "TRUNCATE consent_resident CASCADE"])
def test_the_owner_cannot_change_what_was_agreed(change: str) -> None:
    expected = "Cannot|never removed|changes once"

    with pytest.raises(DatabaseError, match=expected), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


@pytest.mark.parametrize("change", CHANGES)
def test_the_application_may_not_even_try(change: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SET LOCAL ROLE tanpuhui_app")
        cursor.execute(change)


@pytest.mark.parametrize("change", GUARDED_RESIDENT)
def test_the_application_closes_an_account_and_does_nothing_else_to_it(change: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE tanpuhui_app")
        cursor.execute(change)


def test_a_closed_account_is_not_opened_again() -> None:
    account = adult()
    close_account(account, at=AT, method="test")

    with (
        pytest.raises(DatabaseError, match="changes once"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE consent_resident SET closed_at = NULL WHERE id = %s", [account])


@pytest.mark.parametrize(
    "change",
    [
        "provider = 'bike_app'",
        "recipient = 'bank'",
        "purpose = 'disclosure'",
        "kinds = ARRAY['bus_trip', 'metro_trip']",
        "resident_id = resident_id + 1",
        "acts_from_us = acts_from_us - 1",
        "acts_to_us = acts_to_us + 1",
        "begins_at = begins_at - interval '1 second'",
        "expires_at = expires_at - interval '1 second'",
        "notice_digest = 'sha256:0'",
        "artefact = artefact - 'provider'",
        "artefact = '{}'",
    ],
)
def test_the_database_refuses_a_grant_that_is_not_what_was_signed(change: str) -> None:
    column, value = change.split(" = ", 1)
    columns = (
        "id, resident_id, provider, recipient, purpose, kinds, acts_from_us, acts_to_us, begins_at, expires_at, "
        "notice_digest, notice_version, notice_lang, artefact, jws, digest"
    )
    copied = columns.replace(f"{column},", f"{value},", 1).replace(" digest", " 'another'")

    with (
        pytest.raises(IntegrityError, match="consent_grant_is_what_was_signed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"INSERT INTO consent_grant ({columns}) SELECT {copied} FROM consent_grant LIMIT 1")


def insert_step(grant: int, seq: int, state: str, minutes: int = 0) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO consent_grant_event (grant_id, seq, state, at, "by", method, evidence_hash) '
            "VALUES (%s, %s, %s, %s::timestamptz + %s * interval '1 minute', 'x', 'x', 'x')",
            [grant, seq, state, AT, minutes],
        )


def path_to(state: State) -> list[State]:
    """The shortest way to a state."""
    ways: list[list[State]] = [[first] for first in sorted(FOLLOWS[None])]
    for way in ways:
        if way[-1] is state:
            return way
        ways.extend([*way, after] for after in sorted(FOLLOWS[way[-1]]) if after not in way)
    raise AssertionError(state)


@pytest.mark.parametrize("before", State)
def test_the_database_lets_a_step_follow_exactly_when_it_may(before: State) -> None:
    for after in State:
        grant = grant_without_steps()
        way = path_to(before)
        for seq, state in enumerate(way, start=1):
            insert_step(grant, seq, state.value)

        try:
            insert_step(grant, len(way) + 1, after.value)
        except DatabaseError as error:
            assert "cannot follow" in str(error)
            assert not may_follow(before, after), (before, after)
        else:
            assert may_follow(before, after), (before, after)


def grant_without_steps() -> int:
    """A grant whose steps are removed past the triggers, to begin anew."""
    grant = metro_grant()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM consent_grant_event WHERE grant_id = %s", [grant.pk])
        cursor.execute("SET session_replication_role = origin")
    return grant.pk


def test_no_state_that_ends_a_grant_can_be_left() -> None:
    ends = {State.REFUSED, State.WITHDRAWN, State.EXPIRED, State.SUPERSEDED, State.TERMINATED}

    assert not [pair for pair in product(ends, State) if may_follow(*pair)]


@pytest.mark.parametrize(("seq", "state", "minutes"), [(1, "Paused", 0), (3, "Paused", 0), (2, "Paused", -1)])
def test_the_database_refuses_a_step_out_of_turn(seq: int, state: str, minutes: int) -> None:
    grant = metro_grant()

    with pytest.raises(DatabaseError):
        insert_step(grant.pk, seq, state, minutes)

    assert GrantEvent.objects.filter(grant=grant).count() == 1


def test_the_application_does_its_whole_work_in_its_own_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE tanpuhui_app")

    grant = metro_grant()
    pause(grant.pk, at=AT, method="test")
    resume(grant.pk, at=AT, method="test")
    grant = supersede(grant.pk, METRO, at=AT, method="test")
    ask(adult(), METRO, at=AT, method="test")
    act = {"started_us": grant.acts_from_us, "ended_us": grant.acts_from_us}
    assert isinstance(allows(grant.resident_id, "szt", "metro_trip", **act, at=LATER, hold=True), Allowed)
    lock_for_close(connection)
    _, mark = snapshot_with_mark(connection, LATER)
    close_account(grant.resident_id, at=AT, method="test")
    assert ended_since(connection, mark) == (grant.resident_id,)
    assert expire(at=LATER) == 0
