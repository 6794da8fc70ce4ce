"""No interleaving of grant, withdrawal and close credits an act that no grant covered: in threads, on PostgreSQL.

The close here is a stand-in of the real one: snapshot under the lock, a while of computing, then under the lock again a
look at what has ended since, and the credit. What happened is judged afterwards from the streams alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from consent.people import ACT, AT, METRO, STARTED_US, in_parallel
from tanpuhui.consent.close_account import close_account
from tanpuhui.consent.gate import Allowed, allows, ended_since, lock_for_close, snapshot_with_mark
from tanpuhui.consent.give import give
from tanpuhui.consent.models import GrantEvent
from tanpuhui.consent.open_account import open_accounts
from tanpuhui.consent.store import live_grants
from tanpuhui.consent.supersede import supersede
from tanpuhui.consent.withdraw import pause, resume, withdraw
from tanpuhui.kit.refusal import Refusal

pytestmark = pytest.mark.django_db(transaction=True)

RESIDENTS = 3
ATTEMPTS = 20
AS_OF = AT + timedelta(days=7)
VALID = ("ConsentGiven", "Resumed")
BUS = replace(METRO, kinds=("bus_trip",))

VERBS: dict[str, Callable[[int, int], object]] = {
    "give": lambda account, _: give(account, METRO, at=AT, method="test"),
    "withdraw": lambda _, grant: withdraw(grant, at=AT, method="test"),
    "pause": lambda _, grant: pause(grant, at=AT, method="test"),
    "resume": lambda _, grant: resume(grant, at=AT, method="test"),
    "to the bus": lambda _, grant: supersede(grant, BUS, at=AT, method="test"),
    "to the metro": lambda _, grant: supersede(grant, METRO, at=AT, method="test"),
    "leave": lambda account, _: close_account(account, at=AT, method="test"),
}
pauses_ms = st.integers(0, 6)
steps = st.tuples(
    pauses_ms, st.sampled_from([verb for verb in VERBS if verb != "leave"] + ["give", "withdraw"])
)
lives = st.builds(
    lambda life, end: [*life, *end],
    st.lists(steps, min_size=6, max_size=14),
    st.sampled_from([[], [], [(1, "leave")]]),
)
closes = st.lists(st.tuples(pauses_ms, pauses_ms), min_size=3, max_size=5)


@pytest.fixture()
def credits() -> Iterator[None]:
    """A table of credits: whose, after which step, and how many steps were seen."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE stand_in_credit (account bigint, mark bigint, steps bigint)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE stand_in_credit")


def wait(milliseconds: int) -> None:
    time.sleep(milliseconds / 1_000)


def live(account: int, life: list[tuple[int, str]]) -> Callable[[], None]:
    """A resident who changes their mind; what is refused is no step."""

    def work() -> None:
        for milliseconds, verb in life:
            wait(milliseconds)
            try:
                with transaction.atomic():
                    grants = live_grants([account], AT).values()
                    VERBS[verb](account, next((last.grant_id for last in grants), 0))
                    wait(1)
            except Refusal:
                continue

    return work


def close(accounts: list[int], before_ms: int, computing_ms: int, *, looks_again: bool = True) -> None:
    """A stand-in close: credits the metro trip of 3 March to everybody whose grant covers it."""
    wait(before_ms)
    for _ in range(ATTEMPTS):
        with transaction.atomic():
            lock_for_close(connection)
            table, mark = snapshot_with_mark(connection, AS_OF)
        covered = {row["account_id"] for row in table.to_pylist() if covers(row)} & set(accounts)
        wait(computing_ms)
        with transaction.atomic():
            lock_for_close(connection)
            if not (looks_again and covered & set(ended_since(connection, mark))):
                wait(computing_ms)
                return credit(covered)
    return None


def covers(row: dict[str, object]) -> bool:
    return bool(
        row["usable"]
        and "metro_trip" in str(row["kinds"]).split(",")
        and row["from_us"] <= STARTED_US < row["to_us"]  # type: ignore[operator]
    )


def credit(accounts: set[int]) -> None:
    """Write credits, each with the last step that had been taken and how many there were."""
    with connection.cursor() as cursor:
        for account in sorted(accounts):
            cursor.execute(
                "INSERT INTO stand_in_credit SELECT %s, coalesce(max(id), 0), count(*) FROM consent_grant_event",
                [account],
            )


