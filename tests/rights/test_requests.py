"""Requests about one's own record: a deadline, one of a kind at a time, answers with reasons, and one way only."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from access.people import AT, LATER
from consent.people import in_parallel
from tanpuhui.kit.refusal import Refusal
from tanpuhui.rights import answer
from tanpuhui.rights.ask import MOST_CHARACTERS, ask
from tanpuhui.rights.deadline import due_on
from tanpuhui.rights.models import Request, RequestStep
from tanpuhui.rights.refusals import AlreadyAsked, ReasonsMissing, StepImpossible, WordsMissing
from tanpuhui.rights.show import requests_of, shown, waiting
from tanpuhui.rights.state import State

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kind", "made_on", "due"),
    [
        ("correction", date(2026, 3, 2), date(2026, 4, 1)),
        ("restriction", date(2026, 1, 31), date(2026, 3, 2)),
        # Monday 2 March and fifteen working days: three weeks later, Monday 23 March.
        ("erasure", date(2026, 3, 2), date(2026, 3, 23)),
        # Saturday 7 March: the first working day after it is Monday 9 March, the fifteenth Friday 27 March.
        ("erasure", date(2026, 3, 7), date(2026, 3, 27)),
    ],
)
def test_a_request_has_its_deadline(kind: str, made_on: date, due: date) -> None:
    assert due_on(kind, made_on) == due


def test_the_same_words_sent_twice_are_one_request_and_other_words_wait_for_the_answer() -> None:
    first = ask(7, Request.CORRECTION, " My birth date is wrong. ", at=AT)

    assert ask(7, Request.CORRECTION, "My birth date is wrong.", at=LATER) == first
    with pytest.raises(AlreadyAsked):
        ask(7, Request.CORRECTION, "Something else.", at=LATER)
    assert ask(7, Request.ERASURE, "My birth date.", at=LATER).due_on == date(2026, 3, 23)
    assert ask(8, Request.CORRECTION, "Mine too.", at=LATER).pk != first.pk


@pytest.mark.parametrize("words", ["", "  \n ", "x" * (MOST_CHARACTERS + 1)])
def test_a_request_has_words_and_not_too_many(words: str) -> None:
    with pytest.raises(WordsMissing):
        ask(7, Request.CORRECTION, words, at=AT)

    assert ask(7, Request.CORRECTION, "x" * MOST_CHARACTERS, at=AT).words


def test_a_request_is_answered_once_and_a_no_has_reasons() -> None:
    request = ask(7, Request.ERASURE, "Everything.", at=AT)
    answer.take_in_hand(request.pk, at=LATER)

    with pytest.raises(ReasonsMissing):
        answer.refuse(request.pk, " ", at=LATER)
    answer.refuse(request.pk, "The ledger is kept for ten years by law.", at=LATER)
    for verb in (answer.take_back, answer.take_in_hand):
        with pytest.raises(StepImpossible):
            verb(request.pk, at=LATER)
    standing = shown(request.pk)
    assert (standing.state, standing.words) == (State.REFUSED, "The ledger is kept for ten years by law.")
    assert [step.state for step in request.steps.order_by("seq")] == ["received", "in_hand", "refused"]
    assert not waiting()


def test_what_waits_longest_is_answered_first_and_lateness_is_seen() -> None:
    ask(1, Request.CORRECTION, "a", at=AT)
    ask(2, Request.ERASURE, "b", at=AT)

    assert [(one.request.account, one.request.due_on) for one in waiting()] == [
        (2, date(2026, 3, 23)),
        (1, date(2026, 4, 1)),
    ]
    late = waiting()[0]
    assert not late.is_late(date(2026, 3, 23))
    assert late.is_late(date(2026, 3, 24))
    assert [one.request.words for one in requests_of(1)] == ["a"]


@pytest.mark.parametrize(
    "order",
    [
        "UPDATE rights_request SET words = 'x'",
        "DELETE FROM rights_request",
        "DELETE FROM rights_request_step",
        "TRUNCATE rights_request CASCADE",
        "INSERT INTO rights_request_step (request_id, seq, state, at, by, words) "
        "SELECT id, 2, 'received', made_at, 'resident', '' FROM rights_request",
        "INSERT INTO rights_request_step (request_id, seq, state, at, by, words) "
        "SELECT id, 2, 'refused', made_at, 'operator', ' ' FROM rights_request",
    ],
)
def test_no_role_changes_what_was_asked_or_answered(order: str) -> None:
    ask(7, Request.CORRECTION, "a", at=AT)

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(order)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_ask_or_answer_at_once_one_does() -> None:
    def asked() -> object:
        with transaction.atomic():
            return ask(7, Request.CORRECTION, "a", at=AT)

    made = in_parallel([asked] * 4)
    (request,) = set(made)

    def answered() -> object:
        with transaction.atomic():
            return answer.done(request.pk, "done", at=AT + timedelta(days=1))

    results = in_parallel([answered] * 4)
    assert sum(isinstance(one, RequestStep) for one in results) == 1
    assert sum(isinstance(one, Refusal) for one in results) == 3
