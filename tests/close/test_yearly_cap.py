"""Caps of a year: whatever the order in which days are closed, nobody gets more than the year allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from close.town import PHONE_MG, SHANGHAI, Town, act, manifest, metro, pending_mg
from tanpuhui.close import evidence_of, yearly
from tanpuhui.close.due import Due, due
from tanpuhui.close.replay import replay
from tanpuhui.close.yearly import without_versions
from tanpuhui.quantify.rules import rules_of

FIRST, SECOND = date(2026, 1, 5), date(2026, 3, 2)
NOW = datetime(2026, 3, 12, tzinfo=SHANGHAI)
#: 73 kg * 79 % * 90 % = 51.903 kg apiece, and three pieces a year.
YEAR_MG = 155_709_000


def phones(source_id: str, person: str, day: date, pieces: int, **more: Any) -> dict[str, Any]:
    return act("second_hand_sale", source_id, person, day=day, pieces=pieces, **more)


def taken_back(source_id: str, person: str, day: date) -> dict[str, Any]:
    return act("second_hand_sale", source_id, person, day=day, revision=1, action="retract")


def due_now(town: Town) -> list[Due]:
    return due(NOW, "Asia/Shanghai", town.places)


@pytest.mark.parametrize("order", [(FIRST, SECOND), (SECOND, FIRST)])
def test_the_cap_holds_in_either_order_of_closing(town: Town, order: tuple[date, date]) -> None:
    people = town.settle("ab")
    for day in (FIRST, SECOND):
        town.take(*(act("second_hand_sale", f"{day}-{n}", "a", day=day, hour=8 + n) for n in range(2)))

    first, second = (town.close(day) for day in order)

    assert (first.credited_mg, second.credited_mg) == (2 * PHONE_MG, PHONE_MG)
    assert second.outcomes == {"capped": 1, "credited": 1}
    assert (pending_mg(people["a"]), pending_mg(people["b"])) == (3 * PHONE_MG, 0)


def test_what_a_retraction_frees_is_credited_when_the_other_day_is_closed_again(town: Town) -> None:
    people = town.settle("a")
    for day in (FIRST, SECOND):
        town.take(*(act("second_hand_sale", f"{day}-{n}", "a", day=day, hour=8 + n) for n in range(2)))
    town.close(FIRST)
    town.close(SECOND)

    town.take(act("second_hand_sale", f"{FIRST}-0", "a", day=FIRST, revision=1, action="retract"))
    again = town.close(FIRST)
    assert pending_mg(people["a"]) == 2 * PHONE_MG
    assert again.credited_mg == PHONE_MG

    assert town.close(SECOND).credited_mg == 2 * PHONE_MG
    assert pending_mg(people["a"]) == 3 * PHONE_MG


def test_another_year_has_a_cap_of_its_own(town: Town) -> None:
    people = town.settle("a")
    town.take(act("second_hand_sale", "big", "a", day=FIRST, pieces=4))
    town.take(act("second_hand_sale", "old", "a", day=date(2025, 12, 30), pieces=4))

    assert town.close(FIRST).credited_mg == 3 * PHONE_MG
    # The grant of this town begins with 2026: the same act of 2025 is outside of it.
    assert town.close(date(2025, 12, 30)).outcomes == {"outside_range": 1}
    assert pending_mg(people["a"]) == 3 * PHONE_MG


def test_a_new_version_of_a_methodology_goes_on_with_what_the_year_has_used() -> None:
    credits = pa.table(
        {
            "account_id": [1, 1, 2],
            "methodology": [
                "national/second-hand-goods@1",
                "national/second-hand-goods@12",
                "shenzhen/metro@2",
            ],
            "credited_mg": [1, 2, 3],
        }
    )

    names = without_versions(credits)["methodology"].to_pylist()

    assert names == ["national/second-hand-goods", "national/second-hand-goods", "shenzhen/metro"]


def test_a_cap_that_is_younger_than_a_close_counts_what_that_close_credited(town: Town) -> None:
    """As if no yearly cap had been known when the first day was closed: its small file does not name the code."""
    town.settle("a")
    town.take(act("second_hand_sale", "1", "a", day=FIRST, pieces=2))
    town.close(FIRST)
    rules = rules_of(SECOND, town.jurisdiction, town.library, evidence_of.reporters(SECOND))
    (day,) = yearly.other_days(SECOND, rules)
    before_the_cap = replace(day, yearly={"codes": [], "credits": ""})

    known, unknown = (yearly.prior([one], rules, town.places).to_pylist() for one in (day, before_the_cap))

    assert known == unknown
    assert [row["year_mg"] for row in known] == [2 * PHONE_MG]


def test_a_day_is_due_when_another_gives_back_room_that_it_lacked(town: Town) -> None:
    """Two pieces in January leave one of March's two; when one of January's is taken back, March's second counts."""
    people = town.settle("ab")
    town.take(phones("1", "a", FIRST, 1), phones("2", "a", FIRST, 1, hour=9), phones("3", "b", FIRST, 1))
    town.take(phones("4", "a", SECOND, 2))
    town.close(FIRST)
    assert town.close(SECOND).credited_mg == PHONE_MG
    assert due_now(town) == []

    town.take(taken_back("1", "a", FIRST))
    assert due_now(town) == [Due(FIRST, "new_evidence")]
    town.close(FIRST)

    assert due_now(town) == [Due(SECOND, "room_freed")]
    assert town.close(SECOND).credited_mg == 2 * PHONE_MG
    assert due_now(town) == []
    assert (pending_mg(people["a"]), pending_mg(people["b"])) == (YEAR_MG, PHONE_MG)


