"""What a station's acts count is what hauliers weighed: never more, nothing without a weighing, replayed and explained.

165 mg for each gram of paper (close/bins.py).
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection

from close.bins import BINS, MG_PER_G, NEXT, Bins, bag
from close.test_erase import erased
from close.test_replay import again
from close.town import DAY, TAKEN_AT, Town, manifest, pending_mg
from tanpuhui.baseline.mass_balance import BALANCES, NOT_WEIGHED, OVER, UNDER
from tanpuhui.cli import close_stations, integrity_hold
from tanpuhui.close import balance
from tanpuhui.close.acts import acts_of
from tanpuhui.close.balance import Weighed, other_confirmed, other_stations, stations_of
from tanpuhui.close.due import behind, due
from tanpuhui.close.hold import hold
from tanpuhui.close.replay import replay
from tanpuhui.close.run import CloseAnswer
from tanpuhui.close.trace import Trace, trace
from tanpuhui.integrity.decide import release
from tanpuhui.integrity.models import Flag
from tanpuhui.integrity.refusals import NotHeld
from tanpuhui.kit.digest import digest_json
from tanpuhui.ledger.invariants import check
from tanpuhui.quantify.outcome import Outcome

LATER = TAKEN_AT + timedelta(hours=2)


@pytest.fixture()
def bins(town: Town) -> Bins:
    return Bins(town)


def traced(bins: Bins, account: int, day: date = DAY) -> list[Trace]:
    return [trace(one, bins.town.places) for one in reversed(acts_of(account, [day], bins.town.places))]


def stations(bins: Bins, manifest_digest: str) -> dict[str, tuple[int, int | None, int, int, str]]:
    from tanpuhui.close.models import Manifest

    rows = stations_of(Manifest.objects.get(pk=manifest_digest).body["inputs"], bins.town.places)
    return {
        row["station"]: (
            row["sorted_g"],
            row["fetched_g"],
            row["counted_g"],
            row["score_permille"],
            row["reason"],
        )
        for row in rows
    }


def why_due(bins: Bins) -> dict[date, str]:
    return {one.day: one.reason for one in due(LATER, "Asia/Shanghai", bins.town.places)}


def test_without_a_weighing_nothing_counts_and_when_it_comes_the_day_is_due_and_what_was_fetched_counts(
    bins: Bins,
) -> None:
    """12 kg are said to be sorted, 2 kg of them by nobody known; 9 kg were fetched: three quarters count."""
    people = bins.settle("ab")
    bins.take(bag("1", "a", 6_000), bag("2", "b", 4_000), bag("3", "nobody", 2_000))

    before = bins.town.close()
    pending_before = [pending_mg(account) for account in people.values()]
    (waits,) = traced(bins, people["a"])
    bins.weigh(9_000)
    due_then, behind_then = why_due(bins), behind([DAY], bins.town.places)
    after = bins.town.close()

    assert before.outcomes == {"not_weighed": 2, "unknown_person": 1}
    assert pending_before == [0, 0]
    assert (due_then, behind_then) == ({DAY: "weighings_changed"}, [DAY])
    assert after.outcomes == {"credited": 2, "unknown_person": 1}
    assert pending_mg(people["a"]) == 4_500 * MG_PER_G
    assert pending_mg(people["b"]) == 3_000 * MG_PER_G
    assert (why_due(bins), behind([DAY], bins.town.places)) == ({}, [])
    # Sent = recorded = credited and refused: each record has one end, and the grams of a station are those of its acts.
    assert sum(after.outcomes.values()) == after.activities == 3
    assert stations(bins, before.manifest) == {"north": (12_000, None, 0, 0, NOT_WEIGHED)}
    assert stations(bins, after.manifest) == {"north": (12_000, 9_000, 9_000, 750, OVER)}
    assert all(one.holds for one in check(connection))

    assert (waits.act.outcome, waits.explanation) == (Outcome.not_weighed, None)
    assert waits.weighed == Weighed("north", DAY, DAY, "", 12_000, None, 0, 0, NOT_WEIGHED, 6_000, 0)
    (found,) = traced(bins, people["a"])
    assert found.weighed == Weighed(
        "north", DAY, DAY, "hauliers", 12_000, 9_000, 9_000, 750, OVER, 6_000, 4_500
    )
    assert found.act.measures["mass_g"] == 6_000
    assert found.explanation is not None
    assert found.explanation.avoided_mg == 4_500 * MG_PER_G


@pytest.mark.parametrize(
    ("fetched_g", "counted_g", "score", "reason"),
    [
        (10_000, 10_000, 1000, BALANCES),
        (10_500, 10_000, 1000, BALANCES),
        # 10,000 is 5 % above 9,524 (9,523.8...), and more above 9,523.
        (9_524, 9_524, 1000, BALANCES),
        (9_523, 9_523, 952, OVER),
        (20_000, 10_000, 500, UNDER),
        (0, 0, 0, OVER),
    ],
)
def test_no_more_counts_than_was_fetched_and_each_part_is_rounded_down(
    bins: Bins, fetched_g: int, counted_g: int, score: int, reason: str
) -> None:
    """Three bags of 3,333, 3,333 and 3,334 g."""
    masses = {"a": 3_333, "b": 3_333, "c": 3_334}
    people = bins.settle("abc")
    bins.take(*(bag(person, person, mass_g) for person, mass_g in masses.items()))
    bins.weigh(fetched_g)

    closed = bins.town.close()

    parts = {person: mass_g * counted_g // 10_000 for person, mass_g in masses.items()}
    assert {person: pending_mg(people[person]) for person in people} == {
        person: part * MG_PER_G for person, part in parts.items()
    }
    assert closed.credited_mg <= fetched_g * MG_PER_G
    assert stations(bins, closed.manifest) == {"north": (10_000, fetched_g, counted_g, score, reason)}
    assert closed.outcomes == ({"credited": 3} if counted_g else {"not_fetched": 3})


def test_a_close_is_replayed_from_the_weighings_that_it_froze_and_the_same_again_is_the_same_close(
    bins: Bins,
) -> None:
    people = bins.settle("a")
    bins.take(bag("1", "a", 6_000))
    bins.weigh(3_000)
    first = bins.town.close()
    repeated = bins.town.close()
    bins.weigh(2_000)
    corrected = bins.town.close()

    assert (repeated.posted, repeated.manifest) == (False, first.manifest)
    assert (first.credited_mg, corrected.credited_mg) == (3_000 * MG_PER_G, 2_000 * MG_PER_G)
    assert pending_mg(people["a"]) == 2_000 * MG_PER_G
    for closed in (first, corrected):
        assert manifest(closed).body["inputs"]["weighed"]["stations"].startswith("sha256:")
        assert again(bins.town, closed).agrees


def test_a_replay_sums_the_stations_again_and_finds_grams_that_the_evidence_does_not_give(
    bins: Bins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """6 kg were reported and 3 kg fetched; a platform that says 4 kg counts three quarters of each act, not half."""
    bins.settle("a")
    bins.take(bag("1", "a", 6_000))
    bins.weigh(3_000)
    with monkeypatch.context() as patched:
        patched.setattr(balance, "_sums", lambda *_, **__: {"north": 4_000})
        forged = bins.town.close()

    found = again(bins.town, forged)

    assert forged.credited_mg == 4_500 * MG_PER_G
    assert not found.agrees
    assert found.differences == [
        {"station": "bins/north", "then": [4_000, 3_000, OVER], "now": [6_000, 3_000, OVER]}
    ]


def test_a_weighing_that_is_taken_back_takes_its_credits_back(bins: Bins) -> None:
    people = bins.settle("a")
    bins.take(bag("1", "a", 6_000))
    bins.weigh(6_000)
    bins.town.close()

    bins.weigh(None)
    reason = why_due(bins)
    closed = bins.town.close()

    assert (reason, closed.outcomes) == ({DAY: "weighings_changed"}, {"not_weighed": 1})
    assert pending_mg(people["a"]) == 0


def test_corrected_and_retracted_reports_are_no_part_of_what_was_sorted(bins: Bins) -> None:
    people = bins.settle("abc")
    bins.take(bag("1", "a", 6_000), bag("2", "b", 5_000), bag("3", "c", 4_000))
    retraction = {**bag("2", "b", 5_000), "revision": 1, "action": "retract"}
    bins.take(bag("1", "a", 2_000, revision=1), {**retraction, "mass_g": None})
    bins.weigh(3_000)

    closed = bins.town.close()

    # 2,000 + 4,000 g were sorted, half of it was fetched.
    assert stations(bins, closed.manifest) == {"north": (6_000, 3_000, 3_000, 500, OVER)}
    assert [pending_mg(account) for account in people.values()] == [1_000 * MG_PER_G, 0, 2_000 * MG_PER_G]


def test_what_was_fetched_after_two_days_is_balanced_with_both_and_a_late_file_makes_both_due(
    bins: Bins,
) -> None:
    """8 kg were fetched of 4 + 4 kg; then 8 kg more of the second day are reported, and half of all counts."""
    people = bins.settle("ab")
    bins.take(bag("1", "a", 4_000), bag("2", "b", 4_000, day=NEXT))
    bins.weigh(8_000, last=NEXT)
    for day in (DAY, NEXT):
        bins.town.close(day)
    first = [pending_mg(account) for account in people.values()]

    bins.take(bag("3", "b", 8_000, day=NEXT, hour=9))
    reasons = why_due(bins)
    behind_then = behind([DAY], bins.town.places)
    closes = [bins.town.close(day) for day in (DAY, NEXT)]

    assert first == [4_000 * MG_PER_G, 4_000 * MG_PER_G]
    assert (reasons, behind_then) == ({DAY: "new_evidence", NEXT: "new_evidence"}, [DAY])
    assert pending_mg(people["a"]) == 2_000 * MG_PER_G
    assert pending_mg(people["b"]) == (2_000 + 4_000) * MG_PER_G
    assert why_due(bins) == {}
    assert [again(bins.town, one).agrees for one in closes] == [True, True]
    (found,) = traced(bins, people["a"])
    assert found.weighed is not None
    assert (found.weighed.first_day, found.weighed.last_day, found.weighed.sorted_g) == (DAY, NEXT, 16_000)


def test_a_correction_of_another_day_of_the_stretch_makes_the_day_due(bins: Bins) -> None:
    bins.settle("ab")
    bins.take(bag("1", "a", 4_000), bag("2", "b", 4_000, day=NEXT))
    bins.weigh(4_000, last=NEXT)
    bins.town.close(DAY)

    bins.take(bag("2", "b", 2_000, day=NEXT, revision=1))
    reasons = why_due(bins)
    closed = bins.town.close(DAY)

    # Of 6 instead of 8 kg, 4 were fetched.
    assert reasons[DAY] == "new_evidence"
    assert closed.credited_mg == 4_000 * 4_000 // 6_000 * MG_PER_G


def test_a_station_balances_from_the_day_on_which_its_contract_says_so_begins(bins: Bins) -> None:
    people = bins.settle("a", must_balance=False)
    bins.take(bag("1", "a", 6_000), bag("2", "a", 5_000, day=NEXT))
    first = [bins.town.close(day) for day in (DAY, NEXT)]

    bins.agree(must_balance=True, valid_from=NEXT)
    reasons = why_due(bins)
    closed = bins.town.close(NEXT)

    assert [one.credited_mg for one in first] == [6_000 * MG_PER_G, 5_000 * MG_PER_G]
    assert "weighed" not in manifest(first[0]).body["inputs"]
    assert reasons == {NEXT: "weighings_changed"}
    assert (closed.outcomes, pending_mg(people["a"])) == ({"not_weighed": 1}, 6_000 * MG_PER_G)


def test_where_somebody_is_erased_the_others_part_does_not_grow(bins: Bins) -> None:
    """Half was fetched: 3 kg of 3 + 3 kg. The bag of who is erased was in it, and stays credited as nobody's."""
    people = bins.settle("ab")
    bins.take(bag("1", "a", 3_000), bag("2", "b", 3_000))
    bins.weigh(3_000)
    closed = bins.town.close()
    erased(bins.town, people["b"])
    replayed = again(bins.town, closed)
    bins.take(bag("3", "a", 10, station="south"))

    bins.town.close()

    assert replayed.agrees
    assert pending_mg(people["a"]) == 1_500 * MG_PER_G


