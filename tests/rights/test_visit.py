"""A visit at a counter: half an hour, of one clerk, for a reason."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from access.people import AT
from tanpuhui.rights.models import Visit
from tanpuhui.rights.refusals import ReasonMissing, VisitOver
from tanpuhui.rights.visit import LASTS, end_visit, open_visit, present_visit

pytestmark = pytest.mark.django_db
CLERK = uuid4()
HERE = {"clerk": CLERK, "organisation": "centre"}


def begun() -> Visit:
    return open_visit(7, **HERE, document=Visit.PASSPORT, reason="A statement", at=AT)


def test_a_visit_is_there_for_its_clerk_until_half_an_hour_has_passed() -> None:
    visit = begun()

    assert present_visit(visit.pk, **HERE, at=AT + LASTS - timedelta(microseconds=1)) == visit
    with pytest.raises(VisitOver):
        present_visit(visit.pk, **HERE, at=AT + LASTS)


@pytest.mark.parametrize(
    "who", [{"clerk": uuid4(), "organisation": "centre"}, {"clerk": CLERK, "organisation": "other"}]
)
def test_another_clerk_or_counter_has_no_part_in_it(who: dict[str, object]) -> None:
    visit = begun()

    with pytest.raises(VisitOver):
        present_visit(visit.pk, **who, at=AT)  # type: ignore[arg-type]


def test_a_visit_ends_once_and_stays_ended() -> None:
    visit = begun()

    end_visit(visit.pk, at=AT + timedelta(minutes=1))
    end_visit(visit.pk, at=AT + timedelta(minutes=2))

    with pytest.raises(VisitOver):
        present_visit(visit.pk, **HERE, at=AT + timedelta(minutes=3))
    assert Visit.objects.get().ended_at == AT + timedelta(minutes=1)
    with pytest.raises(DatabaseError), transaction.atomic():
        Visit.objects.update(account=8)


def test_a_visit_has_a_reason() -> None:
    with pytest.raises(ReasonMissing):
        open_visit(7, **HERE, document=Visit.PASSPORT, reason=" ", at=AT)
