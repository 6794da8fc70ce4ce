"""Four eyes: another person agrees to exactly this, and it is done once."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from access.people import AT, LATER, user
from consent.people import in_parallel
from tanpuhui.access import approve
from tanpuhui.access.models import Approval, User
from tanpuhui.access.refusals import (
    AlreadyDecided,
    AlreadyUsed,
    ApprovalLapsed,
    NotApproved,
    ReasonMissing,
    SamePerson,
    UnknownApproval,
)

ARGUMENTS = {"lot": "DEMO-1", "tonnes": 7}


def asked(by: User | None = None) -> Approval:
    return approve.ask("cancel_lot", ARGUMENTS, reason="counted twice", by=by or user(), at=AT)


@pytest.mark.django_db
def test_what_a_second_person_agreed_to_is_done_once() -> None:
    approval, second = asked(), user()
    approve.decide(approval.pk, yes=True, reason="seen", by=second, at=LATER)

    used = approve.use(approval.pk, "cancel_lot", {"tonnes": 7, "lot": "DEMO-1"}, at=LATER)

    assert used.used_at == LATER
    with pytest.raises(AlreadyUsed):
        approve.use(approval.pk, "cancel_lot", ARGUMENTS, at=LATER)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("freeze_lot", ARGUMENTS),
        ("cancel_lot", {"lot": "DEMO-1", "tonnes": 8}),
        ("cancel_lot", {"lot": "DEMO-1"}),
        ("cancel_lot", {**ARGUMENTS, "silent": True}),
    ],
)
def test_anything_but_exactly_what_was_agreed_to_is_refused(verb: str, arguments: dict[str, object]) -> None:
    approval = asked()
    approve.decide(approval.pk, yes=True, reason="seen", by=user(), at=LATER)

    with pytest.raises(NotApproved):
        approve.use(approval.pk, verb, arguments, at=LATER)


@pytest.mark.django_db
def test_before_a_decision_and_after_a_no_it_is_not_done() -> None:
    approval = asked()

    with pytest.raises(NotApproved):
        approve.use(approval.pk, "cancel_lot", ARGUMENTS, at=LATER)
    approve.decide(approval.pk, yes=False, reason="it was not", by=user(), at=LATER)
    with pytest.raises(NotApproved):
        approve.use(approval.pk, "cancel_lot", ARGUMENTS, at=LATER)


@pytest.mark.django_db
def test_nobody_decides_about_their_own_question_not_even_past_the_verb() -> None:
    first = user()
    approval = asked(first)

    with pytest.raises(SamePerson):
        approve.decide(approval.pk, yes=True, reason="me", by=first, at=LATER)
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.filter(pk=approval.pk).update(
            decided_by=first, decided_at=LATER, decision="yes", decision_reason="me"
        )


@pytest.mark.django_db
def test_a_decision_stands() -> None:
    approval, second = asked(), user()
    approve.decide(approval.pk, yes=False, reason="no", by=second, at=LATER)

    assert approve.decide(approval.pk, yes=False, reason="no", by=second, at=LATER).decision == "no"
    with pytest.raises(AlreadyDecided):
        approve.decide(approval.pk, yes=True, reason="yes", by=second, at=LATER)
    with pytest.raises(AlreadyDecided):
        approve.decide(approval.pk, yes=False, reason="no", by=user(), at=LATER)
    with pytest.raises(ProgrammingError, match="decided once"), transaction.atomic():
        Approval.objects.filter(pk=approval.pk).update(decision="yes")
    with pytest.raises(ProgrammingError, match="decided once"), transaction.atomic():
        Approval.objects.filter(pk=approval.pk).update(arguments={})


@pytest.mark.django_db
def test_a_question_and_a_yes_end_after_three_days() -> None:
    approval, late = asked(), AT + timedelta(days=3)

    with pytest.raises(ApprovalLapsed):
        approve.decide(approval.pk, yes=True, reason="seen", by=user(), at=late)
    approve.decide(approval.pk, yes=True, reason="seen", by=user(), at=late - timedelta(microseconds=1))
    with pytest.raises(ApprovalLapsed):
        approve.use(approval.pk, "cancel_lot", ARGUMENTS, at=late)


@pytest.mark.django_db
def test_a_reason_is_needed_and_the_approval_must_be_there() -> None:
    with pytest.raises(ReasonMissing):
        approve.ask("cancel_lot", ARGUMENTS, reason=" ", by=user(), at=AT)
    with pytest.raises(ReasonMissing):
        approve.decide(asked().pk, yes=True, reason="", by=user(), at=AT)
    with pytest.raises(UnknownApproval):
        approve.use(uuid4(), "cancel_lot", ARGUMENTS, at=AT)


@pytest.mark.django_db(transaction=True)
def test_used_by_many_at_once_it_is_good_for_one() -> None:
    approval = asked()
    with transaction.atomic():
        approve.decide(approval.pk, yes=True, reason="seen", by=user(), at=LATER)

    def use() -> Approval:
        with transaction.atomic():
            return approve.use(approval.pk, "cancel_lot", ARGUMENTS, at=LATER)

    answers = in_parallel([use] * 6)

    assert sum(isinstance(answer, Approval) for answer in answers) == 1
    assert sum(isinstance(answer, AlreadyUsed) for answer in answers) == 5
