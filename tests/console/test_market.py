"""The market and rounds of pools in the console: what the staff does, what is written down, and what nobody sees."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from console.conftest import Staff, look, send
from market.exchange import findings as market_findings
from market.exchange import new_key
from money.bank import money_has, pay_in
from pooling.pond import AT, findings, has, joined, lot_of, new_company, new_pool
from tanpuhui.access.models import AuditEntry, Organisation
from tanpuhui.access.organise import get_organisation, organise
from tanpuhui.consent.models import Resident
from tanpuhui.console import market as page
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.market.auction import BidOrder, bid
from tanpuhui.market.listing import TakeOrder, take
from tanpuhui.market.models import Auction, Listing, Membership, Trade
from tanpuhui.market.units import tonnes_by_state
from tanpuhui.money.withdraw import WithdrawOrder as CompanyWithdraw
from tanpuhui.money.withdraw import withdraw as company_withdraw
from tanpuhui.pooling.models import PayOut, Round, Sale
from tanpuhui.pooling.withdraw import WithdrawOrder, say_payee, withdraw
from tanpuhui.registry.models import Block
from web.companies import holding
from web.exchange_site import PLACE, admitted, auctioned, listed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]

#: Numbers that stand nowhere else on a page.
ACCOUNT = 987_654_321


def company(code: str) -> Organisation:
    return organise(
        Organisation.COMPANY, code, name_zh=f"公司{code}", name_en=f"Company {code}", at=utc_now()
    )


def act(staff: Staff, address: str, **given: Any) -> Any:
    return send(staff.asker, address, **{"key": str(uuid4()), **given})


def verbs() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("verb", flat=True))


def states(code: str, lot: str) -> dict[str, int]:
    """A lot's states in a company's hands."""
    return tonnes_by_state(get_organisation(code), lot)


def test_a_member_is_admitted_and_suspended_with_a_reason_and_twice_is_once(staff: Staff) -> None:
    company("acme")
    key = str(uuid4())
    for _ in range(2):
        answer = act(
            staff, "market/members/admit", key=key, organisation="acme", group="", reason="contract 17"
        )
    without = act(staff, "market/members/suspend", organisation="acme", reason=" ")
    act(staff, "market/members/suspend", organisation="acme", reason="under inquiry")

    assert "It may trade now." in answer.content.decode()
    assert without.status_code == 422
    assert list(Membership.objects.order_by("id").values_list("state", flat=True)) == [
        "admitted",
        "suspended",
    ]
    assert verbs() == ["market.admitted", "market.suspended"]
    shown = look(staff.auditor, "market/members/")
    assert "under inquiry" in shown
    assert "Company acme" in shown
    assert "market.suspended" in look(staff.auditor, f"market/members/{Membership.objects.latest('pk').pk}/")


def test_an_auction_is_opened_keeps_its_bids_to_itself_and_is_cleared_with_its_reasons(staff: Staff) -> None:
    for code in ("acme", "bolt"):
        company(code)
        admitted(code)
    lot = holding(10, code="acme", jurisdiction="demo", status="illustrative")
    pay_in(get_organisation("bolt"), "1000.00")
    opened = act(
        staff,
        "market/auctions/open",
        seller="acme",
        lot=lot,
        tonnes=10,
        reserve="60.00",
        closes_at=f"{utc_now() + timedelta(days=2):%Y-%m-%dT%H:%M}",
    )
    made = Auction.objects.get()
    early = act(staff, f"market/auctions/{made.pk}/clear")

    assert "The auction is open." in opened.content.decode()
    assert early.status_code == 422
    assert "Bids to the auction" in early.content.decode()
    back = act(staff, f"market/auctions/{made.pk}/cancel", reason="wrong lot")
    assert "wrong lot" in back.content.decode()
    assert states("acme", lot) == {"held": 10}
    assert verbs() == ["auction.opened", "auction.cancelled"]


def test_a_closed_auction_is_cleared_from_its_page(staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    for code in ("acme", "bolt"):
        company(code)
        admitted(code)
    lot = holding(10, code="acme", jurisdiction="demo", status="illustrative")
    pay_in(get_organisation("bolt"), "1000.00")
    number = auctioned(lot, 10, "60.00", seller="acme")
    bid(BidOrder(new_key(), number, "bolt", 6, "72.34", "CNY"), PLACE, at=utc_now()).accepted()
    assert "72.34" not in look(staff.asker, f"market/auctions/{number}/")
    later = utc_now() + timedelta(hours=2)
    monkeypatch.setattr(page, "utc_now", lambda: later)

    cleared = act(staff, f"market/auctions/{number}/clear")

    assert "Bids want 6 t of 10 t at the reserve price of 60.00 CNY" in cleared.content.decode()
    assert "72.34" in cleared.content.decode()
    assert states("bolt", lot) == {"held": 6}
    assert money_has(get_organisation("bolt")) == (64_000, 0)
    assert verbs() == ["auction.cleared"]
    assert market_findings() == []


def test_listings_and_trades_are_looked_at_and_a_listing_is_taken_back(staff: Staff) -> None:
    for code in ("acme", "bolt"):
        company(code)
        admitted(code)
    lot = holding(10, code="acme", jurisdiction="demo", status="illustrative")
    number = listed(lot, 10, "70.00", seller="acme")
    take(TakeOrder("t", number, "bolt", 4), PLACE, at=utc_now()).accepted()
    trade = Trade.objects.get()
    shown = look(staff.auditor, f"market/listings/{number}/")
    assert trade.reference in shown

    back = act(staff, f"market/listings/{number}/cancel", reason="seller asked")

    assert "It is taken back." in back.content.decode()
    assert Listing.objects.get().ending.outcome == "cancelled"
    assert states("acme", lot) == {"held": 6, "locked": 4}
    for address in ("market/listings/", "market/trades/", f"market/trades/{trade.pk}/", "market/auctions/"):
        look(staff.auditor, address)
    assert "waits for payment" in look(staff.auditor, f"market/trades/{trade.pk}/")
    file = send(staff.auditor, "market/trades/export").getvalue().decode()
    assert trade.reference in file
    assert "acme" in file


@pytest.fixture()
def lent() -> tuple[str, list[int]]:
    """A pool with two residents who have 3 t and 7 t of a lot."""
    pool = new_pool()
    first, second = (Resident.objects.create(pk=ACCOUNT + number, opened_at=AT).pk for number in range(2))
    lot = lot_of({first: 3 * TONNE_MG, second: 7 * TONNE_MG})
    for account in (first, second):
        joined(pool, account, 5_000)
    return lot, [first, second]


def test_a_round_is_opened_sold_paid_out_and_closed(staff: Staff, lent: tuple[str, list[int]]) -> None:
    lot, accounts = lent
    buyer = new_company("acme")
    pay_in(buyer, "300.00")
    key = str(uuid4())
    given = {"pool": "city_pool", "lot": lot, "tonnes": 5, "price": "60.00"}
    for _ in range(2):
        opened = act(staff, "pool-rounds/open", key=key, **given)
    too_much = act(staff, "pool-rounds/open", **{**given, "tonnes": 50})
    made = Round.objects.get()
    under = act(staff, f"pool-rounds/{made.pk}/sell", buyer="acme", tonnes=1, price="59.99")
    sold = act(staff, f"pool-rounds/{made.pk}/sell", buyer="acme", tonnes=4, price="62.50")
    sale = Sale.objects.get()
    for _ in range(2):
        paid = act(staff, f"pool-sales/{sale.pk}/pay-out")
    closed = act(staff, f"pool-rounds/{made.pk}/close", reason="the round ends")

    assert "The round is open." in opened.content.decode()
    assert (too_much.status_code, under.status_code) == (422, 422)
    assert "250.00 CNY" in sold.content.decode()
    assert "It is paid out." in paid.content.decode()
    assert "1 t" in closed.content.decode()
    assert (sale.tonnes, PayOut.objects.get().money_minor) == (4, 25_000)
    # 5 t were taken 3 to 7; of the last tonne as much went back.
    assert [has(account, lot) for account in accounts] == [1_800_000_000, 4_200_000_000]
    assert verbs() == ["pool_round.opened", "pool_round.sold", "pool_round.paid_out", "pool_round.closed"]
    shown = look(staff.auditor, f"pool-rounds/{made.pk}/")
    for account in accounts:
        assert str(account) not in shown.replace(",", "")
    assert findings() == []


def test_a_round_is_offered_on_the_market_settled_and_taken_back(
    staff: Staff, lent: tuple[str, list[int]]
) -> None:
    lot, _accounts = lent
    buyer = new_company("acme")
    for code in ("city_pool", "acme"):
        admitted(code)
    pay_in(buyer, "300.00")
    act(staff, "pool-rounds/open", pool="city_pool", lot=lot, tonnes=5, price="60.00")
    made = Round.objects.get()
    offered = act(staff, f"pool-rounds/{made.pk}/offer", tonnes=3, price="65.00", days="")
    take(TakeOrder("t", Listing.objects.get().pk, "acme", 2), PLACE, at=utc_now()).accepted()
    settled = act(staff, f"pool-rounds/{made.pk}/settle")
    back = act(staff, f"pool-rounds/{made.pk}/take-back", reason="enough")

    assert "It is listed." in offered.content.decode()
    assert "130.00 CNY" in settled.content.decode()
    assert "It is taken back." in back.content.decode()
    assert Block.objects.filter(lot=lot, state=Block.LOCKED, closed_at__isnull=True).exists()
    assert verbs()[1:] == ["pool_round.offered", "pool_round.settled", "pool_round.taken_back"]
    assert findings() == []


def test_payments_out_are_listed_without_names_and_the_list_for_the_bank_is_written_down(
    staff: Staff, lent: tuple[str, list[int]]
) -> None:
    lot, accounts = lent
    buyer = new_company("acme")
    pay_in(buyer, "300.00")
    act(staff, "pool-rounds/open", pool="city_pool", lot=lot, tonnes=4, price="60.00")
    act(staff, f"pool-rounds/{Round.objects.get().pk}/sell", buyer="acme", tonnes=4, price="60.00")
    act(staff, f"pool-sales/{Sale.objects.get().pk}/pay-out")
    say_payee(accounts[0], "TOKEN-12345", at=utc_now())
    asked = withdraw(WithdrawOrder("w", accounts[0], "10.00", "CNY"), at=utc_now())
    company_withdraw(CompanyWithdraw("c", "acme", "5.00", "CNY"), at=utc_now()).accepted()

    shown = look(staff.auditor, "payments-to-residents/")
    one = look(staff.auditor, f"payments-to-residents/{asked.pk}/")
    refused = staff.auditor.post("/console/payments-to-residents/list")
    file = staff.asker.post("/console/payments-to-residents/list").getvalue().decode()

    for said in (asked.reference, "10.00 CNY", "to be paid"):
        assert said in shown
    for text in (shown, one):
        assert "TOKEN-12345" not in text
        assert str(accounts[0]) not in text.replace(",", "")
    assert refused.status_code == 403
    assert f"{asked.reference},TOKEN-12345,10.00,CNY" in file
    assert str(accounts[0]) not in file
    assert verbs()[-1] == "payments.listed"
    assert "5.00 CNY" in look(staff.auditor, "payments-to-organisations/")
    assert findings() == []
