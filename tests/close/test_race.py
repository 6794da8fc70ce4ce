"""Races: what changes while a close computes is seen before it posts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.db import connection, connections

from close.town import DAY, PHONE_MG, TAKEN_AT, Town, act, metro, pending_mg
from tanpuhui.close import run
from tanpuhui.close.models import Manifest
from tanpuhui.close.refusals import KeepsChanging
from tanpuhui.consent.models import Grant
from tanpuhui.consent.withdraw import pause, resume, withdraw
from tanpuhui.ledger.invariants import check
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import load_jurisdiction

OTHER_DAY = date(2026, 3, 4)


@pytest.fixture()
def open_town(transactional_db: None, fresh_home: Path, library: Library) -> Town:
    """A town whose transactions really commit, so that other connections see them."""
    return Town(fresh_home, library, load_jurisdiction("demo"))


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[int], Any]) -> list[int]:
    """Do something each time that a close has computed and not yet posted; answers the list of times."""
    compute, times = run.compute, list[int]()

    def compute_and_work(*given: Any) -> Any:
        computed = compute(*given)
        times.append(len(times) + 1)
        work(times[-1])
        return computed

    monkeypatch.setattr(run, "compute", compute_and_work)
    return times


def elsewhere(work: Callable[[], Any]) -> None:
    """Do something in a thread with a connection of its own, and wait for it."""

    def alone() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = Thread(target=alone)
    thread.start()
    thread.join()


def test_a_withdrawal_while_the_close_computes_is_honoured(
    open_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = open_town.settle("ab")
    grant = Grant.objects.get(resident_id=people["a"]).pk
    open_town.take(metro("1", "a", 10_000), metro("2", "b", 10_000))

    def withdraw_once(time: int) -> None:
        if time == 1:
            elsewhere(lambda: withdraw(grant, at=TAKEN_AT, method="test"))

    times = meanwhile(monkeypatch, withdraw_once)
    answer = open_town.close()

    assert times == [1, 2]
    assert (answer.sequence, answer.outcomes) == (1, {"credited": 1, "withdrawn": 1})
    assert (pending_mg(people["a"]), pending_mg(people["b"])) == (0, 467_000)
    assert check(connection) == []


def test_grants_that_never_rest_refuse_the_close_with_nothing_posted(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = town.settle("a")
    grant = Grant.objects.get(resident_id=people["a"]).pk
    town.take(metro("1", "a", 10_000))

    def pause_and_resume(_time: int) -> None:
        pause(grant, at=TAKEN_AT, method="test")
        resume(grant, at=TAKEN_AT, method="test")

    times = meanwhile(monkeypatch, pause_and_resume)

    with pytest.raises(KeepsChanging):
        town.close()
    assert times == [1, 2, 3, 4, 5]
    assert pending_mg(people["a"]) == 0
    assert Manifest.objects.count() == 0


def test_two_closes_of_one_day_at_once_post_once(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    people = town.settle("a")
    town.take(metro("1", "a", 10_000))
    inner = []

    def close_too(time: int) -> None:
        if time == 1:
            inner.append(town.close())

    meanwhile(monkeypatch, close_too)
    answer = town.close()

    assert (inner[0].posted, answer.posted) == (True, False)
    assert answer.manifest == inner[0].manifest
    assert pending_mg(people["a"]) == 467_000


def test_two_days_closed_at_once_never_exceed_the_cap_of_the_year(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = town.settle("a")
    town.take(*(act("second_hand_sale", f"{n}", "a", hour=8 + n) for n in range(2)))
    town.take(*(act("second_hand_sale", f"o{n}", "a", day=OTHER_DAY, hour=8 + n) for n in range(2)))

    def close_the_other_day(time: int) -> None:
        if time == 1:
            town.close(OTHER_DAY)

    meanwhile(monkeypatch, close_the_other_day)
    answer = town.close(DAY)

    # Three phones a year: two on the other day, so one here, in whatever order the two were computed.
    assert pending_mg(people["a"]) == 3 * PHONE_MG
    assert answer.credited_mg == PHONE_MG
