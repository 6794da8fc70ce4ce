"""The second book in a browser: residents convert and redeem, shops take codes, sponsors and banks look on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.utils import timezone
from playwright.sync_api import Page, expect

from browser.signed_in import sign_in
from points.book import KG, certify, new_organisation, new_sponsor
from tanpuhui.access.membership import join
from tanpuhui.access.models import Holder, Membership, Organisation
from tanpuhui.consent.withdraw import withdraw
from tanpuhui.kit.moment import utc_now
from tanpuhui.points import code
from tanpuhui.points.models import Closing, Offer, Redemption, Sponsor
from tanpuhui.points.redeem import CaptureOrder, capture
from tanpuhui.points.sponsor import FundOrder, fund, open_sponsor
from web.second_book import bank, captured_now, earn, held_now, lets_see, loan, offer_now
from web.site import make_site

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.usefixtures("fresh_home"),
]

Say = Callable[..., str]
Look = Callable[[Page, str], None]


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    for name in ("default", "worker"):
        caches[name].clear()


def offers_of_a_city(sponsor: Sponsor) -> Offer:
    """A coffee, a park, trees and a loan; one is sold out."""
    cafe = new_organisation(Organisation.MERCHANT, "corner-cafe")
    coffee = offer_now(
        sponsor,
        cafe,
        title_zh="中杯咖啡一杯",
        text_zh="任意门店，含热饮与冷饮。",
        text_en="At any of our shops, hot or cold.",
        stock=500,
        per_person=10,
        per_person_day=2,
        per_day=80,
    )
    offer_now(
        sponsor,
        cafe,
        kind=Offer.PUBLIC_SERVICE,
        title_zh="植物园门票",
        title_en="Botanical garden, one entry",
        price_points=12,
    )
    offer_now(
        sponsor,
        cafe,
        kind=Offer.DONATION,
        title_zh="种一棵树",
        title_en="Plant a tree",
        price_points=1,
    )
    offer_now(sponsor, cafe, title_zh="电影票", title_en="Cinema ticket", stock=1)
    loan(bank(), title_zh="绿色消费贷款")
    return coffee


def account_of(people: dict[str, Any]) -> int:
    return int(Holder.objects.get(user=people["resident"]).account)


def test_a_resident_converts_redeems_and_shows_the_code(page: Page, say: Say, look: Look) -> None:
    people = make_site()
    sponsor = new_sponsor("10000.00")
    coffee = offers_of_a_city(sponsor)
    account = account_of(people)
    certify(account, 48 * KG + 250_000)
    page.goto("/about/")
    sign_in(page, people["resident"])
    page.goto("/resident/points/")
    look(page, "points-none")
    page.get_by_role("link", name=say("Turn reductions into points")).click()
    page.get_by_label(say("How many points")).fill("99")
    page.get_by_role("button", name=say("See what will happen")).click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label(say("How many points")).fill("40")
    page.get_by_role("button", name=say("See what will happen")).click()
    look(page, "points-preview")
    page.get_by_role("button", name=say("Convert"), exact=True).click()
    expect(page.locator(".message.success")).to_be_visible()
    look(page, "points-converted")

    cinema = Offer.objects.get(title_en="Cinema ticket")
    held_now(cinema, account)
    page.goto("/resident/points/offers/")
    look(page, "points-offers")
    page.goto(f"/resident/points/offers/{coffee.code}/")
    look(page, "points-offer")
    page.get_by_label(say("How many")).fill("2")
    page.get_by_role("button", name=say("Redeem"), exact=True).click()
    expect(page.locator(".big-qr")).to_be_visible()
    look(page, "points-code")
    found = Redemption.objects.get(offer_id=coffee.pk)
    order = CaptureOrder("c", found.pk, "corner-cafe", 1)
    capture(order, day=timezone.localdate(), at=utc_now()).accepted()

    expect(page.get_by_text(say("It was taken. Enjoy it!"))).to_be_visible(timeout=15_000)
    page.reload()
    expect(page.locator(".big-qr")).to_have_count(0)
    look(page, "points-taken")
    page.goto("/resident/points/history/")
    look(page, "points-history")
    page.goto("/resident/")
    look(page, "resident-home-points")


def test_a_resident_reads_a_banks_terms_agrees_and_applies(page: Page, say: Say, look: Look) -> None:
    people = make_site()
    loan(bank(), title_zh="绿色消费贷款", text_zh="利率按等级优惠。", text_en="A lower rate by tier.")
    certify(account_of(people), 25 * KG)
    page.goto("/about/")
    sign_in(page, people["resident"])
    page.goto("/resident/points/offers/?kind=financial")
    page.get_by_role("main").locator("a.offer").click()
    look(page, "points-loan")
    page.get_by_role("link", name=say("Read it, and decide")).click()
    page.get_by_role("checkbox").nth(1).check()
    page.get_by_role("checkbox").last.check()
    page.get_by_role("button", name=say("Allow"), exact=True).click()
    expect(page.get_by_text(say("You agreed that this bank sees your tier"))).to_be_visible()
    page.get_by_role("button", name=say("Apply"), exact=True).click()

    expect(page.get_by_text(say("The bank answers until"))).to_be_visible()
    look(page, "points-applied")
    page.get_by_role("button", name=say("Take the application back")).click()
    expect(page.locator(".message.success")).to_be_visible()


def shop(people: dict[str, Any], sponsor: Sponsor, **changes: Any) -> Offer:
    """The member's own shop with a coffee."""
    cafe = Organisation.objects.get(code="own-merchant")
    texts = {
        "title_zh": "中杯咖啡一杯",
        "text_zh": "任意门店，含热饮与冷饮。",
        "text_en": "At any of our shops.",
    }
    return offer_now(sponsor, cafe, **{**texts, **changes})


