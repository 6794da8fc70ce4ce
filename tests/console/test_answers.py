"""Answers: appeals and requests of residents, from the list to what the person reads, with the audit trail."""

from __future__ import annotations

import html
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access.people import AT
from close.town import DAY, PROVIDER, Town, metro
from console.conftest import Staff, look, send
from tanpuhui.access.models import Approval, AuditEntry
from tanpuhui.close.acts import acts_of
from tanpuhui.close.reported import Wanted, reported
from tanpuhui.erasure.erase import erase
from tanpuhui.erasure.refusals import NotAgreed
from tanpuhui.integrity.appeal import Against, appeal
from tanpuhui.integrity.forget import forget
from tanpuhui.integrity.look import appeals_of
from tanpuhui.integrity.models import Appeal
from tanpuhui.kit.moment import utc_now
from tanpuhui.rights.ask import ask
from tanpuhui.rights.models import Request
from tanpuhui.rights.show import shown
from tanpuhui.rights.state import State

pytestmark = pytest.mark.django_db
WORDS = "I rode home, not to work."


def filed(account: int, town: Town, *, words: str = WORDS) -> Appeal:
    """An appeal against the first act of somebody on the town's day."""
    act = acts_of(account, [DAY], town.places)[0]
    against = Against(account, act.record_id, act.day, act.outcome.name, act.manifest)
    return appeal(against, words, at=utc_now())


# Appeals