def test_room_that_nobody_lacked_makes_no_day_due(town: Town) -> None:
    """March's one piece was credited whole: that January has less now changes nothing for it."""
    town.settle("a")
    town.take(phones("1", "a", FIRST, 2))
    town.take(phones("2", "a", SECOND, 1))
    town.close(FIRST)
    assert town.close(SECOND).credited_mg == PHONE_MG

    town.take(taken_back("1", "a", FIRST))
    town.close(FIRST)

    assert due_now(town) == []


def test_what_is_above_the_cap_by_itself_waits_for_no_room(town: Town) -> None:
    """Five pieces on one day and nothing on others: two are lost for good, and no other day can give them room."""
    town.settle("a")
    town.take(phones("1", "a", FIRST, 5))
    answer = town.close(FIRST)

    assert answer.credited_mg == YEAR_MG
    assert manifest(answer).body["yearly"]["short_of_room"] == ""
    assert due_now(town) == []


def test_room_that_is_taken_up_again_elsewhere_makes_no_further_day_due(town: Town) -> None:
    """Three days want two pieces each; the third gets none. One piece that the first gives back goes to the second."""
    third = SECOND + timedelta(days=3)
    people = town.settle("a")
    for day in (FIRST, SECOND, third):
        town.take(phones(f"{day}-0", "a", day, 1), phones(f"{day}-1", "a", day, 1, hour=9))
    assert [town.close(day).credited_mg // PHONE_MG for day in (FIRST, SECOND, third)] == [2, 1, 0]

    town.take(taken_back(f"{FIRST}-0", "a", FIRST))
    town.close(FIRST)
    assert [each.day for each in due_now(town)] == [SECOND, third]
    assert town.close(SECOND).credited_mg == 2 * PHONE_MG

    assert due_now(town) == []
    assert pending_mg(people["a"]) == YEAR_MG


def test_two_days_with_the_same_credits_count_as_two(town: Town) -> None:
    """Their files have the same content and so are one file."""
    third = SECOND + timedelta(days=3)
    people = town.settle("a")
    for day in (FIRST, SECOND):
        town.take(phones(str(day), "a", day, 1))
    town.take(phones("3", "a", third, 2))
    for day in (FIRST, SECOND, third):
        town.close(day)
    assert pending_mg(people["a"]) == YEAR_MG
    assert due_now(town) == []

    town.take(taken_back(str(FIRST), "a", FIRST))
    town.close(FIRST)

    assert due_now(town) == [Due(third, "room_freed")]
    assert town.close(third).credited_mg == 2 * PHONE_MG


def test_a_close_says_who_lacked_room_and_a_replay_agrees(town: Town) -> None:
    people = town.settle("a")
    town.take(phones("1", "a", FIRST, 2))
    town.take(phones("2", "a", SECOND, 2))
    town.close(FIRST)
    second = manifest(town.close(SECOND))

    short = yearly.rows(
        "SELECT * FROM read_parquet(?)",
        [str(town.places.results.checked(second.body["yearly"]["short_of_room"]))],
    )

    assert short == [
        {
            "account_id": people["a"],
            "methodology": "national/second-hand-goods",
            "year_mg": 2 * PHONE_MG,
        }
    ]
    answer = replay(second, places=town.places, jurisdiction=town.jurisdiction, library=town.library)
    assert answer.agrees


def test_a_year_of_days_takes_as_many_questions_as_two_days(
    town: Town, django_assert_num_queries: Any
) -> None:
    town.settle("a")
    days = [FIRST + timedelta(days=number) for number in range(6)]
    town.take(*(phones(str(day), "a", day, 1) for day in days), metro("m", "nobody", 1_000, day=FIRST))
    for day in days[:2]:
        town.close(day)
    with django_assert_num_queries(9):
        assert [each.reason for each in due_now(town)] == ["never_closed"] * 4

    for day in days[2:]:
        town.close(day)
    with django_assert_num_queries(9):
        assert due_now(town) == []
