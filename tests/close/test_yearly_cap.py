"""Caps of a year: whatever the order in which days are closed, nobody gets more than the year allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest

from close.town import PHONE_MG, Town, act, pending_mg
from tanpuhui.close import evidence_of, yearly
from tanpuhui.close.yearly import without_versions
from tanpuhui.quantify.rules import rules_of

FIRST, SECOND = date(2026, 1, 5), date(2026, 3, 2)


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
    rules = rules_of(SECOND, town.jurisdiction, town.library, evidence_of.reporters())
    (day,) = yearly.other_days(SECOND, rules)
    before_the_cap = replace(day, yearly={"codes": [], "credits": ""})

    known, unknown = (yearly.prior([one], rules, town.places).to_pylist() for one in (day, before_the_cap))

    assert known == unknown
    assert [row["year_mg"] for row in known] == [2 * PHONE_MG]
