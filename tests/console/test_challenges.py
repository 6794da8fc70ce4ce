"""Challenges: announced in both languages, listed with how far they have come, and counted by the worker."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.people import AT
from community.credits import KG, credit
from console.conftest import Staff, done, look, send
from tanpuhui.access.models import AuditEntry
from tanpuhui.community.challenge import Terms, announce, take_part, tally
from tanpuhui.community.models import Challenge, Tally

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()


def given(**other: Any) -> dict[str, Any]:
    """The form as somebody fills it in."""
    return {
        "title_zh": "五月骑行",
        "title_en": "May on bicycles",
        "text_zh": "一起骑行。",
        "text_en": "Let us ride together.",
        "starts_on": TODAY.isoformat(),
        "ends_on": (TODAY + timedelta(days=30)).isoformat(),
        "target_kg": "500",
        "methodologies": ["national/shared-bike", "national/shared-e-bike"],
        "code": "may-rides",
    } | other


def running(code: str = "may-rides", *, days: int = 30, starts: int = 0) -> Challenge:
    first = TODAY + timedelta(days=starts)
    terms = Terms(
        code, "五月骑行", "May on bicycles", "一起", "Together", first, first + timedelta(days=days), 10 * KG
    )
    return announce(terms, at=AT)


def test_a_challenge_is_announced_and_residents_find_what_was_typed(staff: Staff) -> None:
    answer = send(staff.asker, "challenges/announce", **given())

    assert "The challenge is announced." in answer.content.decode()
    made = Challenge.objects.get()
    assert answer.redirect_chain[-1][0] == f"/console/challenges/{made.pk}/"
    assert (made.code, made.title_zh, made.title_en) == ("may-rides", "五月骑行", "May on bicycles")
    assert made.target_mg == 500 * KG
    assert made.methodologies == ["national/shared-bike", "national/shared-e-bike"]
    entry = AuditEntry.objects.get(verb="challenge.announced")
    assert (entry.object_kind, entry.object_key, entry.who) == ("challenge", "may-rides", staff.asking)
    assert entry.facts["target_mg"] == 500 * KG
    page = look(staff.auditor, f"challenges/{made.pk}/")
    for said in ("五月骑行", "Let us ride together.", "national/shared-bike", "challenge.announced"):
        assert said in page


def test_a_form_that_is_sent_twice_announces_once_and_other_content_is_refused_as_typed(
    staff: Staff,
) -> None:
    send(staff.asker, "challenges/announce", **given())
    again = send(staff.asker, "challenges/announce", **given())
    other = send(staff.decider, "challenges/announce", **given(title_en="Another title"))

    assert again.status_code == 200
    assert other.status_code == 422
    assert "There is a challenge may-rides already" in other.content.decode()
    assert 'value="Another title"' in other.content.decode()
    assert Challenge.objects.get().title_en == "May on bicycles"
    assert AuditEntry.objects.filter(verb="challenge.announced").count() == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"title_zh": ""}, "This field is required"),
        ({"title_en": "x" * 81}, "at most 80"),
        (
            {"ends_on": (TODAY - timedelta(days=1)).isoformat(), "starts_on": "2026-01-01"},
            "Nobody can take part",
        ),
        ({"starts_on": (TODAY + timedelta(days=31)).isoformat()}, "Let it end on its first day or later"),
        ({"starts_on": "someday"}, "Enter a valid date"),
        ({"target_kg": "0"}, "greater than or equal to 1"),
        ({"target_kg": "9" * 30}, "less than or equal to 1000000000"),
        ({"target_kg": "1.5"}, "Enter a whole number"),
        ({"methodologies": ["nowhere/nothing"]}, "Select a valid choice"),
        ({"code": "May Rides"}, "Use small letters, digits and hyphens"),
        ({"code": "-may"}, "Use small letters, digits and hyphens"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_form_is_kept_as_typed(
    wrong: dict[str, Any], said: str, staff: Staff
) -> None:
    answer = send(staff.asker, "challenges/announce", **given(**wrong))

    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert "一起骑行。" in page
    assert not Challenge.objects.exists()
    assert not AuditEntry.objects.filter(verb="challenge.announced").exists()


def test_counting_is_a_job_and_its_sum_is_shown_with_the_share_of_the_aim(staff: Staff) -> None:
    made = running()
    for account in (1, 2, 3):
        take_part(account, made.code, today=TODAY, at=AT)
    credit(1, 4 * KG, day=TODAY)
    credit(9, 4 * KG, day=TODAY)

    job = done(send(staff.asker, f"challenges/{made.code}/count"))

    assert job.answer == {"challenge": made.code, "participants": 3, "credited_mg": 4 * KG}
    assert Tally.objects.get().credited_mg == 4 * KG
    assert {"challenge.tally.asked", "challenge.tally.done"} <= set(
        AuditEntry.objects.filter(object_kind="challenge", object_key=made.code).values_list(
            "verb", flat=True
        )
    )
    for page in (look(staff.auditor, "challenges/"), look(staff.auditor, f"challenges/{made.pk}/")):
        assert "40%" in page
    assert "4<" in look(staff.auditor, f"jobs/{job.pk}/")


def test_what_two_people_avoided_is_shown_nowhere(staff: Staff) -> None:
    made = running()
    for account in (1, 2):
        take_part(account, made.code, today=TODAY, at=AT)
    credit(1, 4 * KG, day=TODAY)

    job = done(send(staff.asker, f"challenges/{made.code}/count"))

    assert job.answer["credited_mg"] is None
    pages = [
        look(staff.auditor, place) for place in ("challenges/", f"challenges/{made.pk}/", f"jobs/{job.pk}/")
    ]
    exported = staff.auditor.post("/console/challenges/export")
    pages += [b"".join(exported.streaming_content).decode(), str(AuditEntry.objects.values_list("facts"))]
    assert all(str(4 * KG) not in page and "40%" not in page for page in pages)
    assert "too few people to show a sum" in pages[1]


def test_what_runs_comes_and_is_over_is_told_apart(staff: Staff) -> None:
    running("runs")
    running("comes", starts=5)
    running("over", starts=-40)

    for state, code in (("running", "runs"), ("coming", "comes"), ("over", "over")):
        page = look(staff.auditor, f"challenges/?state={state}")
        assert "1 row" in page
        assert f">{code}</code>" in page
    assert "Nothing fits" in look(staff.auditor, "challenges/?state=never")
    assert "Count now" not in look(staff.asker, f"challenges/{Challenge.objects.get(code='comes').pk}/")
    assert "Count now" in look(staff.asker, f"challenges/{Challenge.objects.get(code='over').pk}/")


def test_an_auditor_is_offered_neither_button(staff: Staff) -> None:
    made = running()

    assert "challenges/announce" in look(staff.asker, "challenges/")
    assert "challenges/announce" not in look(staff.auditor, "challenges/")
    assert "/count" not in look(staff.auditor, f"challenges/{made.pk}/")


def test_an_unknown_challenge_is_said_to_be_unknown(staff: Staff) -> None:
    assert (
        "There is no challenge none"
        in staff.asker.get("/console/challenges/none/count", HTTP_ACCEPT_LANGUAGE="en").content.decode()
    )


def test_many_challenges_take_no_more_queries_than_one(staff: Staff) -> None:
    tally(running("one"), at=AT)
    look(staff.auditor, "challenges/")
    with CaptureQueriesContext(connection) as few:
        look(staff.auditor, "challenges/")
    for number in range(8):
        tally(running(f"more-{number}"), at=AT)

    with CaptureQueriesContext(connection) as many:
        look(staff.auditor, "challenges/")

    assert len(many) <= len(few)