def test_a_shop_takes_a_code_gives_points_back_and_settles(page: Page, say: Say, look: Look) -> None:
    people = make_site()
    sponsor = new_sponsor("10000.00")
    coffee = shop(people, sponsor, stock=500)
    account = account_of(people)
    earn(account, sponsor, 40)
    found = held_now(coffee, account, 3)
    token = code.sign(found, coffee)
    page.goto("/about/")
    sign_in(page, people["merchant"])
    page.goto("/merchant/own-merchant/")
    page.get_by_role("link", name=say("Open the till")).click()
    page.locator("#id_code").fill("99-AAAAAA")
    page.get_by_role("button", name=say("Look it up")).click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page, "till-refused")
    page.locator("#id_code").fill(code.spoken(token, found.pk))
    page.get_by_role("button", name=say("Look it up")).click()
    look(page, "till-found")
    page.get_by_label(say("How many")).fill("2")
    page.get_by_role("button", name=say("Take it"), exact=True).click()
    expect(page.locator(".message.success")).to_be_visible()
    look(page, "till-taken")
    page.goto("/merchant/own-merchant/redemptions/")
    page.get_by_role("link", name=say("Refund")).click()
    page.get_by_label(say("Points that go back")).fill("3")
    page.get_by_label(say("Reason")).fill("凉了")
    look(page, "merchant-refund")
    page.get_by_role("button", name=say("Give the points back")).click()
    expect(page.locator(".message.success")).to_be_visible()
    look(page, "merchant-redemptions")
    page.goto("/merchant/own-merchant/settlements/")
    look(page, "merchant-settlements-open")
    page.get_by_role("button", name=say("Settle")).click()
    expect(page.get_by_text(say("not paid yet"))).to_be_visible()
    look(page, "merchant-settlements")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="CSV").click()
    assert ",total," in Path(downloading.value.path()).read_text(encoding="utf-8-sig")
    page.goto("/merchant/own-merchant/")
    look(page, "merchant-home-numbers")


def test_a_shop_publishes_an_offer_and_stops_it(page: Page, say: Say, look: Look) -> None:
    people = make_site()
    new_sponsor("10000.00")
    page.goto("/about/")
    sign_in(page, people["merchant"])
    page.goto("/merchant/own-merchant/offers/")
    page.get_by_role("link", name=say("Make an offer")).click()
    look(page, "offer-new")
    for name, text in (
        ("Title in Chinese", "骑行满减券"),
        ("Title in English", "A ride for less"),
        ("What it is, in Chinese", "单车骑行一次立减。"),
        ("What it is, in English", "Off one ride."),
        ("Price in points", "5"),
        ("How many there are", "200"),
        ("At most for one person", "2"),
    ):
        page.get_by_label(say(name)).first.fill(text)
    page.get_by_role("button", name=say("See the draft")).click()
    expect(page.get_by_text(say("Draft: nothing is published yet"))).to_be_visible()
    look(page, "offer-draft")
    page.get_by_role("button", name=say("Publish"), exact=True).click()
    expect(page.locator(".message.success")).to_be_visible()
    look(page, "offer-published")
    page.get_by_label(say("Reason")).fill("缺货")
    page.get_by_role("button", name=say("Stop the offer")).click()
    expect(page.locator(".message.success")).to_be_visible()
    page.goto("/merchant/own-merchant/offers/")
    look(page, "offers-own")


