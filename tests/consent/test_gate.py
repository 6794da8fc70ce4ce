"""The gate: what lets an act through, and by which name everything else is stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection, transaction

from consent.people import ACT, AT, ENDED_US, LATER, METRO, SHANGHAI, STARTED_US, adult, metro_grant
from tanpuhui.consent.ask import ask, refuse
from tanpuhui.consent.close_account import close_account
from tanpuhui.consent.expire import expire
from tanpuhui.consent.gate import (
    SCHEMA,
    Allowed,
    Reason,
    allows,
    ended_since,
    lock_for_close,
    snapshot,
    snapshot_with_mark,
)
from tanpuhui.consent.give import Giving, give, give_many
from tanpuhui.consent.refusals import ArtefactInvalid, GrantRowAltered
from tanpuhui.consent.supersede import supersede
from tanpuhui.consent.terms import Terms
from tanpuhui.consent.withdraw import pause, resume, withdraw

pytestmark = pytest.mark.django_db

SOON = AT + timedelta(hours=1)
BIKES = Terms("szt", ("bike_trip",))


def given(account: int) -> int:
    return metro_grant(account).pk


def steps(*verbs: Callable[..., Any]) -> Callable[[int], object]:
    def work(account: int) -> None:
        grant = given(account)
        for verb in verbs:
            verb(grant, at=SOON, method="test")

    return work


def shifted(from_us: int | None, to_us: int | None) -> Callable[[int], object]:
    return lambda account: metro_grant(account, acts_from_us=from_us, acts_to_us=to_us)


def expired(account: int) -> None:
    give(account, replace(METRO, expires_at=SOON, acts_to_us=ENDED_US + 1), at=AT, method="test")


def expired_and_written(account: int) -> None:
    expired(account)
    expire(at=LATER)


REFUSED_STATES: list[tuple[str, Callable[[int], object], Reason]] = [
    ("none", lambda account: None, Reason.NO_GRANT),
    ("asked for", lambda account: ask(account, METRO, at=AT, method="test"), Reason.NO_GRANT),
    ("refused", lambda account: refuse(account, METRO, at=AT, method="test"), Reason.NO_GRANT),
    ("another person's", lambda account: metro_grant(), Reason.NO_GRANT),
    ("another provider", lambda account: metro_grant(account, provider="bike_app"), Reason.NO_GRANT),
    ("another kind of act", lambda account: metro_grant(account, kinds=("bus_trip",)), Reason.NO_GRANT),
    (
        "another purpose and recipient",
        lambda account: metro_grant(account, purpose="disclosure", recipient="bank"),
        Reason.NO_GRANT,
    ),
    (
        "not begun",
        lambda account: metro_grant(account, begins_at=LATER + timedelta(seconds=1), acts_from_us=STARTED_US),
        Reason.NO_GRANT,
    ),
    ("paused", steps(pause), Reason.WITHDRAWN),
    ("paused, resumed and paused", steps(pause, resume, pause), Reason.WITHDRAWN),
    ("withdrawn", steps(withdraw), Reason.WITHDRAWN),
    ("paused and withdrawn", steps(pause, withdraw), Reason.WITHDRAWN),
    ("expired", expired, Reason.WITHDRAWN),
    ("expired, and written down", expired_and_written, Reason.WITHDRAWN),
    ("superseded by other kinds", steps(lambda g, **how: supersede(g, BIKES, **how)), Reason.WITHDRAWN),
    (
        "terminated",
        lambda account: (given(account), close_account(account, at=SOON, method="test")),
        Reason.WITHDRAWN,
    ),
    ("begins within the act", shifted(STARTED_US + 1, None), Reason.OUTSIDE_RANGE),
    ("ends within the act", shifted(None, ENDED_US), Reason.OUTSIDE_RANGE),
    ("begins after the act", shifted(ENDED_US + 1, None), Reason.OUTSIDE_RANGE),
    ("ends before the act", shifted(None, STARTED_US), Reason.OUTSIDE_RANGE),
]
ALLOWED_STATES: list[tuple[str, Callable[[int], object]]] = [
    ("given", given),
    ("covers the act exactly", shifted(STARTED_US, ENDED_US + 1)),
    ("paused and resumed", steps(pause, resume)),
    ("superseded by the same", steps(lambda g, **how: supersede(g, METRO, **how))),
    (
        "given again after it was withdrawn",
        lambda account: (steps(withdraw)(account), give(account, METRO, at=SOON, method="test")),
    ),
    ("one of several kinds", lambda account: metro_grant(account, kinds=("bus_trip", "metro_trip"))),
    ("beside one for a bank", lambda a: (given(a), metro_grant(a, purpose="disclosure", recipient="bank"))),
]


def outcome_of_snapshot(account: int) -> str:
    """What the close makes of the act: the rule of ``quantify/steps.py``, over the snapshot's rows."""
    rows = [row for table in snapshot(connection, LATER) for row in table.to_pylist()]
    named = [
        row
        for row in rows
        if (row["account_id"], row["provider"]) == (account, "szt")
        and "metro_trip" in row["kinds"].split(",")
    ]
    covering = [row for row in named if row["from_us"] <= STARTED_US and row["to_us"] > ENDED_US]
    if any(row["usable"] for row in covering):
        return "allowed"
    return "withdrawn" if covering else "outside_range" if named else "no_grant"


