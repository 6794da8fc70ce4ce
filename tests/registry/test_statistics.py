"""Statistics of a small town: what standing closes credited, each person once, and releases that stay what they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from close.town import TAKEN_AT, Town, act, metro
from tanpuhui.registry.models import StatisticsRelease
from tanpuhui.registry.statistics import latest, publish

#: The first day of the month after, on which the tests' one grant is in force too.
APRIL = date(2026, 4, 1)
IN_APRIL = TAKEN_AT.replace(month=4)
#: 46.7 g for each of 1,000 m.
KM_MG = 46_700


def bike(source_id: str, person: str, distance_m: int, **more: Any) -> dict[str, Any]:
    return act("bike_trip", source_id, person, distance_m=distance_m, **more)


def publish_of(town: Town, least: int) -> StatisticsRelease:
    with transaction.atomic():
        return publish(
            at=TAKEN_AT,
            places=town.places,
            jurisdiction=replace(town.jurisdiction, least_persons=least),
            library=town.library,
        )


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
    assert by(body["months"], "month") == {"2026-03": (4, 3, 5 * KM_MG)}
    assert body["sectors"] == [{"sector": "transport", "acts": 4, "credited_mg": 5 * KM_MG}]
    assert (body["first_day"], body["last_day"], body["days"]) == ("2026-03-02", "2026-03-02", 1)


def test_fewer_persons_than_the_least_are_not_told_of_at_all(town: Town) -> None:
    town.settle("ab")
    town.take(metro("1", "a", 1_000), metro("2", "b", 1_000))
    town.close()

    body = publish_of(town, 3).body

    assert (body["totals"], body["kinds"], body["months"], body["cells"]) == (None, [], [], [])
    assert body["records"] == 2


def test_a_kind_of_few_persons_is_told_of_together_with_another_one(town: Town) -> None:
    town.settle("abcd")
    town.take(*[metro(f"m{person}", person, 1_000) for person in "abcd"], bike("b1", "a", 1_000, hour=12))
    town.close()

    body = publish_of(town, 3).body

    assert [row["kind"] for row in body["kinds"]] == ["other"]
    assert body["other"] == ["bike_trip", "metro_trip"]
    assert body["totals"]["acts"] == 5


def test_a_cell_of_few_persons_is_left_out_and_others_with_it(town: Town) -> None:
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

    body = publish_of(town, 3).body
    left_out = {(cell["kind"], cell["month"]) for cell in body["cells"] if cell["left_out"]}

    kinds, months = ("bike_trip", "metro_trip"), ("2026-03", "2026-04")
    assert left_out == {(kind, month) for kind in kinds for month in months}
    assert all(cell["acts"] is None and cell["credited_mg"] is None for cell in body["cells"])
    assert by(body["kinds"], "kind")["bike_trip"][:2] == (7, 6)
    assert by(body["months"], "month")["2026-04"][:2] == (7, 6)


def test_what_was_taken_back_is_in_the_next_release_and_the_first_stays_as_it_was(town: Town) -> None:
    town.settle("abc")
    town.take(*[metro(person, person, 1_000) for person in "abc"])
    town.close()
    first = publish_of(town, 3)
    town.take(metro("a", "a", 2_000, revision=1))
    town.close()

    second = publish_of(town, 3)

    assert second.body["totals"]["credited_mg"] == 4 * KM_MG
    assert StatisticsRelease.objects.get(pk=first.pk).body["totals"]["credited_mg"] == 3 * KM_MG
    assert latest() == second


def test_the_same_again_is_the_same_release(town: Town) -> None:
    town.settle("abc")
    town.take(*[metro(person, person, 1_000) for person in "abc"])
    town.close()

    first, again = publish_of(town, 3), publish_of(town, 3)

    assert first == again
    assert StatisticsRelease.objects.count() == 1


def test_an_empty_installation_publishes_that_there_is_nothing(town: Town) -> None:
    body = publish_of(town, 10).body

    assert (body["totals"], body["days"], body["first_day"], body["records"]) == (None, 0, None, 0)


def test_a_release_is_never_changed(town: Town) -> None:
    release = publish_of(town, 10)

    with pytest.raises(DatabaseError), transaction.atomic():
        StatisticsRelease.objects.filter(pk=release.pk).update(body={})