@pytest.mark.goes_offline
def test_a_till_takes_codes_without_a_network_and_sends_each_once(page: Page, say: Say, look: Look) -> None:
    people = make_site()
    sponsor = new_sponsor("10000.00")
    coffee = shop(people, sponsor, offline_points=6, offline_s=86_400)
    account = account_of(people)
    earn(account, sponsor, 60)
    good = held_now(coffee, account)
    large = held_now(coffee, account, 3)
    token = code.sign(good, coffee)
    head, body, signature = token.split(".")
    page.goto("/about/")
    sign_in(page, people["merchant"])
    page.goto("/merchant/own-merchant/till/offline/")
    expect(page.locator("#till[data-began]")).to_be_attached(timeout=15_000)
    expect(page.locator("#till-ready")).to_have_text(say("Ready to work without a network."))
    look(page, "offline-till")

    page.context.set_offline(True)
    page.reload()
    expect(page.locator("#till[data-began]")).to_be_attached(timeout=15_000)

    def take(given: str, word: str) -> None:
        page.locator("#till-code").fill(given)
        page.get_by_role("button", name=say("Check and take")).click()
        expect(page.locator("#till-verdict")).to_have_text(say(word))

    take("nothing.of.this", "Not a code of this platform. Give nothing for it.")
    take(f"{head}.{body[:-2]}AA.{signature}", "Not a code of this platform. Give nothing for it.")
    take(code.sign(large, coffee), "Too many points to take without a network. Use the normal till.")
    take(code.spoken(token, good.pk), "What is read out needs a network: use the normal till.")
    take(token, "Taken")
    expect(page.locator("#till-waiting")).to_be_visible()
    look(page, "offline-till-taken")
    take(token, "This code was taken on this device before. It is good once.")
    assert not Closing.objects.exists()
    page.reload()
    take(token, "This code was taken on this device before. It is good once.")

    page.context.set_offline(False)
    expect(page.locator("#till-list .badge.good")).to_be_visible(timeout=15_000)
    look(page, "offline-till-sent")
    assert [(one.pk, one.points) for one in Closing.objects.all()] == [(good.pk, 3)]
    page.reload()
    expect(page.locator("#till[data-began]")).to_be_attached(timeout=15_000)
    take(token, "This code was taken on this device before. It is good once.")
    assert Closing.objects.count() == 1


def an_offline_till(page: Page, user: Any) -> None:
    page.goto("/about/")
    sign_in(page, user)
    page.goto("/merchant/own-merchant/till/offline/")
    expect(page.locator("#till[data-began]")).to_be_attached(timeout=15_000)


def taken_at(page: Page, given: str, verdict: str) -> None:
    page.locator("#till-code").fill(given)
    page.locator("#till-form button").first.click()
    expect(page.locator("#till-verdict")).to_have_text(verdict, timeout=15_000)


@pytest.mark.goes_offline
def test_of_two_tills_without_a_network_the_one_that_sends_second_is_told(page: Page, say: Say) -> None:
    people = make_site()
    sponsor = new_sponsor("10000.00")
    coffee = shop(people, sponsor, offline_points=6, offline_s=86_400)
    account = account_of(people)
    earn(account, sponsor, 60)
    token = code.sign(held_now(coffee, account), coffee)
    an_offline_till(page, people["merchant"])
    browser = page.context.browser
    assert browser is not None
    language = page.evaluate("navigator.language")
    other = browser.new_context(base_url=page.url.split("/merchant/")[0], locale=language).new_page()
    an_offline_till(other, people["merchant"])
    for till in (page, other):
        till.context.set_offline(True)
        taken_at(till, token, say("Taken"))

    page.context.set_offline(False)
    expect(page.locator("#till-list .badge.good")).to_be_visible(timeout=15_000)
    other.context.set_offline(False)

    expect(other.locator("#till-list .badge.bad")).to_be_visible(timeout=15_000)
    assert Closing.objects.count() == 1
    other.context.close()


def test_a_till_with_a_network_says_at_once_that_a_code_is_spent(page: Page, say: Say) -> None:
    people = make_site()
    sponsor = new_sponsor("10000.00")
    coffee = shop(people, sponsor, offline_points=6, offline_s=86_400)
    account = account_of(people)
    earn(account, sponsor, 60)
    spent = code.sign(captured_now(coffee, account), coffee)
    an_offline_till(page, people["merchant"])

    taken_at(page, spent, say("not captured"))

    expect(page.locator("#till-said")).to_have_class("message narrow-left error")
    assert Closing.objects.count() == 1


