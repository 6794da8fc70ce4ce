"""A resident's points: converting with a preview, offers with their limits, codes, and what became of them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from points.book import KG, certify, new_sponsor, points_of
from tanpuhui.consent.withdraw import withdraw
from tanpuhui.kit.moment import utc_now
from tanpuhui.points import code
from tanpuhui.points.models import Conversion, Offer, Redemption, Sponsor, Stop
from tanpuhui.points.redeem import CaptureOrder, capture
from tanpuhui.points.refund import RefundOrder, refund
from web.residents import agreeing, resident
from web.second_book import bank, captured_now, earn, held_now, lets_see, loan, offer_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
CONVERT = "/resident/points/convert/"


@pytest.fixture()
def sponsor() -> Sponsor:
    return new_sponsor("100.00", value_minor=200)


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address, HTTP_ACCEPT_LANGUAGE="en")
    assert answer.status_code == status
    return answer.content.decode()


def asking(sponsor: Sponsor, points: object, do: str, key: object = "") -> dict[str, Any]:
    return {"sponsor": sponsor.code, "points": points, "do": do, "key": key or uuid4()}


def wanting(quantity: object = 1, key: object = "") -> dict[str, Any]:
    return {"quantity": quantity, "key": key or uuid4()}


def offer_address(offer: Offer) -> str:
    return f"/resident/points/offers/{offer.code}/"


def test_without_points_the_page_says_how_they_come(sponsor: Sponsor) -> None:
    client, account, _ = resident()
    empty = page(client, "/resident/points/")
    certify(account, 3 * KG)

    assert "When" in empty
    assert "which can become 3 points" in page(client, "/resident/points/")


def test_what_is_converted_is_shown_before_it_is_done(sponsor: Sponsor) -> None:
    client, account, _ = resident()
    certify(account, 7 * KG + 5)

    preview = client.post(CONVERT, asking(sponsor, 4, "preview"), HTTP_ACCEPT_LANGUAGE="en")
    shown = preview.content.decode()
    before = Conversion.objects.count()

    assert preview.status_code == 200
    assert (before, points_of(account, sponsor)) == (0, (0, 0))
    assert preview.context["preview"]["amount_mg"] == 4 * KG
    assert preview.context["preview"]["left_mg"] == 3 * KG + 5
    for said in ("retired in your name", "illustrative", "the demonstration&#x27;s own rule", "4 points"):
        assert said in shown


def test_a_conversion_that_is_sent_twice_is_made_once(sponsor: Sponsor) -> None:
    client, account, _ = resident()
    certify(account, 7 * KG)
    order = asking(sponsor, 4, "convert")

    first, again = client.post(CONVERT, order), client.post(CONVERT, order)

    assert (first.status_code, again.status_code) == (302, 302)
    assert points_of(account, sponsor) == (4, 0)
    assert Conversion.objects.count() == 1
    assert "4 <span" in page(client, "/resident/points/")
    assert "from <data" in page(client, "/resident/points/history/")


@pytest.mark.parametrize("points", ["0", "8", "-1", "x", ""])
def test_more_than_there_is_cannot_be_converted_and_what_was_typed_stays(
    points: str, sponsor: Sponsor
) -> None:
    client, account, _ = resident()
    certify(account, 7 * KG)

    answer = client.post(CONVERT, asking(sponsor, points, "convert"))

    assert answer.status_code == 422
    assert f'value="{points}"' in answer.content.decode() or not points
    assert not Conversion.objects.exists()


def test_a_budget_of_three_points_gives_three_however_much_is_certified() -> None:
    sponsor = new_sponsor("6.00", value_minor=200)
    client, account, _ = resident()
    certify(account, 7 * KG)

    shown = client.get(CONVERT).context["form"]
    over, whole = (client.post(CONVERT, asking(sponsor, count, "convert")) for count in (4, 3))

    assert shown.initial["points"] == 3
    assert (over.status_code, whole.status_code) == (422, 302)
    assert "No sponsor has money left" in page(client, CONVERT)


def test_offers_are_listed_by_kind_with_what_is_left_and_what_is_over_is_said_to_be(sponsor: Sponsor) -> None:
    client, account, _ = resident()
    earn(account, sponsor, 20)
    last = offer_now(sponsor, title_en="Last cup", stock=1)
    offer_now(sponsor, title_en="Park ticket", stock=9, per_day=2)
    now = utc_now()
    offer_now(sponsor, title_en="Yesterday's", starts_at=now - timedelta(days=3), ends_at=now - timedelta(1))
    stopped = offer_now(sponsor, title_en="Stopped one")
    Stop.objects.create(offer=stopped, reason="broken", at=now)
    offer_now(sponsor, title_en="For the trees", kind=Offer.DONATION, price_points=1)
    held_now(last, account)

    shown = page(client, "/resident/points/offers/")
    donations = page(client, "/resident/points/offers/?kind=donation")

    for said in ("9 left", "2 left today", "sold out", "over", "stopped", "as many points as you like"):
        assert said in shown
    assert ("For the trees" in donations, "Park ticket" in donations) == (True, False)


def test_a_resident_redeems_and_shows_a_code_that_the_platform_signed(sponsor: Sponsor) -> None:
    client, account, _ = resident()
    earn(account, sponsor, 10)
    offer = offer_now(sponsor, per_person=3, text_en="One cup")
    order = wanting(2)

    answer = client.post(offer_address(offer), order)
    again = client.post(offer_address(offer), order)
    shown = page(client, answer.headers["Location"])

    found = Redemption.objects.get()
    assert (
        answer.headers["Location"] == again.headers["Location"] == f"/resident/points/redemptions/{found.pk}/"
    )
    assert points_of(account, sponsor) == (4, 6)
    token = code.sign(found, offer)
    assert code.read(token, code.public_key()).quantity == 2
    assert token in shown
    assert code.spoken(token, found.pk) in shown
    assert 'src="data:image/svg+xml' in shown
    assert "points held" in page(client, "/resident/points/")


def test_what_is_refused_keeps_the_form_and_may_be_asked_for_again_with_less(sponsor: Sponsor) -> None:
    client, account, _ = resident()
    earn(account, sponsor, 5)
    offer = offer_now(sponsor)
    order = wanting(2)

    refused = client.post(offer_address(offer), order, HTTP_ACCEPT_LANGUAGE="en")
    shown = refused.content.decode()
    fresh = re.search(r'name="key" value="([^"]+)"', shown)

    assert refused.status_code == 422
    assert "6 points are needed" in shown
    assert 'name="quantity" value="2"' in shown
    assert fresh
    assert fresh[1] != str(order["key"])
    assert client.post(offer_address(offer), wanting(1, fresh[1])).status_code == 302


def test_the_limit_of_one_person_is_said_in_words(sponsor: Sponsor) -> None:
    client, account, _ = resident()
    earn(account, sponsor, 20)
    offer = offer_now(sponsor, per_person=2)

    shown = page(client, offer_address(offer))
    refused = client.post(offer_address(offer), wanting(3), HTTP_ACCEPT_LANGUAGE="en").content.decode()

    assert "At most 2 for one person" in shown
    assert "one person gets at most 2 in all and – a day" in refused


def test_a_resident_cancels_and_has_the_points_back(sponsor: Sponsor) -> None:
    client, account, _ = resident()
    earn(account, sponsor, 5)
    found = held_now(offer_now(sponsor), account)
    address = f"/resident/points/redemptions/{found.pk}/"

    first, again = client.post(f"{address}cancel/"), client.post(f"{address}cancel/")

    assert (first.status_code, again.status_code) == (302, 302)
    assert points_of(account, sponsor) == (5, 0)
    assert "cancelled" in page(client, address)


def test_what_a_shop_may_have_taken_without_a_network_is_not_cancelled(sponsor: Sponsor) -> None:
    client, account, _ = resident()
    earn(account, sponsor, 5)
    found = held_now(offer_now(sponsor, offline_s=3_600, offline_points=6), account)
    address = f"/resident/points/redemptions/{found.pk}/"

    shown = page(client, address)
    client.post(f"{address}cancel/")

    assert "cannot be cancelled" in shown
    assert "Cancel, and get the points back" not in shown
    assert points_of(account, sponsor) == (2, 3)


def test_the_state_follows_what_the_shop_does_and_a_refund_is_seen(sponsor: Sponsor) -> None:
    client, account, _ = resident()
    earn(account, sponsor, 5)
    offer = offer_now(sponsor)
    found = held_now(offer, account)
    state = f"/resident/points/redemptions/{found.pk}/state/"
    waiting = page(client, state)
    capture(
        CaptureOrder("k", found.pk, offer.organisation.code), day=timezone.localdate(), at=utc_now()
    ).accepted()
    order = RefundOrder("r", found.pk, offer.organisation.code, 2, "It was cold.")
    refund(order, day=timezone.localdate(), at=utc_now()).accepted()

    shown = page(client, state)

    assert "every 4s" in waiting
    assert "hx-get" not in shown
    assert "It was taken" in shown
    assert "2 points came back" in shown
    assert "It was cold." in shown
    assert "2 back" in page(client, "/resident/points/history/")


def test_somebody_elses_redemption_is_not_there(sponsor: Sponsor) -> None:
    client, _, _ = resident()
    _, other, _ = resident()
    earn(other, sponsor, 5)
    found = held_now(offer_now(sponsor), other)
    address = f"/resident/points/redemptions/{found.pk}/"

    assert client.get(address).status_code == 404
    assert client.get(f"{address}state/").status_code == 404
    assert client.post(f"{address}cancel/").status_code == 404
    assert points_of(other, sponsor) == (2, 3)


def test_a_code_whose_time_is_over_is_not_shown_any_more(sponsor: Sponsor) -> None:
    client, account, _ = resident()
    now = utc_now()
    earn(account, sponsor, 5)
    found = held_now(offer_now(sponsor, code_s=60), account, at=now - timedelta(seconds=61))

    shown = page(client, f"/resident/points/redemptions/{found.pk}/")

    assert "data:image" not in shown
    assert "time is over" in shown


def test_a_financial_product_needs_its_own_consent_and_the_way_leads_there_and_back(sponsor: Sponsor) -> None:
    client, account, _ = resident()
    certify(account, 25 * KG)
    offer = loan(bank())

    before = page(client, offer_address(offer))
    consent = "/resident/sources/to/disclosure/bank/"
    refused = client.post(offer_address(offer), wanting())
    agreed = client.post(f"{consent}?offer={offer.code}", agreeing(client, "account_tier"))
    after = page(client, agreed.headers["Location"])

    assert f'href="{consent}?offer={offer.code}"' in before
    for said in ("0.1 percentage points", "0.25 percentage points", "your tier", "What the bank gets to see"):
        assert said in before
    assert "Apply" not in before
    assert refused.status_code == 422
    assert agreed.headers["Location"] == offer_address(offer)
    assert "Apply" in after
    assert client.post(offer_address(offer), wanting()).status_code == 302


def test_below_the_first_tier_nobody_applies(sponsor: Sponsor) -> None:
    client, account, _ = resident()
    certify(account, KG - 1)
    offer = loan(bank())
    lets_see(account, bank())

    shown = page(client, offer_address(offer))
    refused = client.post(offer_address(offer), wanting(), HTTP_ACCEPT_LANGUAGE="en")

    assert "below the first tier" in shown
    assert refused.status_code == 422
    assert "begins at 1 kg" in refused.content.decode()


def test_after_a_withdrawal_the_product_asks_for_the_consent_again() -> None:
    client, account, _ = resident()
    certify(account, 25 * KG)
    offer = loan(bank())
    grant = lets_see(account, bank())
    withdraw(grant.pk, at=utc_now(), by="resident", method="test")

    assert "It needs a consent of its own" in page(client, offer_address(offer))


def test_an_offer_that_is_not_this_banks_leads_nowhere_after_a_consent() -> None:
    client, _, _ = resident()
    bank()

    answer = client.post(
        "/resident/sources/to/disclosure/bank/?offer=//evil.example", agreeing(client, "account_tier")
    )

    assert "/receipt/" in answer.headers["Location"]


def test_points_that_end_first_are_shown_first(sponsor: Sponsor) -> None:
    client, account, _ = resident()
    now = utc_now()
    earn(account, sponsor, 5, at=now - timedelta(days=100))
    earn(account, sponsor, 7, at=now)
    offer = offer_now(sponsor)
    captured_now(offer, account)

    [balance] = client.get("/resident/points/").context["balances"]

    assert [one.points for one in balance.batches] == [2, 7]
    assert balance.batches[0].expires_at < balance.batches[1].expires_at


def test_it_all_works_with_the_servers_rights(sponsor: Sponsor, as_the_application: None) -> None:
    client, account, _ = resident()
    earn(account, sponsor, 5)
    certify(account, 2 * KG)
    offer = offer_now(sponsor)

    asked = client.post(offer_address(offer), wanting())
    converted = client.post(CONVERT, asking(sponsor, 2, "convert"))

    assert (asked.status_code, converted.status_code) == (302, 302)
    assert client.post(f"{asked.headers['Location']}cancel/").status_code == 302
    assert points_of(account, sponsor) == (7, 0)
