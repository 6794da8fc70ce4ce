"""A company takes a listing, pays by its bank, and sees it settled; the operator imports the bank's file."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.db import transaction
from playwright.sync_api import Page, expect

from browser.signed_in import sign_in
from browser.test_company import show_again
from market.exchange import new_key
from money.bank import bank_file
from tanpuhui.access.models import User
from tanpuhui.kit.moment import utc_now
from tanpuhui.market.auction import BidOrder, bid, clear_auction
from web.exchange_site import OWN, PLACE, auctioned, listed, newest_trade, open_market, proposed
from web.site import make_site

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.usefixtures("fresh_home"),
]

Say = Callable[..., str]
Look = Callable[[Page, str], None]
TRADE = f"/company/{OWN}/trade/"


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    caches["default"].clear()


def test_a_company_takes_a_listing_pays_by_its_bank_and_sees_it_settled(
    page: Page, say: Say, look: Look, mailoutbox: Any
) -> None:
    people = make_site()
    with transaction.atomic():
        lot = open_market(100, "4000.00")
        listed(lot, 60, "70.00")
        listed(lot, 10, "68.00")
        proposed(lot, 5, "72.00")
        auction = auctioned(lot, 10, "60.00")
        bid(BidOrder(new_key(), auction, OWN, 4, "71.00", "CNY"), PLACE, at=utc_now()).accepted()
    page.goto("/about/")
    sign_in(page, people["company"])

    page.goto(TRADE)
    look(page, "company-trade")
    page.get_by_role("link", name=re.compile(f"^{say('Take')}")).last.click()
    show_again(page, say)
    page.get_by_label(say("Tonnes")).fill("61")
    page.get_by_role("button", name=say("Take"), exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("60")
    look(page, "company-take-refused")
    page.get_by_label(say("Tonnes")).fill("60")
    page.get_by_role("button", name=say("Take"), exact=True).click()
    expect(page.locator("h1 .badge.waiting")).to_be_visible()
    look(page, "company-trade-waits")
    trade = newest_trade()

    pays(page, people["operator"], trade.reference)
    sign_in(page, people["company"])
    page.goto(f"{TRADE}trades/")
    page.get_by_role("link", name=re.compile(trade.reference)).click()
    expect(page.locator("h1 .badge.good")).to_be_visible()
    expect(page.get_by_text(lot).first).to_be_visible()
    look(page, "company-trade-settled")
    buys_best(page, say, look)
    looks_around(page, look, auction)
    page.context.clear_cookies()
    page.goto("/market/")
    expect(page.get_by_text("70.00").first).to_be_visible()
    look(page, "market-prices")


def pays(page: Page, operator: User | None, reference: str) -> None:
    """The operator imports what the bank says."""
    page.context.clear_cookies()
    page.goto("/about/")
    sign_in(page, operator)
    page.goto("/console/bank-lines/import")
    file = {
        "name": "bank.xml",
        "mimeType": "application/xml",
        "buffer": bank_file((reference, "4200.00", "CRDT")),
    }
    page.locator("input[type=file]").set_input_files(file)
    page.locator("main form button").last.click()
    page.wait_for_url("**/console/bank-lines/")
    page.context.clear_cookies()
    page.goto("/about/")


def buys_best(page: Page, say: Say, look: Look) -> None:
    """At the best price, with the reason."""
    page.goto(f"{TRADE}buy/")
    if page.get_by_role("button", name=say("Send me a code")).count():
        show_again(page, say)
    page.get_by_label(say("Tonnes"), exact=True).fill("3")
    page.get_by_label(say("Most that a tonne may cost")).fill("70")
    look(page, "company-buy")
    page.get_by_role("button", name=say("Buy"), exact=True).click()
    expect(page.get_by_text(say("the lowest price")).first).to_be_visible()
    look(page, "company-bought")


def looks_around(page: Page, look: Look, auction: int) -> None:
    """Offers, an auction before and after it is cleared, trades and money."""
    for address, name in (
        ("offers/", "offers"),
        ("offers/list/", "list"),
        ("money/", "money"),
        ("trades/", "trades"),
    ):
        page.goto(f"{TRADE}{address}")
        look(page, f"company-{name}")
    with transaction.atomic():
        clear_auction(auction, PLACE, key=new_key(), at=utc_now() + timedelta(hours=2)).accepted()
    page.goto(f"{TRADE}auctions/{auction}/")
    look(page, "company-auction")
    page.goto(TRADE)
    look(page, "company-trade-prices")