@pytest.mark.goes_offline
def test_a_till_whose_clock_goes_back_takes_nothing_until_it_is_connected(page: Page, say: Say) -> None:
    people = make_site()
    sponsor = new_sponsor("10000.00")
    coffee = shop(people, sponsor, offline_points=6, offline_s=86_400)
    account = account_of(people)
    earn(account, sponsor, 60)
    first, second = (code.sign(held_now(coffee, account), coffee) for _ in range(2))
    an_offline_till(page, people["merchant"])
    page.context.set_offline(True)
    taken_at(page, first, say("Taken"))

    page.evaluate("() => { const now = Date.now; Date.now = () => now() - 3600000 }")
    taken_at(page, second, say("This device's clock went back. Connect once, then it is right again."))
    page.context.set_offline(False)
    expect(page.locator("#till-list .badge.good")).to_be_visible(timeout=15_000)
    taken_at(page, second, say("Taken"))

    expect(page.locator("#till-list .badge.good")).to_have_count(2, timeout=15_000)
    assert Closing.objects.count() == 2


def test_a_company_that_sponsors_sees_what_it_owes(page: Page, say: Say, look: Look) -> None:
    people = make_site()
    own = Organisation.objects.get(code="own-company")
    sponsor = open_sponsor(own.code, currency="CNY", point_value_minor=200, at=utc_now())
    fund(FundOrder("f", own.code, "5000.00", "CNY", "B-1"), at=utc_now()).accepted()
    account = account_of(people)
    earn(account, sponsor, 40)
    coffee = shop(people, sponsor)
    captured_now(coffee, account, 2)
    page.goto("/about/")
    sign_in(page, people["company"])
    page.goto("/company/own-company/")
    page.get_by_role("link", name=say("What you owe")).click()

    expect(page.locator(".badge.good").first).to_have_text(say("covers all of it"))
    look(page, "sponsor")


def test_a_bank_publishes_a_product_and_grants_an_application(page: Page, say: Say, look: Look) -> None:
    people = make_site()
    own = bank()
    join(people["bank"], own, Membership.MEMBER, at=utc_now())
    account = account_of(people)
    certify(account, 25 * KG)
    grant = lets_see(account, own)
    held_now(loan(own, title_zh="绿色消费贷款"), account)
    page.goto("/about/")
    sign_in(page, people["bank"])
    page.goto("/bank/bank/offers/new/")
    look(page, "bank-product-new")
    for name, text in (
        ("Title in Chinese", "绿色信用卡"),
        ("Title in English", "Green card"),
        ("What it is, in Chinese", "按等级减免年费。"),
        ("What it is, in English", "A lower yearly fee by tier."),
        ("From how many kilograms on", "5"),
        ("Percentage points off the yearly rate", "0.15"),
        ("Terms in Chinese", "年费减半"),
        ("Terms in English", "Half the yearly fee"),
    ):
        page.get_by_label(say(name)).first.fill(text)
    page.get_by_role("button", name=say("See the draft")).click()
    expect(page.get_by_text(say("Draft: nothing is published yet"))).to_be_visible()
    look(page, "bank-product-draft")
    page.get_by_role("button", name=say("Publish"), exact=True).click()
    expect(page.locator(".message.success")).to_be_visible()
    page.goto("/bank/bank/applications/")
    look(page, "bank-applications")
    page.locator("form[action$='/grant/'] button").click()
    expect(page.locator(".message.success")).to_be_visible()
    withdraw(grant.pk, at=utc_now(), by="resident", method="test")
    page.goto("/bank/bank/ended-consents/")
    look(page, "bank-ended")
    page.get_by_role("button", name=say("Taken note")).click()

    expect(page.get_by_text(say("Nothing waits for you."))).to_be_visible()
    assert Closing.objects.get().state == "captured"


def test_the_operator_opens_and_funds_a_sponsor_and_looks_at_what_was_redeemed(
    page: Page, say: Say, look: Look
) -> None:
    people = make_site()
    sponsor = new_sponsor("10000.00")
    account = account_of(people)
    earn(account, sponsor, 40)
    captured_now(shop(people, sponsor), account, 2)
    page.goto("/about/")
    sign_in(page, people["operator"])
    page.goto("/console/sponsors/")
    page.get_by_role("link", name=say("Open a sponsor")).click()
    page.get_by_label(say("Organisation")).select_option("own-company")
    page.get_by_label(say("A point is worth")).fill("1.50")
    page.get_by_role("button", name=say("Open"), exact=True).click()
    page.get_by_role("link", name=say("Fund"), exact=True).click()
    page.get_by_label(say("Amount")).fill("12.345")
    page.get_by_label(say("The bank's reference")).fill("B-118")
    page.get_by_role("button", name=say("Enter"), exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label(say("Amount")).fill("2500.00")
    page.get_by_role("button", name=say("Enter"), exact=True).click()
    expect(page.get_by_text("2500.00 CNY").first).to_be_visible()
    look(page, "console-sponsor")
    for place in ("sponsors", "offers", "redemptions", "settlements", "bank-lines"):
        page.goto(f"/console/{place}/")
        look(page, f"console-{place}")
