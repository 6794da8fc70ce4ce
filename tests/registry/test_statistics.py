"""Statistics of a small town: what standing closes credited, each person once, and releases that stay what they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from close.town import TAKEN_AT, Town, act, metro
from tanpuhui.registry.models import PrivateRelease, StatisticsRelease
from tanpuhui.registry.monthly import latest, publish, tables
from tanpuhui.registry.refusals import (
    MonthBehind,
    MonthNotOver,
    MonthUnclosed,
    PrivateOnly,
    ReleasedOtherwise,
)
from tanpuhui.registry.statistics import publish_exact

#: The first day of the month after, on which the tests' one grant is in force too.
APRIL = date(2026, 4, 1)
IN_APRIL = TAKEN_AT.replace(month=4)
#: When both months are over.
MAY = TAKEN_AT.replace(month=5)
#: 46.7 g for each of 1,000 m.
KM_MG = 46_700


def bike(source_id: str, person: str, distance_m: int, **more: Any) -> dict[str, Any]:
    return act("bike_trip", source_id, person, distance_m=distance_m, **more)


def publish_of(
    town: Town, least: int, month: str = "2026-03", at: datetime = MAY, **changes: Any
) -> StatisticsRelease:
    rules = replace(town.jurisdiction, **({"least_persons": least, "private": None} | changes))
    with transaction.atomic():
        return publish_exact(month, at=at, places=town.places, jurisdiction=rules, library=town.library)


def by(rows: list[dict[str, Any]], name: str) -> dict[str, tuple[int, int, int]]:
    return {row[name]: (row["acts"], row["persons"], row["credited_mg"]) for row in rows}


def test_a_person_counts_once_however_many_acts_they_made_and_milligrams_are_those_of_the_closes(
    town: Town,
) -> None:
    town.settle("abc")
    town.take(
        metro("1", "a", 1_000),
        metro("2", "a", 2_000, hour=12),
        metro("3", "b", 1_000),
        metro("4", "c", 1_000),
    )
    town.close()

    body = publish_of(town, 3).body

    assert body["totals"] == {"acts": 4, "persons": 3, "credited_mg": 5 * KM_MG}
    assert by(body["kinds"], "kind") == {"metro_trip": (4, 3, 5 * KM_MG)}
    assert body["kinds"][0]["sector"] == "transport"
    assert body["month"] == "2026-03"


def test_fewer_persons_than_the_least_are_not_told_of_at_all(town: Town) -> None:
    town.settle("ab")
    town.take(metro("1", "a", 1_000), metro("2", "b", 1_000))
    town.close()

    body = publish_of(town, 3).body

    assert (body["totals"], body["kinds"], body["other"]) == (None, [], [])


def test_a_kind_of_few_persons_is_told_of_together_with_another_one(town: Town) -> None:
    town.settle("abcd")
    town.take(*[metro(f"m{person}", person, 1_000) for person in "abcd"], bike("b1", "a", 1_000, hour=12))
    town.close()

    body = publish_of(town, 3).body

    assert [row["kind"] for row in body["kinds"]] == ["other"]
    assert body["other"] == ["bike_trip", "metro_trip"]
    assert body["totals"]["acts"] == 5


def test_two_months_put_together_tell_of_no_fewer_persons_than_one(town: Town) -> None:
    """Totals of kinds over all months would: the one ride of April is in them, and its month's table hides it."""
    town.settle("abcdef")
    town.take(
        *[metro(f"m{person}", person, 1_000) for person in "abcdef"],
        *[bike(f"b{person}", person, 1_000, hour=12) for person in "abcdef"],
    )
    town.take(
        *[metro(f"n{person}", person, 1_000, day=APRIL) for person in "abcdef"],
        bike("n1", "a", 1_000, day=APRIL, hour=12),
        at=IN_APRIL,
    )
    town.close()
    town.close(APRIL, at=IN_APRIL)

    march, april = publish_of(town, 3), publish_of(town, 3, "2026-04")

    assert {kind: acts for kind, (acts, *_) in by(march.body["kinds"], "kind").items()} == {
        "bike_trip": 6,
        "metro_trip": 6,
    }
    assert by(april.body["kinds"], "kind")["other"][:2] == (7, 6)
    assert [table.month for table in tables()] == ["2026-04", "2026-03"]
    assert [row.kind for row in tables()[0].rows] == ["other"]


