"""A person's acts as the standing closes left them, and nobody else's.

46.7 mg for each metre of metro; 48.7 mg for each metre of pedal bike, at most 2,922,000 mg a day.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from close.town import PHONE_MG, SHANGHAI, TAKEN_AT, Town, act, metro, ride
from tanpuhui.close.acts import act_of, acts_of, closed_months, page_of
from tanpuhui.close.refusals import UnknownAct
from tanpuhui.close.store import FileMissing
from tanpuhui.consent.withdraw import withdraw
from tanpuhui.evidence import link
from tanpuhui.kit.moment import from_us
from tanpuhui.quantify.outcome import Outcome

pytestmark = pytest.mark.django_db
DAY, NEXT = date(2026, 3, 2), date(2026, 3, 3)
BOTH = [DAY, NEXT]


def test_an_act_has_its_outcome_milligrams_times_measures_and_close(town: Town) -> None:
    account = town.settle("a")["a"]
    town.take(metro("m1", "a", 10_000))
    closed = town.close()

    (found,) = acts_of(account, BOTH, town.places)

    assert (found.day, found.outcome, found.methodology) == (DAY, Outcome.credited, "shenzhen/metro@1")
    assert (found.avoided_mg, found.credited_mg, found.above_cap_mg) == (467_000, 467_000, 0)
    assert (found.provider, found.kind, found.measures) == ("town", "metro_trip", {"distance_m": 10_000})
    assert from_us(found.started_us) == datetime(2026, 3, 2, 8, 0, tzinfo=SHANGHAI)
    assert from_us(found.ended_us) == datetime(2026, 3, 2, 8, 30, tzinfo=SHANGHAI)
    assert (found.manifest, found.sequence) == (closed.manifest, 1)
    assert (found.rival_id, found.clause, found.is_assembled) == (None, None, False)


def test_acts_of_each_person_are_their_own_newest_first(town: Town) -> None:
    accounts = town.settle("abc")
    town.take(
        metro("a1", "a", 1_000, hour=8),
        metro("a2", "a", 2_000, hour=18),
        metro("b1", "b", 3_000),
        metro("a3", "a", 4_000, day=NEXT),
    )
    town.close()
    town.close(NEXT)

    mine = acts_of(accounts["a"], BOTH, town.places)

    assert [one.measures["distance_m"] for one in mine] == [4_000, 2_000, 1_000]
    assert [one.measures["distance_m"] for one in acts_of(accounts["b"], BOTH, town.places)] == [3_000]
    assert acts_of(accounts["c"], BOTH, town.places) == []


def test_another_persons_act_is_unknown_as_one_that_is_not_there(town: Town) -> None:
    accounts = town.settle("ab")
    town.take(metro("a1", "a", 1_000), metro("b1", "b", 3_000))
    town.close()
    (mine,) = acts_of(accounts["a"], BOTH, town.places)

    assert act_of(accounts["a"], mine.record_id, town.places) == mine
    for account, record in ((accounts["b"], mine.record_id), (accounts["a"], 1), (accounts["a"], 2**63 - 1)):
        with pytest.raises(UnknownAct):
            act_of(account, record, town.places)
    for absurd in (0, -1, 2**63, 10**30):
        with pytest.raises(UnknownAct):
            act_of(accounts["a"], absurd, town.places)


def test_a_record_that_waits_for_its_close_is_no_act_yet(town: Town) -> None:
    account = town.settle("a")["a"]
    town.take(metro("m1", "a", 1_000))

    assert acts_of(account, BOTH, town.places) == []

    town.close()
    assert len(acts_of(account, BOTH, town.places)) == 1


def test_what_no_grant_lets_through_names_nobody(town: Town) -> None:
    account = town.settle("a")["a"]
    (grant,) = _grants(account)
    withdraw(grant, at=TAKEN_AT - timedelta(hours=1), method="test")
    town.take(metro("m1", "a", 1_000))
    answer = town.close()

    assert answer.outcomes == {"withdrawn": 1}
    assert acts_of(account, BOTH, town.places) == []


def test_the_close_that_stands_counts_after_a_correction(town: Town) -> None:
    account = town.settle("a")["a"]
    town.take(metro("m1", "a", 1_000))
    town.close()
    town.take(metro("m1", "a", 3_000, revision=1))
    town.close(at=TAKEN_AT + timedelta(hours=1))

    (found,) = acts_of(account, BOTH, town.places)

    assert (found.credited_mg, found.sequence) == (140_100, 2)


def test_acts_of_somebody_who_was_linked_late_are_found(town: Town) -> None:
    accounts = town.settle("a")
    town.take(metro("m1", "late", 1_000), metro("m2", "a", 2_000))
    town.close()
    link.link_many("town", [("late", accounts["a"])], at=TAKEN_AT)
    assert len(acts_of(accounts["a"], BOTH, town.places)) == 1

    town.close(at=TAKEN_AT + timedelta(hours=1))

    found = acts_of(accounts["a"], BOTH, town.places)
    assert sorted(one.measures["distance_m"] for one in found) == [1_000, 2_000]
    late = next(one for one in found if one.measures["distance_m"] == 1_000)
    assert act_of(accounts["a"], late.record_id, town.places) == late


def test_a_rival_a_cap_and_what_is_not_avoided_are_told(town: Town) -> None:
    account = town.settle("a")["a"]
    town.take(
        *(ride(hour, 25_000) for hour in (8, 10, 12)),
        metro("m1", "a", 9_000, hour=12),
    )
    town.close()

    found = {one.measures["distance_m"]: one for one in acts_of(account, BOTH, town.places)}
    rides = [one for one in acts_of(account, BOTH, town.places) if one.kind == "bike_trip"]

    # 25 km are 1,217,500 mg; two of them leave 487,000 mg of 2,922,000 for the third ride of the day.
    assert [one.credited_mg for one in rides] == [487_000, 1_217_500, 1_217_500]
    assert (rides[0].outcome, rides[0].above_cap_mg) == (Outcome.capped, 730_500)
    assert (found[9_000].outcome, found[9_000].rival_id) == (Outcome.overlapping, rides[0].record_id)


def test_a_page_has_ten_closed_days_and_says_where_to_go_on(town: Town) -> None:
    account = town.settle("a")["a"]
    days = [date(2026, 2, 20) + timedelta(days=number) for number in range(12)]
    town.take(*(metro(f"m{day}", "a", 1_000, day=day) for day in days))
    for day in days:
        town.close(day)

    first = page_of(account, town.places)
    assert first.earlier is not None
    second = page_of(account, town.places, before=first.earlier)

    assert [one.day for one in first.acts] == days[:1:-1]
    assert first.earlier == days[2]
    assert ([one.day for one in second.acts], second.earlier) == (days[1::-1], None)
    assert closed_months() == [date(2026, 3, 1), date(2026, 2, 1)]
    of_march = page_of(account, town.places, first=date(2026, 3, 1))
    assert [one.day for one in of_march.acts] == [date(2026, 3, 3), date(2026, 3, 2), date(2026, 3, 1)]


def test_days_on_which_nothing_is_kept_do_not_fill_a_page(town: Town) -> None:
    account = town.settle("a")["a"]
    days = [date(2026, 2, 10) + timedelta(days=number) for number in range(15)]
    town.take(
        act("second_hand_sale", "s", "a", day=days[0], product=1, pieces=1),
        *(metro(f"m{day}", "a", 1_000, day=day) for day in days[1:]),
    )
    for day in days:
        town.close(day)

    page = page_of(account, town.places, keep=lambda one: one.kind == "second_hand_sale")

    assert [(one.day, one.credited_mg) for one in page.acts] == [(days[0], PHONE_MG)]
    assert page.earlier is None


def test_a_month_takes_a_handful_of_queries_however_many_days_it_has(town: Town) -> None:
    account = town.settle("a")["a"]
    days = [date(2026, 2, 10) + timedelta(days=number) for number in range(15)]
    town.take(*(metro(f"m{day}", "a", 1_000, day=day) for day in days))
    for day in days:
        town.close(day)

    with CaptureQueriesContext(connection) as first:
        assert len(acts_of(account, days, town.places)) == 15
    with CaptureQueriesContext(connection) as again:
        acts_of(account, days, town.places)

    assert (len(first), len(again)) == (3, 2)


def test_a_file_that_is_gone_is_refused_with_its_digest(town: Town) -> None:
    account = town.settle("a")["a"]
    town.take(metro("m1", "a", 1_000))
    town.close()
    for path in (town.places.lake / "closes").rglob("*.parquet"):
        path.unlink()

    with pytest.raises(FileMissing):
        acts_of(account, BOTH, town.places)


def _grants(account: int) -> list[int]:
    from tanpuhui.consent.show import grants_of

    return [grant.pk for grant in grants_of(account)]
