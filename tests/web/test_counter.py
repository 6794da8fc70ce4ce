"""The counter: an account without e-mail, a visit by document or letter, and a trail that the person reads."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from access.people import AT, organisation
from access.people import user as somebody
from tanpuhui.access.hold import account_of
from tanpuhui.access.membership import join
from tanpuhui.access.models import AuditEntry, Holder, Membership, User
from tanpuhui.access.refusals import RoleOfOperators
from tanpuhui.consent.give import give
from tanpuhui.consent.models import Grant, GrantEvent, Identity
from tanpuhui.consent.show import standings
from tanpuhui.consent.terms import Terms
from tanpuhui.kit.moment import utc_now
from tanpuhui.rights.letter import issue_letter
from tanpuhui.rights.models import Letter, Visit
from web.residents import born, giving, providers, resident
from web.site import client_of

pytestmark = pytest.mark.django_db
PAPER = b"scan of a signed paper"
DIGEST = f"sha256:{hashlib.sha256(PAPER).hexdigest()}"
NUMBER = "11010119500517001x"


@pytest.fixture(autouse=True)
def town(db: None, settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    providers()


def clerk(role: str = Membership.COUNTER) -> tuple[Client, str]:
    """A clerk's browser, and the address of their counter."""
    centre = organisation("operator")
    person = somebody()
    User.objects.filter(pk=person.pk).update(language="en")
    person.refresh_from_db()
    join(person, centre, role, at=AT)
    return client_of(person), f"/counter/{centre.code}/"


def opening(**changes: Any) -> dict[str, Any]:
    return {
        "document": "identity_card",
        "number": NUMBER,
        "birth_on": "1950-05-17",
        "guardian": "",
        "agrees": "on",
        **changes,
    }


def visiting(**changes: Any) -> dict[str, Any]:
    return {"document": "identity_card", "number": "", "letter": "", "reason": "A statement", **changes}


def scan(name: str = "paper.pdf", content: bytes = PAPER) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def trail(account: int) -> list[str]:
    entries = AuditEntry.objects.filter(object_kind="account", object_key=str(account)).order_by("pk")
    return [entry.verb for entry in entries]


def test_somebody_without_e_mail_gets_an_account_a_letter_and_help_and_reads_all_of_it(
    as_the_application: None,
) -> None:
    client, counter = clerk()

    visit = client.post(f"{counter}open/", opening()).headers["Location"]

    account = Holder.objects.get().account
    assert Holder.objects.get().user.email is None
    identity = Identity.objects.get(pk=account)
    assert identity.proof_issuer == "document:identity_card"
    assert client.get(visit).status_code == 200
    letter = client.post(f"{visit}letter.pdf")
    assert letter.content.startswith(b"%PDF-")
    assert client.get(f"{visit}statement.pdf?print=large").content.startswith(b"%PDF-")
    assert client.get(f"{visit}sources/szt/paper/").status_code == 200
    given = client.post(f"{visit}sources/szt/", {**giving(), "paper": scan()})
    assert given.headers["Location"] == visit
    event = GrantEvent.objects.get()
    assert (event.by, event.method, event.evidence_hash) == ("operator", "counter", DIGEST)
    assert client.post(f"{visit}sources/szt/", {"do": "withdraw"}).status_code == 302
    assert client.post(f"{visit}end/").headers["Location"] == counter
    assert client.get(visit).headers["Location"] == counter
    assert trail(account) == [
        *("open_account", "counter_visit", "counter_look", "counter_letter", "counter_statement"),
        *("counter_paper", "grant_give", "grant_withdraw", "counter_end"),
    ]
    assert {entry.reason for entry in AuditEntry.objects.filter(verb="grant_give")} == {"To open an account"}
    assert Letter.objects.count() == 1


def test_the_person_sees_the_clerks_looks_with_role_and_reason() -> None:
    client, counter = clerk()
    person, account, _ = resident()
    code = issue_letter(account, at=AT)
    visit = client.post(counter, visiting(letter=code, reason="Moved house")).headers["Location"]
    client.get(visit)
    client.get(f"{visit}sources/szt/")

    page = person.get("/resident/privacy/").content.decode()

    for words in (
        "Moved house",
        "One",
        "counter",
        "Account looked at, at a counter",
        "Demonstration metro looked at",
    ):
        assert words in page


def test_the_same_document_finds_the_account_again_and_opens_no_second_one() -> None:
    client, counter = clerk()
    client.post(f"{counter}open/", opening())
    account = Holder.objects.get().account

    again = client.post(f"{counter}open/", opening(number=" 110101 19500517 001X "))
    found = client.post(counter, visiting(number=NUMBER))
    other_sort = client.post(counter, visiting(number=NUMBER, document="passport"))

    assert again.status_code == 409
    assert Holder.objects.count() == 1
    assert found.status_code == 302
    assert Visit.objects.order_by("-opened_at")[0].account == account
    assert other_sort.status_code == 422


@pytest.mark.parametrize(
    "form",
    [
        visiting(),
        visiting(number="x", letter="y"),
        visiting(number="12345"),
        visiting(letter="0000-0000-0000-0000"),
        visiting(letter="0000", reason=""),
        visiting(document="library_card", number=NUMBER),
    ],
)
def test_without_the_right_document_or_letter_no_account_is_shown(form: dict[str, str]) -> None:
    client, counter = clerk()

    assert client.post(counter, form).status_code == 422
    assert not Visit.objects.exists()


def test_a_miss_is_written_down_and_says_nothing_about_anybody() -> None:
    client, counter = clerk()

    answer = client.post(counter, visiting(number="987654321"))

    assert "No account was found with this" in answer.content.decode()
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.object_kind, entry.facts) == (
        "counter_visit_refused",
        "counter",
        {"document": "identity_card"},
    )