def test_a_month_is_released_once_and_stays_as_it_was_whatever_comes_later(town: Town) -> None:
    town.settle("abc")
    town.take(*[metro(person, person, 1_000) for person in "abc"])
    town.close()
    first = publish_of(town, 3)
    town.take(metro("a", "a", 2_000, revision=1))
    town.close()

    again = publish_of(town, 3)

    assert (again.pk, again.body["totals"]["credited_mg"]) == (first.pk, 3 * KM_MG)
    with pytest.raises(IntegrityError), transaction.atomic():
        StatisticsRelease.objects.create(
            month="2026-03", digest="d", body={"month": "2026-03"}, published_at=MAY
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        StatisticsRelease.objects.create(
            month="2026-13", digest="d", body={"month": "2026-13"}, published_at=MAY
        )


def test_a_month_that_is_not_over_or_not_closed_is_not_released(town: Town) -> None:
    town.settle("abc")
    town.take(*[metro(person, person, 1_000) for person in "abc"])

    with pytest.raises(MonthNotOver):
        publish_of(town, 3, at=TAKEN_AT)
    with pytest.raises(MonthUnclosed) as refused:
        publish_of(town, 3)
    assert (refused.value.facts["count"], refused.value.facts["days"]) == (1, "2026-03-02")
    town.close()
    town.take(metro("before", "a", 1_000, day=date(2026, 3, 1)))
    town.close()
    assert publish_of(town, 3).month == "2026-03", (
        "the first of March is history: the town began on the second"
    )
    town.take(metro("april", "b", 1_000, day=APRIL), at=IN_APRIL)
    with pytest.raises(MonthUnclosed):
        publish_of(town, 3, "2026-04")


def test_a_month_is_not_released_while_a_day_of_it_is_due_again_or_after_a_month_without_closes(
    town: Town,
) -> None:
    town.settle("abc")
    town.take(*[metro(person, person, 1_000) for person in "abc"])
    town.close()
    town.take(metro("late", "a", 2_000, hour=12))

    with pytest.raises(MonthBehind) as refused:
        publish_of(town, 3)
    assert refused.value.facts == {"month": "2026-03", "count": 1, "days": "2026-03-02"}
    town.close()
    assert publish_of(town, 3).body["totals"]["credited_mg"] == 5 * KM_MG

    # April has nothing; of May the second is closed and the first is not: the platform began in March all the same.
    may = date(2026, 5, 2)
    for day in (may, may.replace(day=1)):
        town.take(metro(f"{day}", "a", 1_000, day=day), at=TAKEN_AT.replace(month=5))
    town.close(may, at=TAKEN_AT.replace(month=5))
    with pytest.raises(MonthUnclosed) as unclosed:
        publish_of(town, 3, "2026-05", at=TAKEN_AT.replace(month=6))
    assert unclosed.value.facts["days"] == "2026-05-01"


@pytest.mark.parametrize("kinds", [True, False])
def test_a_month_that_came_with_noise_is_not_released_exactly_when_the_rules_change(
    town: Town, kinds: bool
) -> None:
    body = {"month": "2026-03", "epsilon_millionths": 1} | ({"kinds": {}} if kinds else {})
    PrivateRelease.objects.create(
        month="2026-03", year=2026, epsilon=1, limit_epsilon=1, digest="d1", body=body, published_at=MAY
    )

    with pytest.raises(ReleasedOtherwise) as refused:
        publish_of(town, 3)
    assert refused.value.facts == {"month": "2026-03", "digest": "d1"}


def test_a_month_that_an_older_release_of_all_months_was_of_too_is_not_released_again(town: Town) -> None:
    """They could be subtracted from each other. It said from which day through which, and one from before that not."""
    older: list[tuple[dict[str, Any], list[str], list[str]]] = [
        (
            {"first_day": "2026-02-27", "last_day": "2026-03-02"},
            ["2026-02", "2026-03"],
            ["2026-01", "2026-04"],
        ),
        ({"first_day": None, "last_day": None}, [], ["2026-02", "2026-03"]),
        ({}, ["2026-01", "2026-03"], ["2026-04"]),
    ]
    for body, covered, free in older:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            StatisticsRelease.objects.create(digest="old", body=body, published_at=TAKEN_AT)
            cursor.execute("SET LOCAL session_replication_role = origin")
            for month in covered:
                with pytest.raises(ReleasedOtherwise):
                    publish_of(town, 3, month)
            for month in free:
                assert publish_of(town, 3, month).month == month
            transaction.set_rollback(True)


def test_where_statistics_come_with_noise_exact_ones_are_refused_by_name(town: Town) -> None:
    with pytest.raises(PrivateOnly) as refused:
        publish_of(town, 3, private=town.jurisdiction.private)

    assert "tanpuhui statistics publish 2026-03" in str(refused.value)
    assert not StatisticsRelease.objects.exists()


def test_a_month_released_exactly_is_not_released_with_noise_as_well(town: Town) -> None:
    first = publish_of(town, 3)

    with transaction.atomic():
        table = publish(
            "2026-03",
            at=MAY,
            places=town.places,
            jurisdiction=town.jurisdiction,
            library=town.library,
        )

    assert (table.noisy, table.digest) == (False, first.digest)
    assert latest() == table


def test_an_empty_installation_publishes_that_there_is_nothing(town: Town) -> None:
    body = publish_of(town, 10).body

    assert (body["totals"], body["kinds"]) == (None, [])


def test_a_release_is_never_changed(town: Town) -> None:
    release = publish_of(town, 10)

    with pytest.raises(DatabaseError), transaction.atomic():
        StatisticsRelease.objects.filter(pk=release.pk).update(body={})
