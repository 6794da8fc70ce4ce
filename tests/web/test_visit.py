"""The last visit: a pause of half an hour begins another one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access.people import AT, user
from tanpuhui.web.resident.visit import last_visit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("as_the_application")]


def test_a_visit_begins_after_half_an_hour_and_remembers_the_end_of_the_one_before() -> None:
    somebody = user()
    minutes = [0, 0, 10, 39, 69, 70, 200]

    found = [last_visit(somebody, at=AT + timedelta(minutes=at)) for at in minutes]

    assert found == [
        None,
        None,
        None,
        None,
        AT + timedelta(minutes=39),
        AT + timedelta(minutes=39),
        AT + timedelta(minutes=70),
    ]


def test_visits_of_two_people_are_their_own() -> None:
    one, other = user(), user()
    last_visit(one, at=AT)
    last_visit(one, at=AT + timedelta(hours=1))

    assert last_visit(other, at=AT + timedelta(hours=2)) is None
