"""A bank's products: published by tier, applications with a reference and no person, and consents that ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from django.utils import timezone

from points.book import AT, KG, certify, findings, new_organisation
from tanpuhui.access.membership import join
from tanpuhui.access.models import Membership, Organisation, User
from tanpuhui.consent.models import Resident
from tanpuhui.consent.withdraw import pause, withdraw
from tanpuhui.copies.declined import why_not_granted
from tanpuhui.kit.moment import utc_now
from tanpuhui.points import code
from tanpuhui.points.models import Closing, Delivery, Offer, Outbox, Redemption
from web.second_book import bank, held_now, lets_see, loan
from web.site import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
HOME = "/bank/bank/"
ACCOUNT = 987_654_321


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    for name in ("default", "worker"):
        caches[name].clear()


def member(role: str = Membership.MEMBER, organisation: Organisation | None = None) -> Client:
    user = User.objects.create_user(f"{role}-{User.objects.count()}@bank.example", language="en")
    join(user, organisation or bank(), role, at=utc_now())
    return client_of(user)


@pytest.fixture()
def clerk() -> Client:
    return member()


def page(client: Client, address: str) -> str:
    answer = client.get(f"{HOME}{address}", HTTP_ACCEPT_LANGUAGE="en")
    assert answer.status_code == 200
    return answer.content.decode()


def send(client: Client, address: str, **given: Any) -> Any:
    return client.post(f"{HOME}{address}", given, HTTP_ACCEPT_LANGUAGE="en", follow=True)


def applied() -> tuple[Redemption, Any]:
    """Somebody with 25 kg asked for the loan; their consent is the second value."""
    Resident.objects.get_or_create(pk=ACCOUNT, defaults={"opened_at": AT})
    certify(ACCOUNT, 25 * KG + 123_457)
    grant = lets_see(ACCOUNT, bank())
    return held_now(loan(bank()), ACCOUNT), grant


def reference(found: Redemption) -> str:
    return code.spoken(code.sign(found, Offer.objects.get(pk=found.offer_id)), found.pk)


def filled(**other: Any) -> dict[str, Any]:
    now = timezone.localtime()
    tiers = [(1, "0.10", "一档", "First"), (20, "0.25", "二档", "Second"), ("", "", "", ""), ("", "", "", "")]
    rows = {
        f"tier-{number}-{name}": value
        for number, row in enumerate(tiers)
        for name, value in zip(("least_kg", "rate", "text_zh", "text_en"), row, strict=True)
    }
    return {
        "kind": "financial",
        "title_zh": "绿色贷款",
        "title_en": "Green loan",
        "text_zh": "按等级优惠",
        "text_en": "By tier",
        "starts_at": now.strftime("%Y-%m-%dT%H:%M"),
        "ends_at": (now + timedelta(days=90)).strftime("%Y-%m-%dT%H:%M"),
        "stock": "",
        "per_person": 1,
        "code_minutes": 20_160,
        "code": "green-loan",
        "tier-TOTAL_FORMS": 4,
        "tier-INITIAL_FORMS": 0,
        **rows,
        "do": "publish",
        **other,
    }


def test_a_product_is_published_with_the_terms_of_every_tier(clerk: Client) -> None:
    draft = clerk.post(f"{HOME}offers/new/", filled(do="preview"), HTTP_ACCEPT_LANGUAGE="en").content.decode()
    kept = Offer.objects.count()
    made = clerk.post(f"{HOME}offers/new/", filled())

    assert ("0.25 percentage points" in draft, kept) == (True, 0)
    assert made.status_code == 302
    offer = Offer.objects.get()
    assert list(offer.terms.order_by("least_kg").values_list("least_kg", "rate_discount_bp")) == [
        (1, 10),
        (20, 25),
    ]
    assert (offer.price_points, offer.sponsor, offer.offline_points) == (0, None, 0)
    assert "Everybody in a tier gets the same terms" in page(clerk, "offers/green-loan/")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tier-1-rate": "0.05"}, "a higher tier gets less than a lower one"),
        ({"tier-1-least_kg": "1"}, "a tier has two sets of terms"),
        ({"tier-1-rate": "0.001"}, "decimal places"),
        ({"tier-0-text_zh": ""}, "required"),
        ({"tier-TOTAL_FORMS": "x"}, "Terms by tier"),
    ],
)
def test_terms_that_treat_people_unequally_or_lack_something_are_refused(
    wrong: dict[str, Any], said: str, clerk: Client
) -> None:
    answer = clerk.post(f"{HOME}offers/new/", filled(**wrong), HTTP_ACCEPT_LANGUAGE="en")

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Offer.objects.exists()


def test_an_application_shows_tier_and_reference_and_nothing_of_the_person(clerk: Client) -> None:
    found, grant = applied()
    shown = [page(clerk, "applications/"), page(clerk, "applications/?show=all"), page(clerk, "")]
    withdraw(grant.pk, at=utc_now(), by="resident", method="test")
    refused = send(clerk, f"applications/{found.pk}/grant/").content.decode()
    shown += [refused, page(clerk, "ended-consents/"), page(clerk, "offers/")]

    assert "tier from 20 kg" in shown[0]
    assert reference(found) in shown[0]
    assert "The consent has ended" in refused
    for one in shown:
        assert str(ACCOUNT) not in one.replace(",", "")
        assert "25.1" not in one


def test_an_application_is_granted_once(clerk: Client) -> None:
    found, _ = applied()

    first = send(clerk, f"applications/{found.pk}/grant/")
    again = send(clerk, f"applications/{found.pk}/grant/")
    late = send(clerk, f"applications/{found.pk}/decline/", reason="over")

    assert "It is granted." in first.content.decode()
    assert "It is granted." in again.content.decode()
    assert "ends once" in late.content.decode()
    assert Closing.objects.get().state == "captured"
    assert "granted" in page(clerk, "applications/?show=all")
    assert findings() == []


def test_an_application_is_declined(clerk: Client) -> None:
    found, _ = applied()

    for wrong in ({}, {"reason": "they are late payers"}):
        assert (
            "the applicant reads it"
            in send(clerk, f"applications/{found.pk}/decline/", **wrong).content.decode()
        )
    assert not Closing.objects.exists()
    send(clerk, f"applications/{found.pk}/decline/", reason="papers")

    closing = Closing.objects.get()
    said = why_not_granted(found.pk, closing.key, found.account)
    assert "Papers that the terms ask for were not shown." in said
    assert (
        why_not_granted(found.pk, f"web:release:{found.account}:1", found.account)
        == "You took the application back."
    )
    assert "gave no reason" in why_not_granted(0, closing.key, found.account)
    assert Closing.objects.get().state == "released"
    assert reference(found) not in page(clerk, "applications/")
    assert "declined or taken back" in page(clerk, "applications/?show=all")


def test_a_consent_that_ends_is_told_to_the_bank_until_it_takes_note(clerk: Client) -> None:
    found, grant = applied()
    send(clerk, f"applications/{found.pk}/grant/")
    pause(grant.pk, at=utc_now(), by="resident", method="test")
    waiting = page(clerk, "ended-consents/")
    message = Outbox.objects.get()

    for _ in range(2):
        send(clerk, "ended-consents/note/", message=message.pk)

    assert "paused" in waiting
    assert "1 consent has ended" not in page(clerk, "applications/")
    assert Delivery.objects.count() == 1
    assert "Nothing waits for you." in page(clerk, "ended-consents/")
    assert reference(found) in page(clerk, "ended-consents/")


def test_another_bank_sees_and_answers_nothing_of_it(clerk: Client) -> None:
    found, grant = applied()
    other = new_organisation(Organisation.BANK, "other-bank")
    stranger = member(organisation=other)
    withdraw(grant.pk, at=utc_now(), by="resident", method="test")
    message = Outbox.objects.get()

    answers = [
        stranger.post(f"/bank/other-bank/applications/{found.pk}/{verb}/").status_code
        for verb in ("grant", "decline")
    ]
    stranger.post("/bank/other-bank/ended-consents/note/", {"message": [message.pk, "x", "9" * 30]})

    assert answers == [404, 404]
    assert not Delivery.objects.exists()
    assert reference(found) not in stranger.get("/bank/other-bank/applications/?show=all").content.decode()


def test_an_auditor_looks_and_answers_nothing(clerk: Client) -> None:
    found, _ = applied()
    auditor = member(Membership.AUDITOR)

    assert "Grant<" not in page(auditor, "applications/")
    assert auditor.post(f"{HOME}applications/{found.pk}/grant/").status_code == 403
    assert auditor.post(f"{HOME}ended-consents/note/").status_code == 403
    assert auditor.get(f"{HOME}offers/new/").status_code == 403


def test_it_all_works_with_the_servers_rights(clerk: Client, as_the_application: None) -> None:
    found, grant = applied()
    granted = send(clerk, f"applications/{found.pk}/grant/")
    withdraw(grant.pk, at=utc_now(), by="resident", method="test")
    noted = send(clerk, "ended-consents/note/", message=Outbox.objects.get().pk)

    assert "It is granted." in granted.content.decode()
    assert "Taken note of." in noted.content.decode()
    assert Delivery.objects.count() == 1
