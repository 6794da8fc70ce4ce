"""Sources: nothing ticked, one consent for each, withdrawing as short as giving, and nobody asked again after a no."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from access.people import AT
from consent.people import METRO
from tanpuhui.access.models import AuditEntry
from tanpuhui.consent.ask import ask
from tanpuhui.consent.give import give
from tanpuhui.consent.models import Grant, GrantEvent
from tanpuhui.consent.receipt import verify_receipt
from tanpuhui.consent.show import standings
from tanpuhui.evidence.contract import disable
from tanpuhui.evidence.models import SubjectLink
from tanpuhui.kit.moment import from_us, utc_now
from web.residents import born, digest, giving, providers, resident

pytestmark = pytest.mark.django_db
METRO_PAGE = "/resident/sources/szt/"


@pytest.fixture(autouse=True)
def contracts(db: None) -> None:
    providers()


def states(account: int) -> list[str]:
    return [one.state.value for one in standings(account, at=utc_now())]


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_provider_with_a_name_is_listed_with_its_acts_and_none_without() -> None:
    client, _, _ = resident()

    page = text(client, "/resident/sources/")

    for name in ("Demonstration metro", "Demonstration charging company", "Metro trips", "Sorted waste"):
        assert name in page
    assert "generic" not in page
    assert client.get("/resident/sources/generic/").status_code == 404
    assert client.get("/resident/sources/nobody/").status_code == 404


def test_the_notice_is_shown_in_full_and_nothing_is_ticked() -> None:
    client, _, _ = resident()

    for address in (METRO_PAGE, "/resident/sources/payments/", "/resident/sources/to/disclosure/bank/"):
        page = text(client, address)

        assert not re.search(r"<input[^>]*type=.checkbox.[^>]*checked", page)
    page = text(client, METRO_PAGE)
    for words in (
        *(
            "Who:",
            "privacy@carbon.example",
            "Purpose:",
            "trip trace",
            "Recipient:",
            "36 months",
            "at most once a day",
        ),
        *("Why it is needed", "Withdraw:", "View, copy, move, correct, delete", "2026-11-25", digest()),
    ):
        assert words in page


def test_allowing_makes_a_signed_grant_and_a_receipt_and_withdrawing_takes_as_many_steps(
    as_the_application: None,
) -> None:
    client, account, user = resident()

    answer = client.post(METRO_PAGE, giving())

    grant = Grant.objects.get()
    assert answer.headers["Location"] == f"/resident/grants/{grant.pk}/receipt/"
    assert (grant.resident_id, grant.kinds, grant.recipient) == (account, ["metro_trip"], "platform")
    assert (grant.notice_digest, grant.notice_lang) == (digest(), "en")
    assert from_us(grant.acts_from_us).astimezone(timezone.get_current_timezone()).hour == 0
    assert "Download" in text(client, answer.headers["Location"])
    assert client.post(METRO_PAGE, {"do": "withdraw"}).headers["Location"] == METRO_PAGE
    assert states(account) == ["Withdrawn"]
    assert [(entry.verb, entry.who) for entry in AuditEntry.objects.order_by("pk")] == [
        ("grant_give", user),
        ("grant_withdraw", user),
    ]


def test_the_receipt_is_downloaded_signed_and_is_only_ones_own() -> None:
    client, _, _ = resident()
    other, _, _ = resident()
    client.post(METRO_PAGE, giving())
    grant = Grant.objects.get()

    answer = client.get(f"/resident/grants/{grant.pk}/receipt.json")

    assert "attachment" in answer.headers["Content-Disposition"]
    assert verify_receipt(json.loads(answer.content)["token"])["header"]["record_id"] == f"grant:{grant.pk}"
    for address in (f"/resident/grants/{grant.pk}/receipt/", f"/resident/grants/{grant.pk}/receipt.json"):
        assert other.get(address).status_code == 404


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"agrees": ""}, "Tick this if you agree"),
        ({"notice": "sha256:0"}, "The notice has changed"),
        ({"acts_from": "chosen"}, "Choose the first day"),
        ({"acts_from": "chosen", "first_day": "2999-01-01"}, "not in the future"),
        ({"acts_from": "chosen", "first_day": "1999-12-31"}, "not in the future"),
        ({"months": "13"}, "13"),
        ({"months": ""}, "required"),
    ],
)
def test_what_was_not_agreed_to_properly_gives_nothing_and_keeps_what_was_typed(
    changes: dict[str, str], said: str
) -> None:
    client, _, _ = resident()

    answer = client.post(METRO_PAGE, giving(**changes))

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Grant.objects.exists()


def test_acts_from_a_day_in_the_past_and_a_shorter_time_are_what_the_grant_says() -> None:
    client, _, _ = resident()
    day = timezone.localdate() - timedelta(days=40)

    client.post(METRO_PAGE, giving(acts_from="chosen", first_day=day.isoformat(), months="1"))

    grant = Grant.objects.get()
    assert from_us(grant.acts_from_us).astimezone(timezone.get_current_timezone()).date() == day
    assert timedelta(days=27) < grant.expires_at - grant.begins_at < timedelta(days=32)


def test_of_several_kinds_only_those_that_were_ticked_are_granted() -> None:
    client, _, _ = resident()

    none = client.post("/resident/sources/payments/", giving())
    some = client.post("/resident/sources/payments/", giving(kinds=["e_invoice", "metro_trip"]))
    wrong = client.post("/resident/sources/payments/", giving(kinds=["ev_charge"]))

    assert (none.status_code, some.status_code, wrong.status_code) == (422, 302, 422)
    assert Grant.objects.get().kinds == ["e_invoice", "metro_trip"]


def test_each_recipient_is_a_consent_of_its_own_and_says_who_it_is() -> None:
    client, _, _ = resident()
    page = text(client, "/resident/sources/to/disclosure/bank/")
    assert "privacy@bank.example" in page
    assert "privacy@company.example" not in page
    form = {"do": "give", "months": "12", "agrees": "on", "kinds": ["account_tier"]}

    none = client.post(
        "/resident/sources/to/disclosure/bank/",
        {**form, "kinds": [], "notice": digest("disclosure", "bank")},
    )
    wrong = client.post(
        "/resident/sources/to/disclosure/bank/", {**form, "notice": digest("disclosure", "pool_buyer")}
    )
    right = client.post(
        "/resident/sources/to/disclosure/bank/", {**form, "notice": digest("disclosure", "bank")}
    )

    assert (none.status_code, wrong.status_code, right.status_code) == (422, 422, 302)
    grant = Grant.objects.get()
    assert (grant.provider, grant.recipient, grant.purpose) == ("platform", "bank", "disclosure")
    assert grant.kinds == ["account_tier"]
    assert client.get("/resident/sources/to/publication/public/").status_code == 404


def test_pausing_and_resuming_are_one_step_each_and_what_cannot_follow_is_refused() -> None:
    client, account, _ = resident()
    client.post(METRO_PAGE, giving())

    client.post(METRO_PAGE, {"do": "pause"})
    assert states(account) == ["Paused"]
    client.post(METRO_PAGE, {"do": "resume"})
    assert states(account) == ["Resumed"]
    again = client.post(METRO_PAGE, {"do": "resume"})
    twice = client.post(METRO_PAGE, giving())

    assert (again.status_code, twice.status_code) == (422, 409)
    assert client.post(METRO_PAGE, {"do": "nonsense"}).status_code == 400
    assert client.post("/resident/sources/payments/", {"do": "withdraw"}).status_code == 400


def test_after_a_no_it_stands_apart_and_only_the_person_comes_back_to_it() -> None:
    client, account, _ = resident()

    client.post(METRO_PAGE, {"do": "refuse"}, follow=True)

    page = text(client, "/resident/sources/")
    assert "Declined: 1" in page
    assert page.index("Demonstration metro") > page.index("Declined: 1")
    client.post(METRO_PAGE, {"do": "refuse"})
    assert states(account) == ["Refused"]
    assert "No, thank you" not in text(client, METRO_PAGE)
    assert client.post(METRO_PAGE, giving()).status_code == 302
    assert states(account) == ["ConsentGiven", "Refused"]


def test_what_was_asked_is_answered_with_yes_or_no() -> None:
    client, account, _ = resident()
    ask(account, METRO, at=AT, method="test")
    page = text(client, METRO_PAGE)
    assert "I agree" in page

    client.post(METRO_PAGE, {"do": "agree"})

    assert states(account) in (["ConsentGiven"], ["Expired"])


def test_a_provider_that_is_no_longer_offered_takes_no_consent_and_can_be_left() -> None:
    client, account, _ = resident()
    client.post(METRO_PAGE, giving())
    disable("szt", at=utc_now())

    assert client.post(METRO_PAGE, {"do": "withdraw"}).status_code == 302
    assert client.post(METRO_PAGE, giving()).status_code == 404
    assert "not offered at present" in text(client, METRO_PAGE)
    assert states(account) == ["Withdrawn"]


def test_a_guardian_decides_for_a_child_and_nobody_else_does() -> None:
    guardian, parent, _ = resident(birth_on=born(40))
    child, young, _ = resident(birth_on=born(8), guardian=parent)
    stranger, _, _ = resident(birth_on=born(40))
    address = f"/resident/children/{young}/sources/szt/"

    assert f"/resident/children/{young}/sources/" in text(guardian, "/resident/sources/")
    assert guardian.post(address, giving()).status_code == 302
    grant = Grant.objects.get()
    assert (grant.resident_id, grant.guardian_id) == (young, parent)
    assert GrantEvent.objects.get().by == "guardian"
    assert AuditEntry.objects.get().object_key == str(young)
    assert stranger.get(address).status_code == 404
    assert stranger.post(address, {"do": "withdraw"}).status_code == 404
    assert child.post("/resident/sources/payments/", giving(kinds=["e_invoice"])).status_code == 422
    assert "your guardian allows sources for you" in text(child, "/resident/sources/")
    assert guardian.get(f"/resident/children/{young}/grants/{grant.pk}/receipt/").status_code == 200
    assert guardian.get(f"/resident/grants/{grant.pk}/receipt/").status_code == 404
    assert child.post(METRO_PAGE, {"do": "withdraw"}).status_code == 302


def test_a_guardian_has_no_say_once_the_child_is_fourteen() -> None:
    guardian, parent, _ = resident(birth_on=born(40))
    _, grown, _ = resident(birth_on=born(15), guardian=parent)

    assert guardian.get(f"/resident/children/{grown}/sources/").status_code == 404


def link_at(client: Client, identifier: str, **more: str) -> Any:
    return client.post(METRO_PAGE + "identifier/", {"identifier": identifier, "do": "link", **more})


def test_an_identifier_is_linked_after_a_second_look_and_that_is_written_down(
    as_the_application: None,
) -> None:
    client, account, _ = resident()

    look = client.post(METRO_PAGE + "identifier/", {"identifier": "CARD-1", "do": "look"})
    assert "CARD-1" in look.content.decode()
    assert not SubjectLink.objects.exists()
    assert link_at(client, "CARD-1").headers["Location"] == METRO_PAGE
    assert link_at(client, "CARD-1").status_code == 302

    assert SubjectLink.objects.get().account_id == account
    entry = AuditEntry.objects.order_by("pk")[0]
    assert (entry.verb, entry.facts) == ("link_identifier", {"provider": "szt", "by": "resident"})


def test_somebody_elses_identifier_is_refused_in_the_same_words_as_any_other() -> None:
    first, _, _ = resident()
    second, other, _ = resident()
    link_at(first, "CARD-1")

    taken = link_at(second, "CARD-1")
    assert taken.status_code == 422
    for number in range(4):
        link_at(second, f"OWN-{number}")
    assert SubjectLink.objects.filter(account_id=other).count() == 4
    assert re.search(r"role=.alert.*?</div>", taken.content.decode(), re.DOTALL)
    assert "linked to another" not in taken.content.decode()
    assert [entry.verb for entry in AuditEntry.objects.order_by("pk")][1] == "link_identifier_refused"
    assert "CARD-1" not in json.dumps(list(AuditEntry.objects.values("facts", "reason", "object_key")))


def test_guessing_identifiers_is_slowed() -> None:
    client, _, _ = resident()

    answers = [link_at(client, f"GUESS-{number}").status_code for number in range(7)]

    assert answers == [302] * 5 + [429] * 2


def test_lists_and_pages_of_sources_are_drawn_in_few_queries(django_assert_max_num_queries: Any) -> None:
    client, account, _ = resident()
    for provider in ("szt", "payments", "ev_sessions"):
        give(account, METRO.__class__(provider, ("metro_trip",)), at=utc_now(), method="test")

    with django_assert_max_num_queries(16):
        assert len(client.get("/resident/sources/").content) < 30_000
    with django_assert_max_num_queries(16):
        client.get(METRO_PAGE)