def uncovered() -> list[tuple[int, int]]:
    """Credits (account, step) for which no grant for metro trips was in force at that step, judged from the streams."""
    events = list(
        GrantEvent.objects.order_by("id").values_list(
            "id", "grant", "grant__resident", "grant__kinds", "state"
        )
    )
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT account, mark, steps FROM stand_in_credit")
        written = cursor.fetchall()
    for account, mark, steps in written:
        before = [event for event in events if event[0] <= mark]
        assert len(before) == steps, "a step with a lower number was committed later"
        states = {grant: (kinds, state) for _, grant, owner, kinds, state in before if owner == account}
        if not any("metro_trip" in kinds and state in VALID for kinds, state in states.values()):
            found.append((account, mark))
    return found


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.generate],
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(everybody=st.lists(lives, min_size=RESIDENTS, max_size=RESIDENTS), runs=closes)
def test_no_interleaving_credits_an_act_that_no_grant_covered(
    credits: None, everybody: list[list[tuple[int, str]]], runs: list[tuple[int, int]]
) -> None:
    accounts = open_accounts(RESIDENTS, at=AT)
    for account in accounts:
        give(account, METRO, at=AT, method="test")
    people = [live(account, life) for account, life in zip(accounts, everybody, strict=True)]
    closing = [lambda run=run: close(accounts, *run) for run in runs]  # type: ignore[misc]

    results = in_parallel([*people, *closing])

    assert [result for result in results if result is not None] == []
    assert uncovered() == []


def test_a_close_that_does_not_look_again_would_be_found_out(credits: None) -> None:
    (account,) = open_accounts(1, at=AT)
    grant = give(account, METRO, at=AT, method="test")

    def take_back() -> None:
        wait(60)
        with transaction.atomic():
            withdraw(grant.pk, at=AT, method="test")

    results = in_parallel([take_back, lambda: close([account], 0, 150, looks_again=False)])

    assert results == [None, None]
    assert [found for found, _ in uncovered()] == [account]


def test_a_withdrawal_during_the_computing_is_seen_before_the_posting(credits: None) -> None:
    stays, leaves = open_accounts(2, at=AT)
    give(stays, METRO, at=AT, method="test")
    grant = give(leaves, METRO, at=AT, method="test")

    def take_back() -> None:
        wait(60)
        with transaction.atomic():
            withdraw(grant.pk, at=AT, method="test")

    in_parallel([take_back, lambda: close([stays, leaves], 0, 150)])

    with connection.cursor() as cursor:
        cursor.execute("SELECT account FROM stand_in_credit")
        assert cursor.fetchall() == [(stays,)]


def held_against(first: Callable[[], object], second: Callable[[], object]) -> list[Any]:
    """What comes of the second while the first has not committed: it waits for locks, but for 80 ms only."""
    done, given_up = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            first()
            done.set()
            assert given_up.wait(60)

    def meet() -> None:
        assert done.wait(60)
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '80ms'")
                second()
        finally:
            given_up.set()

    return in_parallel([hold, meet])


@pytest.mark.parametrize("verb", ["give", "withdraw", "pause", "to the metro", "leave"])
def test_no_step_is_taken_while_a_close_holds_its_lock_nor_the_other_way_round(verb: str) -> None:
    accounts = open_accounts(2, at=AT)
    grant = give(accounts[0], METRO, at=AT, method="test").pk
    account = accounts[1] if verb == "give" else accounts[0]

    def step() -> object:
        return VERBS[verb](account, grant)

    def lock() -> None:
        lock_for_close(connection)

    held, waited = held_against(lock, step)
    assert (held, type(waited)) == (None, OperationalError)
    held, waited = held_against(step, lock)
    assert (held, type(waited)) == (None, OperationalError)


def test_the_database_itself_makes_a_step_wait_for_a_close() -> None:
    (account,) = open_accounts(1, at=AT)
    grant = give(account, METRO, at=AT, method="test").pk

    def insert() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                'INSERT INTO consent_grant_event (grant_id, seq, state, at, "by", method, evidence_hash) '
                "VALUES (%s, 2, 'Withdrawn', %s, 'x', 'x', 'x')",
                [grant, AT],
            )

    held, waited = held_against(lambda: lock_for_close(connection), insert)

    assert (held, type(waited)) == (None, OperationalError)
    assert GrantEvent.objects.count() == 1


@pytest.mark.parametrize("races", [4, pytest.param(25, marks=pytest.mark.slow)])
def test_after_a_withdrawal_is_committed_nothing_is_written_under_the_grant(
    credits: None, races: int
) -> None:
    for _ in range(races):
        (account,) = open_accounts(1, at=AT)
        grant = give(account, METRO, at=AT, method="test")

        def write(account: int = account) -> int:
            written = 0
            for _ in range(6):
                with transaction.atomic():
                    answer = allows(account, "szt", "metro_trip", **ACT, at=AS_OF, hold=True)
                    if isinstance(answer, Allowed):
                        credit({account})
                        written += 1
            return written

        def take_back(account: int = account, grant: int = grant.pk) -> int:
            wait(3)
            with transaction.atomic():
                withdraw(grant, at=AT, method="test")
            return written_for(account)

        *written, at_withdrawal = in_parallel([write] * 7 + [take_back])

        assert sum(written) == written_for(account) == at_withdrawal


def written_for(account: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM stand_in_credit WHERE account = %s", [account])
        return int(cursor.fetchone()[0])
