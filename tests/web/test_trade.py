"""A company trades on its pages: takes, buys best, lists, proposes, bids, pays; refused, it has its form as typed."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import caches
from django.test import Client

from market.exchange import findings, new_key
from money.bank import bank_file, money_has, pay_in
from tanpuhui.access.models import AuditEntry, Membership
from tanpuhui.access.organise import get_organisation
from tanpuhui.kit.moment import utc_now
from tanpuhui.market.auction import BidOrder, bid, clear_auction
from tanpuhui.market.member import MembershipOrder, suspend
from tanpuhui.market.models import Listing, Proposal, Trade
from tanpuhui.market.units import tonnes_by_state
from tanpuhui.money.bank_statement import import_statement
from tanpuhui.money.models import Withdrawal
from web.companies import holding, member
from web.exchange_site import (
    OTHER,
    OWN,
    PLACE,
    admitted,
    auctioned,
    listed,
    newest_trade,
    open_market,
    proposed,
)
from web.site import client_of, make_site

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
EN = {"HTTP_ACCEPT_LANGUAGE": "en"}
TRADE = f"/company/{OWN}/trade/"


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    caches["default"].clear()


@pytest.fixture()
def boss() -> Client:
    return client_of(make_site()["company"])


def plain(client: Client, address: str) -> str:
    """A page's words, with single spaces."""
    answer = client.get(address, **EN)
    assert answer.status_code == 200, (address, answer.status_code)
    return words(answer)


def words(answer: Any) -> str:
    text = unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return re.sub(r"[\s\N{NO-BREAK SPACE}]+", " ", text)


def send(client: Client, address: str, **given: Any) -> Any:
    return client.post(f"{TRADE}{address}", {"key": str(uuid4()), **given}, **EN)


def has(code: str, lot: str) -> dict[str, int]:
    return tonnes_by_state(get_organisation(code), lot)


def test_a_listing_is_taken_in_part_waits_for_its_payment_and_the_banks_file_settles_it(boss: Client) -> None:
    lot = open_market(10)
    number = listed(lot, 10, "70.00")
    shown = plain(boss, TRADE)
    assert "70.00 CNY a tonne · 10 t left" in shown
    assert "63.00 CNY" in shown
    assert "77.00 CNY" in shown

    taken = send(boss, f"listings/{number}/take/", tonnes=4)

    trade = newest_trade()
    assert taken.headers["Location"] == f"{TRADE}trades/{trade.reference}/"
    waiting = plain(boss, taken.headers["Location"])
    assert "waits for payment" in waiting
    assert "How to pay Transfer exactly this amount" in waiting
    assert "280.00 CNY" in waiting
    assert trade.reference in plain(boss, TRADE)

    import_statement(bank_file((trade.reference, "280.00", "CRDT")), at=utc_now())

    settled = plain(boss, f"{TRADE}trades/{trade.reference}/")
    assert "settled" in settled
    assert "How to pay" not in settled
    assert f"{lot}" in settled
    assert "Serial numbers" in settled
    assert has(OWN, lot) == {"held": 4}
    assert has(OTHER, lot) == {"locked": 6}
    assert "settled" in plain(boss, f"{TRADE}trades/")
    public = plain(Client(), "/market/")
    assert "70.00 CNY" in public
    assert "Other" not in public
    assert findings() == []


def test_the_same_form_sent_twice_is_one_trade(boss: Client) -> None:
    lot = open_market(10, "1000.00")
    number, key = listed(lot, 10, "70.00"), str(uuid4())

    first, second = (send(boss, f"listings/{number}/take/", tonnes=4, key=key) for _ in range(2))

    assert first.headers["Location"] == second.headers["Location"]
    assert Trade.objects.count() == 1
    assert AuditEntry.objects.filter(verb="take_listing").count() == 1


@pytest.mark.parametrize(("tonnes", "status"), [("0", 422), ("10", 302), ("11", 422), ("x", 422), ("", 422)])
def test_of_a_listing_from_one_tonne_to_all_of_it_is_taken(boss: Client, tonnes: str, status: int) -> None:
    number = listed(open_market(10, "1000.00"), 10, "70.00")

    assert send(boss, f"listings/{number}/take/", tonnes=tonnes).status_code == status
    assert Trade.objects.count() == (1 if status == 302 else 0)


def test_a_refused_form_is_there_as_typed_and_can_be_sent_again_with_other_content(boss: Client) -> None:
    number, key = listed(open_market(10, "1000.00"), 10, "70.00"), str(uuid4())

    refused = send(boss, f"listings/{number}/take/", tonnes=11, key=key)
    shown = refused.content.decode()
    new_key_shown = re.findall(r'name="key" value="([^"]+)"', shown)[0]
    again = send(boss, f"listings/{number}/take/", tonnes=10, key=new_key_shown)

    assert 'value="11"' in shown
    assert "10 t" in words(refused)
    assert new_key_shown != key
    assert again.status_code == 302