@pytest.mark.parametrize(("name", "work", "reason"), REFUSED_STATES, ids=[case[0] for case in REFUSED_STATES])
def test_an_act_is_stopped(name: str, work: Callable[[int], object], reason: Reason) -> None:
    account = adult()
    work(account)

    answer = allows(account, "szt", "metro_trip", **ACT, at=LATER)

    assert answer is reason
    assert outcome_of_snapshot(account) == reason.value


@pytest.mark.parametrize(("name", "work"), ALLOWED_STATES, ids=[case[0] for case in ALLOWED_STATES])
def test_an_act_is_let_through(name: str, work: Callable[[int], object]) -> None:
    account = adult()
    work(account)

    answer = allows(account, "szt", "metro_trip", **ACT, at=LATER)

    assert isinstance(answer, Allowed)
    assert outcome_of_snapshot(account) == "allowed"


def test_a_grant_for_a_bank_lets_that_bank_see_and_no_other_purpose() -> None:
    account = metro_grant(purpose="disclosure", recipient="bank").resident_id

    def ask_gate(purpose: str, recipient: str) -> Allowed | Reason:
        return allows(account, "szt", "metro_trip", **ACT, at=LATER, purpose=purpose, recipient=recipient)

    assert isinstance(ask_gate("disclosure", "bank"), Allowed)
    assert ask_gate("disclosure", "pool_buyer") is Reason.NO_GRANT
    assert ask_gate("publication", "public") is Reason.NO_GRANT


def test_the_last_microsecond_of_force_is_allowed_and_the_next_is_not() -> None:
    grant = metro_grant(expires_at=LATER, acts_to_us=ENDED_US + 1)

    before = allows(grant.resident_id, "szt", "metro_trip", **ACT, at=LATER - timedelta(microseconds=1))
    after = allows(grant.resident_id, "szt", "metro_trip", **ACT, at=LATER)

    assert before == Allowed(grant.pk)
    assert after is Reason.WITHDRAWN


def test_a_close_as_of_an_earlier_moment_does_not_bring_back_a_grant_that_was_withdrawn_since() -> None:
    grant = metro_grant()
    withdraw(grant.pk, at=LATER, method="test")

    assert allows(grant.resident_id, "szt", "metro_trip", **ACT, at=SOON) is Reason.WITHDRAWN


def test_a_grant_given_later_is_no_grant_as_of_an_earlier_moment() -> None:
    grant = metro_grant()

    earlier = AT - timedelta(microseconds=1)

    assert allows(grant.resident_id, "szt", "metro_trip", **ACT, at=earlier) is Reason.NO_GRANT


def test_a_resumption_dated_later_is_still_a_pause() -> None:
    grant = metro_grant()
    pause(grant.pk, at=AT, method="test")
    resume(grant.pk, at=LATER, method="test")

    assert allows(grant.resident_id, "szt", "metro_trip", **ACT, at=SOON) is Reason.WITHDRAWN
    assert allows(grant.resident_id, "szt", "metro_trip", **ACT, at=LATER) == Allowed(grant.pk)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ("acts_to_us = acts_to_us + 1", GrantRowAltered),
        ("kinds = ARRAY['bike_trip', 'metro_trip']", GrantRowAltered),
        ("jws = replace(jws, '..', '..A')", ArtefactInvalid),
        ("artefact = jsonb_set(artefact, '{data_life,value}', '600')", ArtefactInvalid),
        ("artefact = jsonb_set(artefact, '{notice,hash}', '\"sha256:0\"')", ArtefactInvalid),
    ],
)
def test_a_grant_that_was_altered_past_every_guard_lets_nothing_through(
    change: str, refusal: type[Exception]
) -> None:
    grant = metro_grant()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE consent_grant DROP CONSTRAINT consent_grant_is_what_was_signed")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(f"UPDATE consent_grant SET {change} WHERE id = {grant.pk}")
        cursor.execute("SET session_replication_role = origin")

    with pytest.raises(refusal):
        allows(grant.resident_id, "szt", "metro_trip", **ACT, at=LATER)


