"""Hold, then pay: what a rule finds is not credited, comes back where it was, and is credited when released."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from access.people import user
from close.town import DAY, TAKEN_AT, Town, act, manifest, metro, pending_mg, results, ride
from tanpuhui.access.models import AuditEntry
from tanpuhui.cli import integrity_hold
from tanpuhui.close.acts import act_of
from tanpuhui.close.due import behind, due
from tanpuhui.close.hold import Holding, hold
from tanpuhui.close.hold_new import LATEST, hold_new, not_looked_at
from tanpuhui.close.models import Manifest
from tanpuhui.close.replay import replay
from tanpuhui.close.trace import trace
from tanpuhui.integrity.answer import answer
from tanpuhui.integrity.appeal import Against, appeal
from tanpuhui.integrity.decide import release
from tanpuhui.integrity.models import Flag, Verdict
from tanpuhui.integrity.refusals import NotHeld
from tanpuhui.ledger.invariants import check
from tanpuhui.periodic import rounds
from tanpuhui.quantify.outcome import Outcome

#: 48.7 g a kilometre; 6 km in two hours are slow, 20 km in half an hour are a car.
SLOW_MG, FAST_MG = 292_200, 974_000
LATER = TAKEN_AT + timedelta(hours=2)


@pytest.fixture()
def cheated(town: Town) -> dict[str, int]:
    """Two people; a's first ride is a car's, and everything is credited before anybody looks."""
    accounts = town.settle("ab")
    town.take(
        act("bike_trip", "fast", "a", distance_m=20_000),
        act("bike_trip", "slow", "b", distance_m=6_000),
    )
    town.close()
    return accounts


def holding(town: Town, **other: Any) -> Holding:
    named = {"at": LATER, "places": town.places, "jurisdiction": town.jurisdiction, "library": town.library}
    return hold(DAY, 7, **named | other)


def held_record() -> int:
    return Flag.objects.get().record_id


def test_a_rule_that_fires_after_credit_takes_it_back_and_the_close_names_the_rule(
    town: Town, cheated: dict[str, int]
) -> None:
    before = pending_mg(cheated["a"])

    found = holding(town)

    (closed,) = found.closes
    body = manifest(closed).body
    assert (before, pending_mg(cheated["a"]), pending_mg(cheated["b"])) == (FAST_MG, 0, SLOW_MG)
    assert found.new == {"fraud.speed@1": 1}
    assert results(town, closed)[held_record()] == ("held", 0)
    assert body["inputs"]["held"]["acts"] == 1 and body["inputs"]["held"]["digest"].startswith("sha256:")
    seen = act_of(cheated["a"], held_record(), town.places)
    assert (seen.outcome, seen.clause, seen.avoided_mg, seen.above_cap_mg) == (
        Outcome.held,
        "fraud.speed@1",
        FAST_MG,
        0,
    )
    assert trace(seen, town.places).explanation is not None
    assert all(one.holds for one in check_rows())


def check_rows() -> Any:
    from django.db import connection

    return check(connection)


def test_looking_again_holds_nothing_twice_and_what_is_held_is_replayed(
    town: Town, cheated: dict[str, int]
) -> None:
    closed = holding(town).closes[0]

    again = holding(town)

    assert (again.new, again.closes) == ({}, ())
    assert replay(
        manifest(closed), places=town.places, jurisdiction=town.jurisdiction, library=town.library
    ).agrees
    assert behind([DAY], town.places) == [] and due(LATER, "Asia/Shanghai", town.places) == []


def test_a_released_act_is_due_and_then_credited(town: Town, cheated: dict[str, int]) -> None:
    holding(town)

    day = release(held_record(), "A courier on an electric bicycle.", by=None, at=LATER)
    waiting = [(one.day, one.reason) for one in due(LATER, "Asia/Shanghai", town.places)]
    town.close(at=LATER, reopen=True)

    assert (day, waiting) == (DAY, [(DAY, "holds_changed")])
    assert pending_mg(cheated["a"]) == FAST_MG
    assert holding(town).new == {}
    with pytest.raises(NotHeld):
        release(held_record(), "again", by=None, at=LATER)


@pytest.mark.parametrize(("uphold", "pending"), [(True, FAST_MG), (False, 0)])
def test_an_appeal_decides_about_the_hold(
    town: Town, cheated: dict[str, int], uphold: bool, pending: int
) -> None:
    closed = holding(town).closes[0]
    against = Against(cheated["a"], held_record(), DAY, "held", closed.manifest)
    made = appeal(against, "It was an electric bicycle.", at=LATER)

    answer(made.pk, uphold=uphold, reason="Looked at.", by=user(), at=LATER)
    town.close(at=LATER, reopen=True)

    assert pending_mg(cheated["a"]) == pending
    assert Verdict.objects.get().decision == ("released" if uphold else "confirmed")


def test_a_held_act_uses_no_room_under_a_cap_and_still_stands_against_others(town: Town) -> None:
    """60 km a day are the cap: 30 km held leave it to the two rides of 30 km after it."""
    town.settle("a")
    fast = act("bike_trip", "fast", "a", hour=1, distance_m=20_000)
    beside = metro("beside", "a", 5_000, hour=1)
    town.take(fast, beside, ride(4, 30_000), ride(8, 30_000))
    town.close()

    closed = holding(town).closes[0]

    assert closed.outcomes == {"credited": 2, "held": 1, "overlapping": 1}
    assert closed.credited_mg == 2 * 30 * 48_700


def test_flags_and_verdicts_are_kept(town: Town, cheated: dict[str, int]) -> None:
    holding(town)
    release(held_record(), "Because.", by=None, at=LATER)

    for change in (
        lambda: Flag.objects.all().delete(),
        lambda: Verdict.objects.update(reason="Another."),
        lambda: Verdict.objects.create(
            flag=Flag.objects.get(), decision=Verdict.CONFIRMED, reason="After all.", at=LATER
        ),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_the_commands_hold_list_and_release(
    town: Town,
    cheated: dict[str, int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tanpuhui.cli.places.places", lambda: town.places)
    monkeypatch.setattr(integrity_hold, "utc_now", lambda: LATER)

    status = integrity_hold.hold(DAY.isoformat(), as_json=True)
    said = json.loads(capsys.readouterr().out)
    integrity_hold.held(DAY.isoformat(), as_json=True)
    (listed,) = json.loads(capsys.readouterr().out)
    integrity_hold.release(listed["record"], reason="It was a courier.", as_json=True)
    released = json.loads(capsys.readouterr().out)

    assert (status, said["held"], said["closes"][0]["credited_mg"]) == (3, {"fraud.speed@1": 1}, SLOW_MG)
    assert (listed["pattern"], released["close"]["credited_mg"]) == ("fraud.speed@1", SLOW_MG + FAST_MG)


def work(town: Town, **other: Any) -> int:
    named = {"at": LATER, "places": town.places, "jurisdiction": town.jurisdiction, "library": town.library}
    return hold_new(**named | {"most": 7} | other)


def test_whoever_works_holds_what_a_close_brought_and_looks_at_each_close_once(
    town: Town, cheated: dict[str, int]
) -> None:
    first = work(town)
    held_mg = pending_mg(cheated["a"])
    again = [work(town) for _ in range(2)]

    assert (first, held_mg, again) == (1, 0, [0, 0])
    # The close that was looked at, and the one that the hold brought.
    entries = AuditEntry.objects.filter(verb="acts_held", object_key=DAY.isoformat()).order_by("at", "pk")
    assert [entry.facts.get("fraud.speed@1") for entry in entries] == [1, None]
    assert entries[1].facts["close"] == manifest_digest()
    assert not_looked_at(LATER) == []
    assert pending_mg(cheated["b"]) == SLOW_MG


def manifest_digest() -> str:
    return Manifest.objects.order_by("-sequence")[0].digest


def test_what_was_killed_between_flag_and_close_and_what_was_released_is_closed_by_whoever_works(
    town: Town, cheated: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("tanpuhui.close.hold.close_day", killed)
        work(town)
    before = pending_mg(cheated["a"])

    work(town)
    held_mg = pending_mg(cheated["a"])
    release(held_record(), "A courier.", by=None, at=LATER)
    work(town)

    assert (before, held_mg, pending_mg(cheated["a"])) == (FAST_MG, 0, FAST_MG)


def test_closes_of_long_ago_are_left_to_the_command(town: Town, cheated: dict[str, int]) -> None:
    assert work(town, at=LATER + LATEST) == 0
    assert work(town, most=0) == 0
    assert pending_mg(cheated["a"]) == FAST_MG


def test_an_installation_can_leave_holding_to_people(
    town: Town, cheated: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "places", lambda: town.places)
    (verb,) = [one for one in rounds.verbs() if one.name == "integrity.hold"]
    monkeypatch.setenv("TANPUHUI_HOLD", "0")

    assert (verb.do(LATER), pending_mg(cheated["a"])) == (0, FAST_MG)

    monkeypatch.delenv("TANPUHUI_HOLD")
    assert (verb.do(LATER), pending_mg(cheated["a"])) == (1, 0)
