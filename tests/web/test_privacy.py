"""Privacy: who saw what, the copy of everything, requests, and closing the account for good."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO

import pytest
from django.test import Client

from access.people import AT, organisation
from access.people import user as somebody
from community.credits import KG, credit
from consent.people import metro_grant
from tanpuhui.access.audit import record
from tanpuhui.access.membership import join
from tanpuhui.access.models import ApiToken, AuditEntry, Membership
from tanpuhui.access.token import issue
from tanpuhui.community import group
from tanpuhui.community.models import Member
from tanpuhui.consent.models import Resident
from tanpuhui.consent.show import standings
from tanpuhui.kit.moment import utc_now
from tanpuhui.rights.answer import refuse
from tanpuhui.rights.letter import issue_letter
from tanpuhui.rights.models import Letter, Request
from tanpuhui.rights.show import requests_of
from web.residents import providers, resident
from web.site import client_of

pytestmark = pytest.mark.django_db


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_whoever_looked_at_an_account_is_seen_with_role_reason_and_moment_and_only_by_its_holder() -> None:
    client, account, user = resident()
    other, _, _ = resident()
    centre, clerk = organisation("operator"), somebody()
    join(clerk, centre, Membership.COUNTER, at=AT)
    facts = {"object_kind": "account", "object_key": account, "at": AT}
    record("counter_look", who=clerk, organisation=centre, reason="Lost the telephone", **facts)
    record("reveal_identity", who=None, reason="Order 12 of the court", **facts)
    record("grant_give", who=user, **facts)

    page = text(client, "/resident/privacy/")

    for words in (
        "One",
        "counter",
        "Lost the telephone",
        "reveal identity",
        "Order 12",
        "The platform itself",
        "You",
    ):
        assert words in page
    assert clerk.email not in page
    assert "Lost the telephone" not in text(other, "/resident/privacy/")


def test_a_long_trail_comes_in_pages_and_few_queries(django_assert_max_num_queries: object) -> None:
    client, account, _ = resident()
    for number in range(45):
        record(
            "counter_look",
            who=None,
            at=AT,
            object_kind="account",
            object_key=account,
            reason=f"reason {number}",
        )

    with django_assert_max_num_queries(16):  # type: ignore[operator]
        first = text(client, "/resident/privacy/")
    last = text(client, "/resident/privacy/?page=3")

    assert ("reason 44<" in first, "reason 4<" in first) == (True, False)
    assert "reason 4<" in last
    assert "reason 4<" in text(client, "/resident/privacy/?page=999")


def test_the_copy_is_taken_as_zip_and_as_page_and_that_is_written_down(as_the_application: None) -> None:
    client, account, _ = resident()
    grant = metro_grant(account)

    answer = client.post("/resident/privacy/record.zip")
    with zipfile.ZipFile(BytesIO(answer.content)) as found:
        kept = json.loads(found.read("record.json"))
    page = text(client, "/resident/privacy/record/")

    assert kept["account"]["number"] == account
    assert [one["number"] for one in kept["grants"]] == [grant.pk]
    for words in ("Metro trips", "Everything that is kept about you", "Copy of everything taken"):
        assert words in page
    assert [entry.facts["form"] for entry in AuditEntry.objects.order_by("pk")] == ["zip", "page"]


def test_a_request_is_made_seen_answered_and_nobody_elses(as_the_application: None) -> None:
    client, account, _ = resident()
    other, _, _ = resident()

    assert client.post("/resident/privacy/ask/erasure/", {"words": ""}).status_code == 422
    answer = client.post("/resident/privacy/ask/erasure/", {"words": "<b>All</b> of it"})
    address = answer.headers["Location"]
    page = text(client, address)

    assert "&lt;b&gt;All&lt;/b&gt; of it" in page
    assert "Everything that says who you are and what you did is removed for good" in text(
        client, "/resident/privacy/ask/erasure/"
    )
    assert client.post("/resident/privacy/ask/erasure/", {"words": "again"}).status_code == 409
    assert other.get(address).status_code == 404
    assert other.post(address).status_code == 404
    assert client.get("/resident/privacy/ask/nonsense/").status_code == 404
    refuse(Request.objects.get().pk, "Kept for ten years by law.", at=utc_now())
    assert "Kept for ten years by law." in text(client, address)
    assert client.post(address).status_code == 422
    client.post("/resident/privacy/ask/correction/", {"words": "My birth date"})
    correction = next(one for one in requests_of(account) if one.request.kind == "correction")
    assert client.post(f"/resident/privacy/requests/{correction.request.pk}/").status_code == 302
    assert [one.state.value for one in requests_of(account)] == ["taken_back", "refused"]


def test_closing_is_typed_ends_everything_and_signs_out(as_the_application: None) -> None:
    client, account, user = resident()
    providers()
    metro_grant(account)
    group.found(account, "family", "家", at=AT)
    issue_letter(account, at=AT)
    issue(user, scope="read", days=3, at=utc_now())
    credit(account, 3 * KG)
    page = text(client, "/resident/privacy/close/")
    assert 'value="3000000"' in page

    wrong = client.post("/resident/privacy/close/", {"number": f"{account}0"})
    assert wrong.status_code == 422
    assert not Resident.objects.get(pk=account).closed_at
    right = client.post("/resident/privacy/close/", {"number": f" {account} "})

    assert right.headers["Location"] == "/"
    assert client.get("/resident/").status_code == 302
    assert Resident.objects.get(pk=account).closed_at
    assert all(one.is_over for one in standings(account, at=utc_now()))
    assert not Member.objects.filter(ended_at__isnull=True).exists()
    assert not Letter.objects.filter(ended_at__isnull=True).exists()
    assert not ApiToken.objects.filter(revoked_at__isnull=True).exists()
    assert AuditEntry.objects.get(verb="close_account").object_key == str(account)


def test_who_closed_their_account_can_still_look_and_allow_nothing() -> None:
    client, account, user = resident()
    providers()
    client.post("/resident/privacy/close/", {"number": str(account)})
    client = client_of(user)

    assert "This account is closed already." in text(client, "/resident/privacy/close/")
    from web.residents import giving

    assert client.post("/resident/sources/szt/", giving()).status_code == 409
    assert client.post("/resident/privacy/close/", {"number": str(account)}).status_code == 409


def test_the_paper_statement_is_ones_own_in_either_size_and_language() -> None:
    client, account, _ = resident()

    for query in ("", "?print=large", "?language=en", "?language=nonsense"):
        answer = client.get(f"/resident/statement.pdf{query}")

        assert answer.headers["Content-Type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF-")
        assert f"statement-{account}-" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("short", "leads_to"), [("/grants", "/resident/sources/"), ("/rights", "/resident/privacy/")]
)
def test_what_a_notice_names_as_the_way_out_leads_there(client: Client, short: str, leads_to: str) -> None:
    assert client.get(short).headers["Location"] == leads_to