def test_who_leans_on_the_scale_where_more_is_claimed_than_was_fetched_is_held(bins: Bins) -> None:
    """Ten honest people with 2 kg; one with 3 x 9 kg at a station of which 20 kg were fetched: 47 kg are claimed."""
    honest = "bcdefghijk"
    bins.settle("a" + honest)
    bins.take(
        *(bag(person, person, 2_000) for person in honest),
        *(bag(f"a{hour}", "a", 9_000, hour=hour) for hour in (8, 12, 18)),
    )
    bins.weigh(20_000)
    bins.town.close()

    found = hold(
        DAY,
        7,
        at=LATER,
        places=bins.town.places,
        jurisdiction=bins.town.jurisdiction,
        library=bins.town.library,
    )

    (closed,) = found.closes
    assert found.new == {"fraud.weight_tampering@2": 3}
    assert closed.outcomes == {"credited": 10, "held": 3}
    assert Flag.objects.count() == 3
    # 2,000 x 20,000 / 47,000 = 851.06 g each
    assert closed.credited_mg == 10 * 851 * MG_PER_G


def test_what_is_held_takes_its_part_until_somebody_decides_and_none_when_it_was_confirmed(
    bins: Bins,
) -> None:
    """Two honest people with 2 kg, one with 9 kg that nobody fetched: 4 kg were, of 13 claimed over two days."""
    people = bins.settle("abc")
    bins.take(bag("1", "a", 2_000), bag("2", "b", 2_000, day=NEXT), bag("3", "c", 9_000, day=NEXT))
    bins.weigh(4_000, last=NEXT)
    days = (DAY, NEXT)

    def closed() -> tuple[dict[date, str], list[CloseAnswer], list[int]]:
        reasons = why_due(bins)
        answers = [bins.town.close(day) for day in days]
        assert why_due(bins) == {} and behind(days, bins.town.places) == []
        assert [again(bins.town, one).agrees for one in answers] == [True, True]
        return reasons, answers, [pending_mg(account) for account in people.values()]

    closed()
    (record,) = [one.record_id for one in acts_of(people["c"], [NEXT], bins.town.places)]
    Flag.objects.create(
        record_id=record, account=people["c"], day=NEXT, pattern="fraud.weight_tampering@2", found_at=LATER
    )
    reasons, answers, credited = closed()
    # 2,000 x 4,000 / 13,000 = 615.4 g each: a bag that may have been fetched is nobody else's.
    assert reasons == {NEXT: "holds_changed"}
    assert stations(bins, answers[0].manifest) == {"north": (13_000, 4_000, 4_000, 307, OVER)}
    assert credited == [615 * MG_PER_G, 615 * MG_PER_G, 0]

    assert integrity_hold.confirm(record, reason="No such bag was fetched.") == 0
    with pytest.raises(NotHeld):
        integrity_hold.confirm(record, reason="Again.")
    reasons, answers, credited = closed()
    # Held for good: the others' bags are what was fetched, on the other day of the stretch too.
    assert reasons == {DAY: "weighings_changed", NEXT: "weighings_changed"}
    assert stations(bins, answers[0].manifest) == {"north": (4_000, 4_000, 4_000, 1000, BALANCES)}
    assert credited == [2_000 * MG_PER_G, 2_000 * MG_PER_G, 0]
    assert answers[1].outcomes == {"credited": 1, "held": 1}
    forged = manifest(answers[0])
    inputs = forged.body["inputs"]
    named = inputs["weighed"].pop("confirmed")
    assert other_stations(inputs, "Asia/Shanghai", bins.town.places) != []
    # Nobody confirmed b's bag: leaving it out too would give its part to a.
    (bag_of_b,) = [one.record_id for one in acts_of(people["b"], [NEXT], bins.town.places)]

    def confirmed(*records: int, **others: Any) -> dict[str, Any]:
        file = bins.town.places.frozen.put(pa.table({"record_id": pa.array(records, pa.int64())}))
        return {"acts": len(records), "digest": digest_json([*records]), "file": file} | others

    assert confirmed(record) == named
    for said, right in (
        (named, True),
        (confirmed(record, acts=2), False),
        (confirmed(record, digest=digest_json([bag_of_b])), False),
        (confirmed(*sorted((record, bag_of_b))), False),
        (confirmed(bag_of_b), False),
        (confirmed(record, record), False),
    ):
        inputs["weighed"]["confirmed"] = said
        assert (other_confirmed(inputs, bins.town.places) == []) == right
        forged.digest = digest_json(forged.body)
        replayed = replay(
            forged,
            places=bins.town.places,
            jurisdiction=bins.town.jurisdiction,
            library=bins.town.library,
        )
        assert replayed.agrees == right

    release(record, "It was weighed after all.", by=None, at=LATER)
    _reasons, _answers, credited = closed()
    # 9,000 x 4,000 / 13,000 = 2,769.2 g, and never more than 4,000 g together.
    assert credited == [615 * MG_PER_G, 615 * MG_PER_G, 2_769 * MG_PER_G]