def test_a_snapshot_has_one_row_a_grant_in_order_of_account_and_grant() -> None:
    first, second = adult(), adult()
    late = metro_grant(second, acts_to_us=ENDED_US)
    early = metro_grant(first, kinds=("metro_trip", "bus_trip"))
    bike = metro_grant(first, provider="bike_app", kinds=("bike_trip",))
    withdraw(early.pk, at=SOON, method="test")

    table, mark = snapshot_with_mark(connection, LATER)

    assert table.schema == SCHEMA
    until_us = early.acts_to_us
    from_us = late.acts_from_us
    assert table.to_pylist() == [
        row(first, "szt", "bus_trip,metro_trip", from_us, until_us, False, early.pk),
        row(first, "bike_app", "bike_trip", from_us, until_us, True, bike.pk),
        row(second, "szt", "metro_trip", from_us, ENDED_US, True, late.pk),
    ]
    assert mark == early.events.get(state="Withdrawn").pk


def row(*values: object) -> dict[str, Any]:
    reason = "" if values[5] else "withdrawn"
    return dict(zip(SCHEMA.names, (*values[:6], reason, values[6]), strict=True))


def test_a_city_without_grants_has_an_empty_snapshot() -> None:
    table, mark = snapshot_with_mark(connection, LATER)

    assert table.schema == SCHEMA
    assert (len(table), mark) == (0, 0)
    assert ended_since(connection, mark) == ()


def test_a_snapshot_in_small_pieces_is_the_snapshot_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = [adult() for _ in range(5)]
    give_many([Giving(account, METRO) for account in accounts], at=AT, method="test")
    whole, _ = snapshot_with_mark(connection, LATER)

    monkeypatch.setattr("tanpuhui.consent.gate._PIECE_BYTES", 1)
    pieces = list(snapshot(connection, LATER))

    assert len(pieces) == 5
    assert pa.concat_tables(pieces).equals(whole)
    assert [column.num_chunks for column in snapshot_with_mark(connection, LATER)[0].columns] == [1] * len(
        SCHEMA
    )


@pytest.mark.parametrize("verb", [withdraw, pause])
def test_accounts_whose_grants_ended_after_the_mark_are_named(verb: Callable[..., None]) -> None:
    before, after, untouched = metro_grant(), metro_grant(), metro_grant()
    verb(before.pk, at=SOON, method="test")
    _, mark = snapshot_with_mark(connection, LATER)
    metro_grant()
    verb(after.pk, at=SOON, method="test")

    ended = ended_since(connection, mark)

    assert ended == (after.resident_id,)
    assert untouched.resident_id not in ended


def test_what_begins_after_the_mark_is_no_reason_to_close_again() -> None:
    grant = metro_grant()
    pause(grant.pk, at=SOON, method="test")
    _, mark = snapshot_with_mark(connection, LATER)
    resume(grant.pk, at=SOON, method="test")
    metro_grant()

    assert ended_since(connection, mark) == ()


@pytest.mark.django_db(transaction=True)
def test_the_lock_of_a_close_is_refused_where_it_would_not_last() -> None:
    with pytest.raises(AssertionError, match="open one first"):
        lock_for_close(connection)


@pytest.mark.django_db(transaction=True)
def test_the_lock_of_a_close_is_refused_where_it_would_not_see_what_it_waited_for() -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with pytest.raises(AssertionError, match="READ COMMITTED"):
            lock_for_close(connection)


def test_the_range_given_as_days_is_local() -> None:
    grant = metro_grant()

    assert grant.acts_from_us == int(datetime(2026, 3, 2, tzinfo=SHANGHAI).timestamp()) * 1_000_000
    assert grant.acts_to_us == int(datetime(2027, 3, 2, 9, tzinfo=SHANGHAI).timestamp()) * 1_000_000
