"""Due: days that were never closed, and days whose close has not seen all evidence."""

from __future__ import annotations

from datetime import datetime

import pytest

from close.town import DAY, SHANGHAI, TAKEN_AT, Town, metro
from tanpuhui.close.due import Due, due

pytestmark = pytest.mark.django_db(transaction=True)
LATER = datetime(2026, 3, 12, tzinfo=SHANGHAI)


def test_a_day_is_due_until_a_close_has_seen_all_of_it(town: Town) -> None:
    town.settle("a")
    town.take(metro("1", "a", 1_000))

    assert due(LATER, "Asia/Shanghai") == [Due(DAY, "never_closed")]

    town.close()

    assert due(LATER, "Asia/Shanghai") == []

    town.take(metro("1", "a", 1_000, revision=1, action="retract"), at=TAKEN_AT)

    assert due(LATER, "Asia/Shanghai") == [Due(DAY, "new_evidence")]


def test_a_day_that_is_not_over_is_not_due(town: Town) -> None:
    town.settle("a")
    town.take(metro("1", "a", 1_000))

    assert due(datetime(2026, 3, 2, 23, 59, tzinfo=SHANGHAI), "Asia/Shanghai") == []