def test_where_the_station_balances_the_same_bags_are_nobodys_fraud(bins: Bins) -> None:
    bins.settle("ab")
    bins.take(bag("1", "b", 2_000), *(bag(f"a{hour}", "a", 9_000, hour=hour) for hour in (8, 12, 18)))
    bins.weigh(29_000)
    bins.town.close()

    found = hold(
        DAY,
        7,
        at=LATER,
        places=bins.town.places,
        jurisdiction=bins.town.jurisdiction,
        library=bins.town.library,
    )

    assert found.new == {}


def test_the_command_lists_the_stations_of_a_closed_day(
    bins: Bins, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tanpuhui.cli.places.places", lambda: bins.town.places)
    bins.settle("a")
    bins.take(bag("1", "a", 6_000), bag("2", "a", 100, station="south", hour=9))
    bins.weigh(6_000)
    bins.town.close()

    status = close_stations.stations(DAY.isoformat(), json=True)
    listed = {row["station"]: row for row in json.loads(capsys.readouterr().out)}

    assert status == 3
    assert (listed["north"]["reason"], listed["south"]["reason"]) == (BALANCES, NOT_WEIGHED)
    assert listed["north"]["provider"] == BINS
    close_stations.stations(DAY.isoformat())
    assert "not_weighed" in capsys.readouterr().out
