"""Asking: nothing is processed before a yes, and after a no nobody is asked again for a while."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from consent.people import ACT, AT, LATER, METRO, SHANGHAI, adult, child, metro_grant
from tanpuhui.consent.ask import agree, ask, refuse, say_no
from tanpuhui.consent.close_account import close_account
from tanpuhui.consent.gate import Allowed, Reason, allows
from tanpuhui.consent.give import give
from tanpuhui.consent.models import GrantEvent
from tanpuhui.consent.policy import policy
from tanpuhui.consent.refusals import (
    AccountClosed,
    AlreadyGiven,
    AskedAfterNo,
    BackInTime,
    CannotFollow,
    GuardianMissing,
    RequestLapsed,
)
from tanpuhui.consent.withdraw import pause, resume, withdraw

pytestmark = pytest.mark.django_db

#: 180 days after 2 March 2026, 9 o'clock.
QUIET_UNTIL = datetime(2026, 8, 29, 9, 0, tzinfo=SHANGHAI)
MICROSECOND = timedelta(microseconds=1)


def states(grant: int) -> list[str]:
    return list(GrantEvent.objects.filter(grant=grant).order_by("seq").values_list("state", flat=True))


def test_what_was_asked_for_may_be_used_from_the_yes_on() -> None:
    grant = ask(adult(), METRO, at=AT, method="app")
    assert allows(grant.resident_id, "szt", "metro_trip", **ACT, at=LATER) is Reason.NO_GRANT

    agree(grant.pk, at=LATER, method="app")

    assert allows(grant.resident_id, "szt", "metro_trip", **ACT, at=LATER) == Allowed(grant.pk)
    assert states(grant.pk) == ["Requested", "ConsentGiven"]


@pytest.mark.parametrize("how", ["to the question", "unasked", "by withdrawing"])
def test_after_a_no_nobody_is_asked_the_same_within_the_quiet_days(how: str) -> None:
    account = adult()
    if how == "to the question":
        say_no(ask(account, METRO, at=AT, method="app").pk, at=AT, method="app")
    elif how == "unasked":
        refuse(account, METRO, at=AT, method="app")
    else:
        withdraw(metro_grant(account).pk, at=AT, method="app")
    assert policy().quiet_days == 180

    with pytest.raises(AskedAfterNo) as refused:
        ask(account, METRO, at=QUIET_UNTIL - MICROSECOND, method="app")

    assert refused.value.as_json()["facts"] == {
        "account": account,
        "said_no_on": "2026-03-02",
        "ask_from": "2026-08-29",
    }
    assert ask(account, METRO, at=QUIET_UNTIL, method="app")


def test_other_kinds_do_not_make_it_another_question() -> None:
    account = adult()
    refuse(account, METRO, at=AT, method="app")

    with pytest.raises(AskedAfterNo):
        ask(account, replace(METRO, kinds=("bus_trip",)), at=LATER, method="app")


def test_a_no_to_one_provider_is_no_answer_about_another_nor_of_another_person() -> None:
    account = adult()
    refuse(account, METRO, at=AT, method="app")

    assert ask(account, replace(METRO, provider="bike_app"), at=LATER, method="app")
    assert ask(account, replace(METRO, purpose="disclosure", recipient="bank"), at=LATER, method="app")
    assert ask(adult(), METRO, at=LATER, method="app")


def test_who_said_no_may_still_agree_unasked() -> None:
    account = adult()
    refuse(account, METRO, at=AT, method="app")

    assert give(account, METRO, at=LATER, method="app")


def test_an_answer_is_given_once() -> None:
    yes, no = ask(adult(), METRO, at=AT, method="app").pk, ask(adult(), METRO, at=AT, method="app").pk
    agree(yes, at=AT, method="app")
    say_no(no, at=AT, method="app")

    for grant in (yes, no):
        for answer in (agree, say_no):
            with pytest.raises(CannotFollow):
                answer(grant, at=LATER, method="app")


def test_the_answer_is_not_before_the_question() -> None:
    grant = ask(adult(), METRO, at=LATER, method="app").pk

    for answer in (agree, say_no):
        with pytest.raises(BackInTime):
            answer(grant, at=AT, method="app")


def test_nobody_is_asked_while_a_question_is_open_or_answered_with_yes() -> None:
    grant = ask(adult(), METRO, at=AT, method="app")
    with pytest.raises(AlreadyGiven):
        ask(grant.resident_id, METRO, at=LATER, method="app")
    agree(grant.pk, at=LATER, method="app")
    with pytest.raises(AlreadyGiven):
        ask(grant.resident_id, METRO, at=LATER, method="app")


def test_a_question_lapses_when_what_was_asked_for_is_over() -> None:
    grant = ask(adult(), METRO, at=AT, method="app")

    with pytest.raises(RequestLapsed):
        agree(grant.pk, at=grant.expires_at, method="app")


def test_a_question_that_lapsed_may_be_asked_again() -> None:
    grant = ask(adult(), METRO, at=AT, method="app")

    assert ask(grant.resident_id, METRO, at=grant.expires_at, method="app")


def test_whoever_left_agrees_to_nothing_and_an_open_question_counts_as_a_no() -> None:
    grant = ask(adult(), METRO, at=AT, method="app")
    close_account(grant.resident_id, at=LATER, method="app")

    assert states(grant.pk) == ["Requested", "Refused"]
    with pytest.raises((AccountClosed, CannotFollow)):
        agree(grant.pk, at=LATER, method="app")


def test_a_child_is_asked_through_its_guardian() -> None:
    account, guardian = child()

    with pytest.raises(GuardianMissing):
        ask(account, METRO, at=AT, method="app")

    assert ask(account, METRO, at=AT, method="app", guardian=guardian).guardian_id == guardian


def test_a_child_says_no_pauses_and_withdraws_alone_and_yes_only_through_its_guardian() -> None:
    account, guardian = child()
    asked = ask(account, METRO, at=AT, method="app", guardian=guardian)

    with pytest.raises(GuardianMissing):
        agree(asked.pk, at=LATER, method="app")
    assert states(asked.pk) == ["Requested"]
    agree(asked.pk, at=LATER, by="guardian", method="app")
    pause(asked.pk, at=LATER, method="app")
    with pytest.raises(GuardianMissing):
        resume(asked.pk, at=LATER, method="app")
    resume(asked.pk, at=LATER, by="guardian", method="app")
    withdraw(asked.pk, at=LATER, method="app")

    assert states(asked.pk) == ["Requested", "ConsentGiven", "Paused", "Resumed", "Withdrawn"]