def test_an_appeal_is_listed_with_its_act_and_its_words(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    town.close()
    made = filed(people["b"], town)

    page = look(staff.auditor, "appeals/")

    for said in (DAY.isoformat(), PROVIDER, "metro_trip", WORDS, "waits for an answer"):
        assert said in page
    assert "Nothing fits" in look(staff.auditor, "appeals/?open=False")
    assert "1 row" in look(staff.auditor, "appeals/?open=True")
    assert WORDS in look(staff.auditor, f"appeals/{made.pk}/")
    seen = AuditEntry.objects.get(verb="account.appeal_seen")
    assert (seen.object_kind, seen.object_key, seen.who) == ("account", str(people["b"]), staff.auditing)


@pytest.mark.parametrize(("decision", "says"), [("upheld", "Upheld"), ("rejected", "Rejected")])
def test_an_appeal_is_answered_once_and_the_person_reads_why(
    decision: str, says: str, staff: Staff, town: Town, people: dict[str, int]
) -> None:
    town.close()
    made = filed(people["b"], town)
    answer = send(staff.asker, f"appeals/{made.pk}/answer", decision=decision, reason="We looked.")
    assert "The answer is recorded" in answer.content.decode()

    send(staff.asker, f"appeals/{made.pk}/answer", decision=decision, reason="We looked.")
    another = send(staff.decider, f"appeals/{made.pk}/answer", decision="rejected", reason="No.")

    assert another.status_code == 422
    (read,) = appeals_of(people["b"])
    assert (read.decision, read.reason) == (decision, "We looked.")
    entry = AuditEntry.objects.get(verb="account.appeal_answered")
    assert (entry.object_kind, entry.object_key, entry.reason, entry.who) == (
        "account",
        str(people["b"]),
        "We looked.",
        staff.asking,
    )
    assert entry.facts["decision"] == decision
    page = look(staff.auditor, f"appeals/{made.pk}/")
    assert says.lower() in page.lower()
    assert f"appeals/{made.pk}/answer" not in page


@pytest.mark.parametrize("given", [{"decision": "upheld", "reason": " "}, {"decision": "", "reason": "x"},
                                   {"decision": "perhaps", "reason": "x"}])  # fmt: skip
def test_an_answer_without_a_decision_or_a_reason_is_asked_for_again(
    given: dict[str, str], staff: Staff, town: Town, people: dict[str, int]
) -> None:
    town.close()
    made = filed(people["b"], town)

    assert send(staff.asker, f"appeals/{made.pk}/answer", **given).status_code == 422
    assert appeals_of(people["b"])[0].is_open
    assert not AuditEntry.objects.filter(verb="account.appeal_answered").exists()


def test_an_auditor_is_offered_no_answer_and_cannot_send_one(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    town.close()
    made = filed(people["b"], town)

    assert f"appeals/{made.pk}/answer" in look(staff.asker, f"appeals/{made.pk}/")
    assert f"appeals/{made.pk}/answer" not in look(staff.auditor, f"appeals/{made.pk}/")
    refused = send(staff.auditor, f"appeals/{made.pk}/answer", decision="upheld", reason="x")
    assert refused.status_code == 403
    assert appeals_of(people["b"])[0].is_open


def test_words_that_went_with_the_person_are_said_to_be_removed(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    town.close()
    made = filed(people["b"], town)
    forget(people["b"])

    assert "(removed with the person)" in look(staff.auditor, "appeals/")
    assert "(removed with the person)" in look(staff.asker, f"appeals/{made.pk}/answer")


def test_what_a_person_wrote_is_shown_as_text_and_not_in_the_file(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    town.close()
    filed(people["b"], town, words="<b>bold</b>")

    assert html.escape("<b>bold</b>") in look(staff.auditor, "appeals/")
    exported = staff.auditor.post("/console/appeals/export")
    content = b"".join(exported) if exported.streaming else exported.content
    assert b"bold" not in content
    assert str(people["b"]).encode() in content


def test_many_appeals_take_as_many_queries_as_one(staff: Staff, town: Town, people: dict[str, int]) -> None:
    more = town.settle("cdefgh")
    town.take(*(metro(f"m{person}", person, 1_000) for person in more))
    town.close()
    filed(people["b"], town)
    look(staff.auditor, "appeals/")
    with CaptureQueriesContext(connection) as few:
        look(staff.auditor, "appeals/")
    for account in more.values():
        filed(account, town)

    with CaptureQueriesContext(connection) as many:
        page = look(staff.auditor, "appeals/")

    assert page.count("metro_trip") == 7
    assert len(many) <= len(few)


def test_what_was_reported_is_found_for_many_people_and_not_for_records_that_are_not(
    town: Town, people: dict[str, int]
) -> None:
    town.close()
    roof, trip = (acts_of(people[person], [DAY], town.places)[0].record_id for person in "ab")
    wanted = [
        Wanted(roof, people["a"], DAY),
        Wanted(trip, people["b"], DAY),
        Wanted(2**62, people["b"], DAY),
    ]

    found = reported(wanted, town.places)

    assert {number: (one.provider, one.kind) for number, one in found.items()} == {
        roof: (PROVIDER, "rooftop_pv_output"),
        trip: (PROVIDER, "metro_trip"),
    }
    assert reported([], town.places) == {}


# Requests


def asked(account: int, *, kind: str = "correction", at: Any = None) -> Request:
    return ask(account, kind, WORDS, at=at or utc_now())


@pytest.mark.parametrize(
    ("step", "words", "state"),
    [
        ("in-hand", "", State.IN_HAND),
        ("done", "The day was closed again.", State.DONE),
        ("refuse", "Kept for ten years by law.", State.REFUSED),
    ],
)
def test_each_step_of_a_request_is_seen_by_the_person_and_in_the_audit_trail(
    step: str, words: str, state: State, staff: Staff, people: dict[str, int]
) -> None:
    made = asked(people["a"])

    answer = send(staff.asker, f"requests/{made.pk}/{step}", words=words)

    assert "The step is recorded" in answer.content.decode()
    now = shown(made.pk)
    assert (now.state, now.words) == (state, words)
    entry = AuditEntry.objects.get(verb=f"answer_{state}")
    assert (entry.object_kind, entry.object_key, entry.who) == ("account", str(people["a"]), staff.asking)
    assert entry.organisation == staff.organisation
    page = look(staff.auditor, f"requests/{made.pk}/")
    assert WORDS in page
    assert words in page


@pytest.mark.parametrize("step", ["done", "refuse"])
def test_an_answer_without_words_is_asked_for_again(step: str, staff: Staff, people: dict[str, int]) -> None:
    made = asked(people["a"])

    assert send(staff.asker, f"requests/{made.pk}/{step}", words=" ").status_code == 422
    assert shown(made.pk).state is State.RECEIVED


def test_a_request_that_is_answered_takes_no_further_step(staff: Staff, people: dict[str, int]) -> None:
    made = asked(people["a"])
    send(staff.asker, f"requests/{made.pk}/done", words="Done.")

    refused = send(staff.decider, f"requests/{made.pk}/refuse", words="No.")

    assert refused.status_code == 422
    assert shown(made.pk).state is State.DONE
    assert "/refuse" not in look(staff.decider, f"requests/{made.pk}/")


def test_an_auditor_is_offered_no_step_and_cannot_take_one(staff: Staff, people: dict[str, int]) -> None:
    made = asked(people["a"])

    page = look(staff.auditor, f"requests/{made.pk}/")

    assert not [step for step in ("in-hand", "done", "refuse") if f"{made.pk}/{step}" in page]
    assert send(staff.auditor, f"requests/{made.pk}/done", words="x").status_code == 403
    assert shown(made.pk).state is State.RECEIVED


def test_a_colleague_agrees_to_an_erasure_and_only_then_it_can_be_done(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    made, other = asked(people["a"], kind="erasure"), asked(people["b"])
    assert "/erase" not in look(staff.asker, f"requests/{other.pk}/")
    assert send(staff.asker, f"requests/{other.pk}/erase", reason="asked for").status_code == 422
    assert f"{made.pk}/erase" in look(staff.asker, f"requests/{made.pk}/")

    send(staff.asker, f"requests/{made.pk}/erase", reason="asked for")
    with pytest.raises(NotAgreed):
        erase(made.pk, at=utc_now(), places=town.places)
    approval = Approval.objects.get(verb="account.erase")
    send(staff.decider, f"approvals/{approval.pk}/agree", reason="looked at it")
    approval.refresh_from_db()
    assert (approval.decision, approval.used_at) == (Approval.YES, None)

    assert erase(made.pk, at=utc_now(), places=town.places).account == people["a"]

    assert shown(made.pk).state is State.DONE


def test_what_is_overdue_says_so_and_stands_first(staff: Staff, people: dict[str, int]) -> None:
    late = asked(people["a"], at=utc_now() - timedelta(days=31))
    asked(people["b"], kind="erasure")
    answered = asked(people["b"], kind="restriction", at=utc_now() - timedelta(days=40))
    send(staff.asker, f"requests/{answered.pk}/done", words="Done.")

    page = look(staff.auditor, "requests/")
    waiting = look(staff.auditor, "requests/?state=waiting")

    assert page.count("state bad") == 1
    assert page.index(str(late.due_on)) < page.index(str(answered.due_on))
    assert "2 rows" in waiting
    assert "1 row" in look(staff.auditor, "requests/?state=overdue")
    assert "1 row" in look(staff.auditor, "requests/?state=answered")
    assert "Nothing fits" in look(staff.auditor, "requests/?state=other")
    assert late.due_on > date(2026, 1, 1)


def test_the_first_page_of_the_day_counts_both(staff: Staff, town: Town, people: dict[str, int]) -> None:
    town.close()
    filed(people["b"], town)
    asked(people["a"])
    asked(people["b"], at=AT)

    page = look(staff.auditor)

    assert "<strong>1</strong> <span>Appeals to answer</span>" in page
    assert "<strong>2</strong> <span>Requests to answer</span>" in page
    assert "<strong>1</strong> <span>Requests overdue</span>" in page
    assert "Anomalies" not in page
