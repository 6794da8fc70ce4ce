"""A bank's pages: with a code a statement, as page, JSON and PDF; without consent nothing; each look written down."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client

from tanpuhui.access.membership import join
from tanpuhui.access.models import AuditEntry, Holder, Membership, Organisation, User
from tanpuhui.access.organise import organise
from tanpuhui.consent.models import Grant
from tanpuhui.disclosure.look import check
from tanpuhui.disclosure.models import Statement
from tanpuhui.kit.moment import utc_now
from web.residents import RECIPIENT, agreeing
from web.site import client_of, make_site

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
EN = {"HTTP_ACCEPT_LANGUAGE": "en"}


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    caches["default"].clear()


@pytest.fixture()
def site() -> tuple[Client, Client]:
    """A resident and a clerk of a bank that the policy of consent names."""
    people = make_site()
    bank = organise(Organisation.BANK, "bank", name_zh="银行", name_en="Bank", at=utc_now())
    clerk = User.objects.create_user("clerk@example.org")
    join(clerk, bank, Membership.MEMBER, at=utc_now())
    return client_of(people["resident"]), client_of(clerk)


def consented(resident: Client, *kinds: str) -> str:
    """Allow the bank on its page among the sources, and make a code for it."""
    given = resident.post(RECIPIENT, agreeing(resident, *(kinds or ("account_balance",))))
    assert given.status_code == 302, given.content.decode()
    answer = resident.post(f"/resident/statements/{Grant.objects.latest('id').pk}/code/")
    return str(answer.context["code"])


def test_a_clerk_fetches_a_statement_in_three_forms_and_the_resident_sees_each_look(
    site: tuple[Client, Client],
) -> None:
    resident, clerk = site
    code = consented(resident, "account_balance", "account_tier")

    fetched = clerk.post("/bank/bank/", {"reference": code}, **EN)
    address = fetched.headers["Location"]
    page = clerk.get(address, **EN).content.decode()
    body = json.loads(clerk.get(f"{address[:-1]}.json").content)
    paper = clerk.get(f"{address[:-1]}.pdf", **EN)

    assert fetched.status_code == 302
    assert "Certified, held" in page
    assert body["balance"] == {"certified_mg": 0, "pending_mg": 0, "retired_mg": 0}
    assert check(body["signed"], body["key"])["statement"] == body["statement"]
    assert paper.headers["Content-Type"] == "application/pdf"
    assert paper.content.startswith(b"%PDF-")
    looks = AuditEntry.objects.filter(verb="see_statement").order_by("id")
    assert [entry.facts["form"] for entry in looks] == ["page", "json", "pdf"]
    account = Holder.objects.get(user__email="resident@example.org").account
    assert {entry.object_key for entry in looks} == {str(account)}
    assert resident.get("/resident/statements/", **EN).content.decode().count("<strong>Bank</strong>") >= 3
    for shown in (page, json.dumps(body)):
        assert "resident@example.org" not in shown
        assert "trip" not in shown.replace("never trips", "")


def test_without_a_good_code_nothing_is_shown_and_what_was_typed_stays(site: tuple[Client, Client]) -> None:
    _, clerk = site

    for given, status in (("00000-00000", 404), ("short", 404), ("", 422)):
        answer = clerk.post("/bank/bank/", {"reference": given}, **EN)
        assert answer.status_code == status
        assert f'value="{given}"' in answer.content.decode() or not given
    assert not Statement.objects.exists()


def test_after_a_withdrawal_the_clerk_is_told_why_and_the_try_is_written_down(
    site: tuple[Client, Client],
) -> None:
    resident, clerk = site
    code = consented(resident)
    address = clerk.post("/bank/bank/", {"reference": code}).headers["Location"]
    resident.post(RECIPIENT, {"do": "withdraw"})

    answers = [
        clerk.get(address, **EN),
        clerk.get(f"{address[:-1]}.json", **EN),
        clerk.get(f"{address[:-1]}.pdf", **EN),
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert "consent for this no longer holds" in answers[0].content.decode()
    assert clerk.post("/bank/bank/", {"reference": code}, **EN).status_code == 422
    assert AuditEntry.objects.filter(verb="refused_statement").count() == 3
    assert "refused" in resident.get("/resident/statements/", **EN).content.decode()


def test_a_statement_of_one_bank_is_not_there_for_another(site: tuple[Client, Client]) -> None:
    resident, clerk = site
    address = clerk.post("/bank/bank/", {"reference": consented(resident)}).headers["Location"]
    other = User.objects.create_user("other@example.org")
    join(other, organise("bank", "bank-2", name_zh="二", name_en="Two", at=utc_now()), "admin", at=utc_now())
    stranger = client_of(other)

    assert stranger.get(address).status_code == 404
    assert stranger.get(address.replace("/bank/bank/", "/bank/bank-2/")).status_code == 404
    assert stranger.post("/bank/bank-2/", {"reference": "0"}).status_code == 404


def test_codes_are_not_guessed_at_a_machines_speed(site: tuple[Client, Client]) -> None:
    _, clerk = site

    statuses = [clerk.post("/bank/bank/", {"reference": "00000-00000"}).status_code for _ in range(31)]

    assert statuses[:30] == [404] * 30
    assert statuses[30] == 429


def test_an_auditor_of_a_bank_fetches_nothing(site: tuple[Client, Client]) -> None:
    auditor = User.objects.create_user("auditor@example.org")
    join(auditor, Organisation.objects.get(code="bank"), Membership.AUDITOR, at=utc_now())
    client = client_of(auditor)

    assert client.get("/bank/bank/").status_code == 200
    assert client.post("/bank/bank/", {"reference": "00000-00000"}).status_code == 403


def test_a_resident_makes_codes_for_their_own_consents_alone(site: tuple[Client, Client]) -> None:
    resident, _ = site
    consented(resident)
    grant = Grant.objects.latest("id")
    from tanpuhui.access.hold import hold
    from tanpuhui.consent.open_account import open_account

    other = User.objects.create_user("second@example.org")
    hold(other, open_account(at=utc_now()), at=utc_now())
    stranger = client_of(other)

    assert stranger.post(f"/resident/statements/{grant.pk}/code/").status_code == 404
    assert "Consents in force" not in stranger.get("/resident/statements/", **EN).content.decode()


def test_everything_is_done_with_the_servers_rights(
    site: tuple[Client, Client], as_the_application: None
) -> None:
    resident, clerk = site

    answer = clerk.post("/bank/bank/", {"reference": consented(resident)})

    assert clerk.get(answer.headers["Location"]).status_code == 200