def test_the_best_prices_are_bought_and_the_page_says_which_and_why(boss: Client) -> None:
    lot = open_market(30, "5000.00")
    dear, first, second = listed(lot, 5, "77.00"), listed(lot, 4, "65.00"), listed(lot, 6, "70.00")

    bought = send(boss, "buy/", tonnes=7, most_price="70.00", lot="")

    shown = plain(boss, bought.headers["Location"])
    assert "7 t for 470.00 CNY" in shown
    assert f"{first} Other 65.00 4 the lowest price; all that was left of it" in shown
    assert f"{second} Other 70.00 3 the next price; 3 t of its 6 t were still wanted" in shown
    assert f"{dear} Other 77.00 dearer than you asked for" in shown
    refused = send(boss, "buy/", tonnes=70, most_price="70.00", lot="")
    assert refused.status_code == 422
    assert 'value="70"' in refused.content.decode()


def test_units_are_listed_proposed_and_taken_back_with_a_reason(boss: Client) -> None:
    open_market(1)
    lot = holding(20, jurisdiction="demo", status="illustrative")

    listing = send(boss, "offers/list/", lot=lot, tonnes=8, price="70.00", days=3)
    proposal = send(boss, "offers/propose/", buyer=OTHER, lot=lot, tonnes=5, price="80.00", days=30)
    outside = send(boss, "offers/list/", lot=lot, tonnes=1, price="99.00", days=3)

    assert (listing.status_code, proposal.status_code, outside.status_code) == (302, 302, 422)
    assert "77.00" in words(outside)
    assert has(OWN, lot) == {"held": 7, "locked": 13}
    shown = plain(boss, f"{TRADE}offers/")
    assert "70.00 CNY a tonne · 8 t of 8 t left" in shown
    assert "5 t × 80.00 CNY = 400.00 CNY" in shown
    mine, theirs = Listing.objects.get(), Proposal.objects.get()
    for address in (f"listings/{mine.pk}/cancel/", f"proposals/{theirs.pk}/cancel/"):
        assert send(boss, address, reason="").status_code == 422
        assert send(boss, address, reason="sold elsewhere").status_code == 302
    assert has(OWN, lot) == {"held": 20}
    assert set(AuditEntry.objects.values_list("verb", flat=True)) >= {
        "list_units",
        "propose_trade",
        "cancel_listing",
        "cancel_proposal",
    }


def test_a_proposal_is_accepted_or_declined_by_whom_it_is_for(boss: Client) -> None:
    lot = open_market(10, "1000.00")
    first, second = proposed(lot, 4, "70.00"), proposed(lot, 3, "70.00")
    assert "2 proposals wait for your answer." in plain(boss, TRADE)

    assert send(boss, f"proposals/{first}/accept/").status_code == 302
    assert send(boss, f"proposals/{second}/decline/").status_code == 302
    late = send(boss, f"proposals/{second}/accept/")

    assert late.status_code == 422
    assert has(OWN, lot) == {"held": 4}
    assert has(OTHER, lot) == {"held": 6}
    shown = plain(boss, f"{TRADE}offers/")
    assert "accepted" in shown
    assert "declined" in shown


def test_a_bid_is_sealed_until_the_auction_is_cleared_and_then_says_what_it_got_and_why(boss: Client) -> None:
    lot = open_market(10, "1000.00")
    number = auctioned(lot, 10, "60.00")
    other = admitted("own-company")
    rival = get_organisation(_rival())
    pay_in(rival, "1000.00")
    bid(BidOrder(new_key(), number, rival.code, 6, "72.00", "CNY"), PLACE, at=utc_now()).accepted()

    low = send(boss, f"auctions/{number}/bid/", tonnes=6, price="59.99")
    entered = send(boss, f"auctions/{number}/bid/", tonnes=6, price="70.00")

    assert (low.status_code, entered.status_code) == (422, 302)
    assert money_has(other) == (58_000, 42_000)
    sealed = plain(boss, f"{TRADE}auctions/{number}/")
    assert "sealed; its money is held" in sealed
    assert "72.00" not in sealed

    clear_auction(number, PLACE, key="clear", at=utc_now() + timedelta(hours=2)).accepted()

    shown = plain(boss, f"{TRADE}auctions/{number}/")
    assert "70.00 CNY is the highest price at which bids want all 10 t: 6 t above it are filled" in shown
    assert "4 t at the price: what was left is shared in proportion, rounded down to a tonne" in shown
    assert "72.00" not in shown
    assert has(OWN, lot) == {"held": 4}
    assert findings() == []


