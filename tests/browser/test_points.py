"""The second book in a browser: a resident converts, redeems and shows the code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.utils import timezone
from playwright.sync_api import Page, expect

from browser.signed_in import sign_in
from points.book import KG, certify, new_organisation, new_sponsor
from tanpuhui.access.models import Holder, Organisation
from tanpuhui.kit.moment import utc_now
from tanpuhui.points.models import Offer, Redemption, Sponsor
from tanpuhui.points.redeem import CaptureOrder, capture
from web.second_book import bank, held_now, loan, offer_now
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
