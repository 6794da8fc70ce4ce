"""A goal for the month, and how far one has come: from the ledger, rounded down."""

from __future__ import annotations

from datetime import date

import pytest

from access.people import AT, LATER
from community.credits import DAY, KG, credit
from tanpuhui.community.credited import Days, credited_each, credited_in_all, credited_mg
from tanpuhui.community.goal import MOST_MG, Progress, progress, set_goal
from tanpuhui.community.models import Goal
from tanpuhui.community.month import last_of
from tanpuhui.community.refusals import BadGoal

pytestmark = pytest.mark.django_db
MONTH = (date(2026, 3, 1), date(2026, 3, 31))


def test_what_counts_is_what_closes_credited_for_acts_of_the_days_less_what_was_taken_back() -> None:
    credit(7, 3 * KG)
    credit(7, -KG)
    credit(7, 5 * KG, day=date(2026, 2, 28))
    credit(7, 9 * KG, reason="gift")
    credit(8, 4 * KG)

    assert credited_mg(7, *MONTH) == 2 * KG
    assert credited_each([Days(8, *MONTH), Days(7, *MONTH), Days(9, *MONTH)]) == [4 * KG, 2 * KG, 0]
    assert credited_in_all([7, 8, 9], *MONTH) == 6 * KG
    assert credited_in_all([], *MONTH) == 0


def test_a_methodology_can_be_asked_for_alone() -> None:
    credit(7, 3 * KG)
    credit(7, 5 * KG, methodology="national/shared-bike")

    assert credited_in_all([7], *MONTH, ["national/shared-bike"]) == 5 * KG
    assert credited_each([Days(7, *MONTH)], ["shenzhen/metro", "national/shared-bike"]) == [8 * KG]


def test_progress_is_a_share_of_ones_own_goal_and_never_rounded_up() -> None:
    assert progress(7, today=DAY) is None
    set_goal(7, 3 * KG, today=DAY, at=AT)
    credit(7, 2_999_999)

    assert progress(7, today=DAY) == Progress(date(2026, 3, 1), 3 * KG, 2_999_999)
    found = progress(7, today=DAY)
    assert found
    assert (found.share_percent, found.is_reached) == (99, False)
    credit(7, 1)
    found = progress(7, today=DAY)
    assert found
    assert (found.share_percent, found.is_reached) == (100, True)


def test_the_newest_goal_of_the_month_counts_and_the_same_again_is_one() -> None:
    set_goal(7, 3 * KG, today=DAY, at=AT)
    set_goal(7, 3 * KG, today=DAY, at=LATER)
    set_goal(7, 5 * KG, today=DAY, at=LATER)

    found = progress(7, today=date(2026, 3, 31))
    assert found
    assert found.target_mg == 5 * KG
    assert Goal.objects.count() == 2
    assert progress(7, today=date(2026, 4, 1)) is None


@pytest.mark.parametrize("target_mg", [0, KG - 1, MOST_MG + 1])
def test_a_goal_is_neither_nothing_nor_beyond_anybody(target_mg: int) -> None:
    with pytest.raises(BadGoal):
        set_goal(7, target_mg, today=DAY, at=AT)

    assert set_goal(7, KG, today=DAY, at=AT)
    assert set_goal(7, MOST_MG, today=DAY, at=AT)


def test_months_end_where_they_end() -> None:
    assert [last_of(date(2026, month, 1)).day for month in (1, 2, 4, 12)] == [31, 28, 30, 31]