def _rival() -> str:
    from market.exchange import member as new_member

    return new_member("rival").code


def test_money_comes_in_under_the_reference_and_an_admin_has_it_paid_out(boss: Client) -> None:
    own = get_organisation(OWN)
    assert "TPD-own-company" in plain(boss, f"{TRADE}money/")
    pay_in(own, "100.00")

    refused = send(boss, "money/withdraw/", amount="100.01", currency="CNY")
    asked = send(boss, "money/withdraw/", amount="60.00", currency="CNY")
    found = Withdrawal.objects.get()
    by_member = client_of_role(Membership.MEMBER)
    cancelled = send(boss, f"money/{found.pk}/cancel/")

    assert (refused.status_code, asked.status_code, cancelled.status_code) == (422, 302, 302)
    assert send(by_member, "money/withdraw/", amount="1.00", currency="CNY").status_code == 403
    assert send(by_member, f"money/{found.pk}/cancel/").status_code == 403
    assert "An admin of your organisation can" in plain(by_member, f"{TRADE}money/")
    assert money_has(own) == (10_000, 0)


def client_of_role(role: str) -> Client:
    return member(role)


def test_an_auditor_looks_at_everything_and_does_nothing(boss: Client) -> None:
    lot = open_market(10, "1000.00")
    number, proposal, auction = listed(lot, 2, "70.00"), proposed(lot, 2, "70.00"), auctioned(lot, 2, "60.00")
    auditor = member(Membership.AUDITOR)

    for address in ("", "offers/", "auctions/", f"auctions/{auction}/", "trades/", "money/"):
        shown = auditor.get(f"{TRADE}{address}", **EN)
        assert shown.status_code == 200
        assert not re.search(
            r"/(take|accept|decline|bid|cancel|withdraw|list|propose)/\"", shown.content.decode()
        )
    for address in (
        f"listings/{number}/take/",
        "buy/",
        "offers/list/",
        "offers/propose/",
        f"proposals/{proposal}/accept/",
        f"proposals/{proposal}/decline/",
        f"auctions/{auction}/bid/",
        "money/withdraw/",
    ):
        assert send(auditor, address, tonnes=1).status_code == 403
    assert not Trade.objects.exists()


def test_who_is_not_admitted_or_suspended_is_told_and_takes_nothing(boss: Client) -> None:
    admitted(OTHER)
    number = listed(holding(5, code=OTHER, jurisdiction="demo", status="illustrative"), 5, "70.00")
    assert "You are not admitted to the market yet." in plain(boss, TRADE)
    assert send(boss, f"listings/{number}/take/", tonnes=1).status_code == 422
    admitted(OWN)
    suspend(MembershipOrder(new_key(), OWN, "under inquiry."), at=utc_now()).accepted()

    assert "You are suspended since" in plain(boss, TRADE)
    assert "under inquiry." in plain(boss, TRADE)
    assert send(boss, f"listings/{number}/take/", tonnes=1).status_code == 422


def test_a_place_without_a_market_says_so(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANPUHUI_JURISDICTION", "shenzhen")

    assert "has no rule on" in plain(boss, TRADE)
    assert boss.get(f"{TRADE}buy/", **EN).status_code == 422
    assert "This place has no rule by which units are traded." in plain(Client(), "/market/")


def test_anybody_sees_prices_by_day_as_table_picture_and_file_without_who_traded(boss: Client) -> None:
    lot = open_market(30, "5000.00")
    for tonnes, price in ((4, "65.00"), (6, "70.00")):
        send(boss, f"listings/{listed(lot, tonnes, price)}/take/", tonnes=tonnes)

    shown = plain(Client(), "/market/")
    file = Client().get("/market/prices.csv").content.decode()
    pictures = [
        Client().get(f"/market/prices.{language}.{width}.svg")
        for language in ("en", "zh-hans")
        for width in ("wide", "narrow")
    ]

    # 4 t at 65 and 6 t at 70 are 680 for 10 t.
    assert "2 10 t 65.00 CNY 70.00 CNY 68.00 CNY" in shown
    assert ",CNY,2,10,65.00,70.00,68.00,680.00\r\n" in file
    for code in (OWN, OTHER):
        assert code not in shown + file
    for picture in pictures:
        assert picture.status_code == 200, picture
        assert picture.content.startswith(b"<svg")
    assert Client().get("/market/prices.xx.wide.svg").status_code == 404
