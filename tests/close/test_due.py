"""Due: days that were never closed, and days whose close has not seen all evidence."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from close.town import DAY, OPENED_AT, PROVIDER, SHANGHAI, TAKEN_AT, Town, metro
from tanpuhui.close.due import Due, due
from tanpuhui.consent.open_account import open_account
from tanpuhui.evidence import link

pytestmark = pytest.mark.django_db(transaction=True)
LATER = datetime(2026, 3, 12, tzinfo=SHANGHAI)


def test_a_day_is_due_until_a_close_has_seen_all_of_it(town: Town) -> None:
    town.settle("a")
    town.take(metro("1", "a", 1_000))

    assert due(LATER, "Asia/Shanghai", town.places) == [Due(DAY, "never_closed")]

    town.close()

    assert due(LATER, "Asia/Shanghai", town.places) == []

    town.take(metro("1", "a", 1_000, revision=1, action="retract"), at=TAKEN_AT)

    assert due(LATER, "Asia/Shanghai", town.places) == [Due(DAY, "new_evidence")]


def test_a_day_that_is_not_over_is_not_due(town: Town) -> None:
    town.settle("a")
    town.take(metro("1", "a", 1_000))

    assert due(datetime(2026, 3, 2, 23, 59, tzinfo=SHANGHAI), "Asia/Shanghai", town.places) == []


def test_a_correction_makes_due_the_days_that_it_changes_and_no_other(town: Town) -> None:
    """The act moves from the first day to the third; the second and fourth have nothing to do with it."""
    town.contract(raw=False)
    town.settle("a")
    days = [DAY + timedelta(days=number) for number in range(4)]
    town.take(*(metro(str(number), "a", 1_000, day=day) for number, day in enumerate(days)))
    for day in days:
        town.close(day)

    town.take(metro("0", "a", 1_000, day=days[2], hour=20, revision=1))

    assert [each.day for each in due(LATER, "Asia/Shanghai", town.places)] == [days[0], days[2]]
    assert town.close(days[0]).credited_mg == 0
    assert town.close(days[2]).credited_mg == 2 * 46_700
    assert [each.reason for each in due(LATER, "Asia/Shanghai", town.places)] == ["earlier_day_changed"] * 2
    for day in days:
        town.close(day)
    assert due(LATER, "Asia/Shanghai", town.places) == []


def test_a_report_that_comes_after_its_own_retraction_is_retracted(town: Town) -> None:
    town.contract(raw=False)
    town.settle("a")
    later = DAY + timedelta(days=2)
    town.take(metro("1", "a", 1_000, day=later, revision=1, action="retract"))
    town.take(metro("1", "a", 1_000))

    assert town.close().outcomes == {"retracted": 1}
    assert town.close(later).outcomes == {"retraction": 1}


def test_a_day_is_due_when_somebody_unknown_is_linked(town: Town) -> None:
    town.contract(raw=False)
    account = open_account(at=OPENED_AT)
    town.give(account)
    town.take(metro("1", "a", 1_000))
    town.close()
    assert due(LATER, "Asia/Shanghai", town.places) == []

    link.link_many(PROVIDER, [("a", account)], at=TAKEN_AT + timedelta(hours=1))

    assert due(LATER, "Asia/Shanghai", town.places) == [Due(DAY, "people_linked")]
    assert town.close(at=TAKEN_AT + timedelta(hours=2)).credited_mg == 46_700
    assert due(LATER, "Asia/Shanghai", town.places) == []
