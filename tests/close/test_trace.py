"""A trace works an act out again and comes to what the close stored, for every way in which an act can end."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from close.town import SHANGHAI, TAKEN_AT, Town, act, metro, ride
from tanpuhui.close import methodology_then
from tanpuhui.close.acts import acts_of
from tanpuhui.close.models import FrozenDay, Manifest
from tanpuhui.close.trace import Trace, trace
from tanpuhui.consent.show import grants_of
from tanpuhui.consent.withdraw import withdraw
from tanpuhui.kit.home import content
from tanpuhui.kit.moment import from_us
from tanpuhui.quantify.outcome import Outcome

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 2)


def traced(town: Town, account: int, *days: date) -> list[Trace]:
    """The traces of all acts, in order of time."""
    return [trace(one, town.places) for one in reversed(acts_of(account, days or (DAY,), town.places))]


def test_a_trace_shows_formula_factor_grant_and_close(town: Town) -> None:
    account = town.settle("a")["a"]
    town.take(metro("m1", "a", 10_000))
    town.close()

    (found,) = traced(town, account)

    explained = found.explanation
    assert explained is not None
    assert (explained.avoided_mg, explained.code, explained.version) == (467_000, "shenzhen/metro", 1)
    assert [(line.substituted, line.value, line.unit) for line in explained.steps] == [
        ("10000 m * 46.7 gCO2e/(person*km)", "467", "gCO2e")
    ]
    assert [(factor.name, factor.status, factor.review_by) for factor in explained.factors] == [
        ("reduction_factor", "published", date(2027, 6, 30))
    ]
    assert found.digest == explained.digest
    assert (found.factors_of, found.in_retrospect, found.is_other_folder) == (DAY, False, False)
    assert found.grant == next(iter(grants_of(account))).pk
    assert (found.as_of, found.zone, found.lots) == (TAKEN_AT, "Asia/Shanghai", ())


def test_every_end_that_a_formula_decides_comes_to_what_the_close_stored(town: Town) -> None:
    account = town.settle("a")["a"]
    town.take(
        metro("m0", "a", 0, hour=6),
        metro("m1", "a", 10_000, hour=8),
        *(ride(hour, 25_000) for hour in (10, 12, 14)),
        act("rooftop_pv_output", "p", "a", hour=17, energy_wh=1_000, capacity_w=5_000),
    )
    town.close()

    found = {one.act.started_us: one for one in traced(town, account)}

    ends = {from_us(us).astimezone(SHANGHAI).hour: one for us, one in found.items()}
    assert {hour: one.act.outcome for hour, one in ends.items()} == {
        6: Outcome.excluded,
        8: Outcome.credited,
        10: Outcome.credited,
        12: Outcome.credited,
        14: Outcome.capped,
        17: Outcome.credited,
    }
    for one in ends.values():
        assert one.explanation is not None
        assert one.explanation.avoided_mg == one.act.avoided_mg
    assert ends[6].clause is not None
    assert (ends[6].act.clause, ends[6].clause.text.en) == (
        "A1",
        "The trip has an entry and an exit and a distance above zero.",
    )
    # 420 mg for each watt-hour.
    assert ends[17].act.credited_mg == 420_000


def test_an_act_that_lost_to_another_is_not_worked_out_and_one_that_lacks_a_measure_says_which(
    town: Town,
) -> None:
    account = town.settle("a")["a"]
    town.take(
        metro("m1", "a", 10_000, hour=8),
        act("bike_trip", "b1", "a", hour=8, distance_m=1_000),
        act("second_hand_sale", "s", "a", hour=15, pieces=1, product=9),
    )
    town.close()

    by_outcome = {one.act.outcome: one for one in traced(town, account)}

    assert by_outcome[Outcome.overlapping].explanation is None
    assert by_outcome[Outcome.overlapping].grant is not None
    lacking = by_outcome[Outcome.invalid]
    assert (lacking.explanation, [field.name for field in lacking.lacking]) == (None, ["product"])


def test_a_trip_of_taps_has_the_measures_and_times_with_which_it_was_reckoned(town: Town) -> None:
    account = town.settle("a")["a"]
    _allow(account)
    first = datetime(2026, 3, 2, 8, 0, tzinfo=SHANGHAI)
    _tap_contract(town)
    town.take(
        tap("metro_entry", "t1", first, "罗湖"),
        tap("metro_exit", "t2", first + timedelta(minutes=25), "国贸"),
    )
    town.close()

    (found,) = traced(town, account)

    assert found.act.is_assembled
    assert from_us(found.act.started_us) == first
    assert found.explanation is not None
    distance_m = found.act.measures["distance_m"]
    assert found.act.credited_mg == distance_m * 467 // 10
    assert found.grant is not None


def test_a_folder_that_changed_since_is_said_so_and_nothing_is_worked_out(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = town.settle("a")["a"]
    town.take(metro("m1", "a", 10_000))
    town.close()
    shutil.copytree(content("methodologies"), tmp_path / "methodologies")
    folders = methodology_then.folders
    monkeypatch.setattr(methodology_then, "folders", lambda: folders(tmp_path / "methodologies"))
    methodology_then._folders.cache_clear()
    readme = tmp_path / "methodologies/shenzhen/metro/v1/README.md"

    (before,) = traced(town, account)
    readme.write_text(readme.read_text() + "\nA word more.\n")
    (after,) = traced(town, account)
    shutil.rmtree(readme.parent)
    (gone,) = traced(town, account)
    methodology_then._folders.cache_clear()

    assert (before.is_other_folder, after.is_other_folder, gone.is_other_folder) == (False, True, True)
    assert (after.explanation, gone.explanation, gone.methodology) == (None, None, None)
    assert before.explanation is not None
    assert after.digest == gone.digest == before.explanation.digest
    assert after.act.credited_mg == 467_000


def test_a_result_that_differs_from_the_close_is_our_fault(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    account = town.settle("a")["a"]
    town.take(metro("m1", "a", 10_000))
    town.close()
    (one,) = acts_of(account, [DAY], town.places)

    with pytest.raises(AssertionError, match="is not what the close stored"):
        trace(replace(one, avoided_mg=467_001), town.places)


def test_the_grant_of_an_act_stays_the_one_of_its_close_after_a_withdrawal(town: Town) -> None:
    account = town.settle("a")["a"]
    town.take(metro("m1", "a", 10_000))
    town.close()
    (grant,) = grants_of(account)
    withdraw(grant.pk, at=TAKEN_AT + timedelta(hours=1), method="test")
    town.take(metro("m2", "a", 1_000, hour=20), at=TAKEN_AT + timedelta(hours=2))
    town.close(at=TAKEN_AT + timedelta(hours=3))

    (found,) = traced(town, account)

    assert (found.act.sequence, found.grant) == (2, grant.pk)


def test_the_lots_of_a_day_are_named_in_the_order_in_which_they_were_made(town: Town) -> None:
    account = town.settle("a")["a"]
    town.take(metro("m1", "a", 10_000))
    town.close()
    for lot in ("B-1", "A-2"):
        FrozenDay.objects.create(day=DAY, methodology="shenzhen/metro@1", lot=lot)
    FrozenDay.objects.create(day=DAY, methodology="other@1", lot="C-3")

    (found,) = traced(town, account)

    assert found.lots == ("B-1", "A-2")
    assert Manifest.objects.count() == 1


def tap(kind: str, source_id: str, at: datetime, station: str) -> dict[str, Any]:
    moment = at.isoformat()
    return {
        "source_id": source_id,
        "person": "a",
        "kind": kind,
        "started_at": moment,
        "ended_at": moment,
        "station": station,
    }


def _tap_contract(town: Town) -> None:
    from tanpuhui.evidence import contract

    contract.add(
        "town",
        format="generic",
        kinds=["metro_trip", "metro_entry", "metro_exit"],
        pia_reference="PIA-2",
        valid_from=date(2020, 1, 1),
        made_at=TAKEN_AT - timedelta(days=2),
    )


def _allow(account: int) -> None:
    """The town's grant covers metro trips already."""
    assert any("metro_trip" in grant.kinds for grant in grants_of(account))