def test_a_consent_at_a_counter_needs_the_signed_paper_and_withdrawing_does_not() -> None:
    client, counter = clerk()
    visit = client.post(f"{counter}open/", opening()).headers["Location"]
    address = f"{visit}sources/szt/"

    for form in (
        giving(),
        {**giving(agrees=""), "paper": scan()},
        {**giving(), "paper": scan(content=b"x" * 5_000_001)},
        {**giving(), "paper": scan(content=b"")},
    ):
        assert client.post(address, form).status_code == 422
    assert not Grant.objects.exists()
    client.post(address, {**giving(), "paper": scan(name="../../etc/passwd")})
    assert client.post(address, {"do": "pause"}).status_code == 302
    assert client.post(address, {"do": "resume", "paper": scan()}).status_code == 302
    assert client.post(address, {"do": "withdraw", "paper": scan()}).status_code == 302
    account = Holder.objects.get().account
    assert [one.state.value for one in standings(account, at=utc_now())] == ["Withdrawn"]
    hashes = list(GrantEvent.objects.order_by("seq").values_list("evidence_hash", flat=True))
    assert (hashes[0], hashes[2], hashes[3]) == (DIGEST, DIGEST, DIGEST)
    assert hashes[1] != DIGEST
    assert client.post(address, {"do": "agree"}).status_code == 400


def test_a_visit_is_no_other_clerks_and_no_auditors() -> None:
    client, counter = clerk()
    visit = client.post(f"{counter}open/", opening()).headers["Location"]
    colleague = somebody()
    join(colleague, AuditEntry.objects.all()[0].organisation, Membership.COUNTER, at=AT)  # type: ignore[arg-type]
    stranger, own = clerk()
    auditor, third = clerk(Membership.AUDITOR)

    assert client_of(colleague).get(visit).headers["Location"] == counter
    assert stranger.get(visit).status_code == 404
    assert auditor.get(third).status_code == 403
    assert stranger.get(own).status_code == 200


def test_a_clerk_has_the_counter_and_nothing_else_of_the_operator() -> None:
    client, counter = clerk()

    assert client.get("/home/").headers["Location"] == counter
    assert client.get(counter.replace("/counter/", "/operator/")).status_code == 403
    person = User.objects.get(memberships__role=Membership.COUNTER)
    person.is_staff = True
    assert not person.has_module_perms("registry")
    assert not person.has_perm("registry.view_lot")
    with pytest.raises(RoleOfOperators):
        join(somebody(), organisation("bank"), Membership.COUNTER, at=AT)


def test_a_child_opens_an_account_at_a_counter_with_the_guardians_letter() -> None:
    client, counter = clerk()
    _, parent, _ = resident(birth_on=born(40))
    code = issue_letter(parent, at=AT)
    young = born(8).isoformat()

    assert client.post(f"{counter}open/", opening(birth_on=young)).status_code == 422
    assert client.post(f"{counter}open/", opening(birth_on=young, guardian="WRONG")).status_code == 422
    visit = client.post(f"{counter}open/", opening(birth_on=young, guardian=code)).headers["Location"]

    child = Visit.objects.get().account
    assert Identity.objects.get(pk=child).guardian_id == parent
    page = client.get(visit).content.decode()
    assert "the guardian decides" in page
    assert client.post(f"{visit}sources/szt/", {**giving(), "paper": scan()}).status_code == 422
    grant = give(
        child, Terms("szt", ("metro_trip",)), at=utc_now(), by="guardian", method="app", guardian=parent
    )
    steps = {
        verb: client.post(f"{visit}sources/szt/", {"do": verb}).status_code
        for verb in ("pause", "resume", "withdraw")
    }
    assert steps == {"pause": 302, "resume": 422, "withdraw": 302}
    assert list(grant.events.order_by("seq").values_list("state", flat=True))[1:] == ["Paused", "Withdrawn"]


def test_a_letter_signs_in_once_and_then_a_passkey_can_be_added() -> None:
    client, counter = clerk()
    client.post(f"{counter}open/", opening())
    holder = Holder.objects.get()
    code = issue_letter(holder.account, at=utc_now())
    browser = Client(headers={"accept-language": "en"})

    wrong = browser.post("/sign-in/letter/", {"account": holder.account + 1, "code": code})
    right = browser.post("/sign-in/letter/", {"account": holder.account, "code": code.lower()})
    again = Client().post("/sign-in/letter/", {"account": holder.account, "code": code})

    assert (wrong.status_code, again.status_code) == (422, 422)
    assert right.headers["Location"] == "/sign-in/settings/"
    assert browser.get("/resident/").status_code == 200
    assert browser.get("/sign-in/settings/passkeys/add/").status_code == 200
    assert "letter_sign_in" in trail(holder.account)
    assert account_of(holder.user) == holder.account


def test_trying_letters_is_slowed_per_address_and_per_account() -> None:
    from django.core.cache import cache

    cache.clear()

    answers = [
        Client().post("/sign-in/letter/", {"account": number + 1, "code": "x"}).status_code
        for number in range(12)
    ]

    assert answers == [422] * 10 + [429] * 2


def test_the_paper_to_sign_has_the_notice_word_for_word_and_empty_boxes() -> None:
    client, counter = clerk()
    visit = client.post(f"{counter}open/", opening()).headers["Location"]

    page = client.get(f"{visit}sources/payments/paper/").content.decode()

    assert page.count("☐") >= 6
    assert giving()["notice"] in page
    assert not re.search(r"☑|checked", page)
    assert timezone.localdate().strftime("%Y") in page
