"""At midnight: one act that two reports end on different days counts once, whichever day is closed first.

46.7 mg for each metre of metro, 48.7 mg for each metre of pedal bike.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import pytest
from django.db import transaction

from close.town import SHANGHAI, TAKEN_AT, Town, act, manifest, pending_mg, results
from tanpuhui.close.due import Due, due
from tanpuhui.close.replay import replay
from tanpuhui.close.run import CloseAnswer
from tanpuhui.consent.give import give
from tanpuhui.consent.terms import Terms, acts_of_days
from tanpuhui.evidence import contract, link
from tanpuhui.evidence.take import take

pytestmark = pytest.mark.django_db(transaction=True)
NEXT = date(2026, 3, 3)
NOW = datetime(2026, 3, 12, 9, 0, tzinfo=SHANGHAI)


def ride(
    source_id: str, kind: str, started_at: str, ended_at: str, distance_m: int = 1_000
) -> dict[str, Any]:
    """A trip of a between two local moments."""
    return act(
        kind,
        source_id,
        "a",
        distance_m=distance_m,
        started_at=f"{started_at}+08:00",
        ended_at=f"{ended_at}+08:00",
    )


BEFORE = ride("before", "metro_trip", "2026-03-02T23:30:00", "2026-03-02T23:59:59")
AFTER = ride("after", "bike_trip", "2026-03-02T23:30:00", "2026-03-03T00:00:00")


@pytest.fixture()
def account(town: Town) -> int:
    return town.settle("a")["a"]


def test_a_trip_that_ended_before_midnight_stands_against_one_that_overlaps_it(
    town: Town, account: int
) -> None:
    town.take(BEFORE, AFTER)

    first, second = town.close(), town.close(NEXT)

    assert first.outcomes == {"credited": 1}
    assert second.outcomes == {"overlapping": 1}
    assert pending_mg(account) == 46_700


def test_the_earlier_day_stands_also_when_it_is_closed_last(town: Town, account: int) -> None:
    town.take(BEFORE, AFTER)
    assert town.close(NEXT).credited_mg == 48_700
    town.close()

    assert due(NOW, "Asia/Shanghai", town.places) == [Due(NEXT, "earlier_day_changed")]
    assert town.close(NEXT).credited_mg == 0

    assert pending_mg(account) == 46_700
    assert due(NOW, "Asia/Shanghai", town.places) == []


def test_a_trip_that_began_when_the_other_had_ended_counts_too(town: Town, account: int) -> None:
    town.take(BEFORE, ride("after", "bike_trip", "2026-03-02T23:59:59", "2026-03-03T00:20:00"))

    town.close()

    assert town.close(NEXT).outcomes == {"credited": 1}


def test_what_the_earlier_day_lost_takes_nothing_from_the_next(town: Town, account: int) -> None:
    """22:50 to 23:40 beats 23:30 to 23:59; so the trip from 23:50 on overlaps nothing that counts."""
    town.take(
        ride("1", "metro_trip", "2026-03-02T22:50:00", "2026-03-02T23:40:00"),
        ride("2", "metro_trip", "2026-03-02T23:30:00", "2026-03-02T23:59:00"),
        ride("3", "metro_trip", "2026-03-02T23:50:00", "2026-03-03T00:20:00"),
    )

    assert town.close().outcomes == {"credited": 1, "overlapping": 1}
    assert town.close(NEXT).outcomes == {"credited": 1}


def test_an_earlier_act_that_is_retracted_gives_way(town: Town, account: int) -> None:
    town.take(BEFORE, AFTER)
    town.close()
    town.close(NEXT)
    town.take({**BEFORE, "revision": 1, "action": "retract"})

    town.close()
    answer = town.close(NEXT)

    assert answer.credited_mg == 48_700
    assert pending_mg(account) == 48_700


def test_a_months_output_loses_to_a_day_in_it_that_was_reported_before(town: Town, account: int) -> None:
    """Nine days before, a roof's output of a day was credited: the month that contains it does not count."""
    first_day = act("rooftop_pv_output", "day", "a", day=date(2026, 2, 20), energy_wh=3_000)
    month = act(
        "rooftop_pv_output",
        "month",
        "a",
        energy_wh=90_000,
        started_at="2026-02-01T00:00:00+08:00",
        ended_at="2026-03-01T00:00:00+08:00",
    )
    town.take(first_day, month)
    town.close(date(2026, 2, 20))

    assert town.close(date(2026, 3, 1)).outcomes == {"overlapping": 1}
    assert pending_mg(account) == 3_000 * 420


def test_a_close_that_rests_on_an_earlier_day_is_replayed_after_that_day_changed(
    town: Town, account: int
) -> None:
    town.take(BEFORE, AFTER)
    town.close()
    rested = town.close(NEXT)
    town.take({**BEFORE, "revision": 1, "action": "retract"})
    town.close()

    answer = replayed(town, rested)

    assert answer.agrees
    assert answer.credited_mg == 0
    assert list(results(town, rested).values()) == [("overlapping", 0)]


def replayed(town: Town, answer: CloseAnswer) -> Any:
    return replay(manifest(answer), places=town.places, jurisdiction=town.jurisdiction, library=town.library)


def test_two_reports_of_one_moment_within_a_second_of_midnight_are_one(town: Town, account: int) -> None:
    """A phone sold at 23:59:59.7 by one provider's clock and at 00:00:00 by another's."""
    other = contract.add(
        "other",
        format="generic",
        kinds=["second_hand_sale"],
        pia_reference="PIA-2",
        valid_from=date(2020, 1, 1),
        made_at=TAKEN_AT,
    )
    link.link_many(other.provider, [("a", account)], at=TAKEN_AT)
    first, _ = acts_of_days(date(2026, 1, 1), None)
    give(account, Terms("other", ("second_hand_sale",), acts_from_us=first), at=TAKEN_AT, method="test")
    town.take(sale("2026-03-02T23:59:59.700000"))
    path = town.folder / "other.ndjson"
    path.write_text(json.dumps(sale("2026-03-03T00:00:00")), encoding="utf-8")
    with transaction.atomic():
        take("other", path, at=TAKEN_AT, lake=town.places.lake, buckets=town.buckets)

    assert town.close().outcomes == {"credited": 1}
    assert town.close(NEXT).outcomes == {"duplicate_of": 1}


def sale(at: str) -> dict[str, Any]:
    moment = f"{at}+08:00"
    return act("second_hand_sale", f"sale-{at}", "a", pieces=1, started_at=moment, ended_at=moment)


def test_the_long_record_of_a_stranger_makes_no_day_rest_on_the_days_before(town: Town, account: int) -> None:
    town.take(ride("1", "metro_trip", "2026-02-20T08:00:00", "2026-02-20T08:30:00"))
    town.close(date(2026, 2, 20))
    stranger = act("rooftop_pv_output", "x", "nobody", energy_wh=1, started_at="2026-01-10T00:00:00+08:00")
    town.take(stranger)

    earlier = manifest(town.close()).body["inputs"]["earlier"]

    assert earlier == {"from": "2026-03-01", "closes": []}
