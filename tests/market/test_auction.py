"""Auctions: sealed bids with held money, one price, units and money together, and what is left goes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction

from ledger.bookings import in_parallel
from market.exchange import (
    AT,
    HOUR,
    PLACE,
    auctioned,
    bids,
    findings,
    has,
    member,
    new_key,
    place,
    refusal_of,
    seller,
)
from money.bank import money_has
from tanpuhui.market.auction import BidOrder, bid, clear_auction, describe, get_auction
from tanpuhui.market.cancel import CancelOrder, cancel
from tanpuhui.market.expire import expire
from tanpuhui.market.member import MembershipOrder, suspend
from tanpuhui.market.models import Bid, Trade
from tanpuhui.registry.annul import annul

pytestmark = pytest.mark.django_db
LATER = AT + HOUR


def cleared(auction: int, key: str = "clear") -> dict[str, Any]:
    return clear_auction(auction, PLACE, key=key, at=LATER).accepted()


def test_winners_pay_one_price_and_everybody_else_has_their_money_back() -> None:
    acme, lot = seller(10)
    auction = auctioned("seller", lot, 10)
    high, low, under = (member(code, "1000.00") for code in ("high", "low", "under"))
    bids(auction, "low", 9, "70.00")
    bids(auction, "high", 4, "90.00")
    bids(auction, "under", 5, "65.00")
    assert (money_has(high), money_has(low)) == ((64_000, 36_000), (37_000, 63_000))
    assert findings() == []

    answer = cleared(auction)
    again = cleared(auction)

    # 4 t above 70.00 are filled, and 6 t of the 9 t at it; all pay 70.00.
    assert (answer["price"], answer["sold_t"], answer["state"]) == ("70.00", 10, "cleared")
    assert [(fill["buyer"], fill["tonnes"], fill["why"]) for fill in answer["fills"]] == [
        ("low", 6, "at_price"),
        ("high", 4, "above_price"),
        ("under", 0, "below_price"),
    ]
    assert answer["why"].startswith(
        "70.00 CNY is the highest price at which bids want all 10 t: 4 t above it"
    )
    assert again == answer
    assert [money_has(one) for one in (acme, high, low, under)] == [
        (70_000, 0),
        (72_000, 0),
        (58_000, 0),
        (100_000, 0),
    ]
    assert [has(one, lot) for one in (acme, high, low, under)] == [{}, {"held": 4}, {"held": 6}, {}]
    assert refusal_of(clear_auction(auction, PLACE, key="other", at=LATER))[0] == "market.auction_over"
    assert findings() == []


def test_what_is_not_sold_is_the_sellers_again() -> None:
    acme, lot = seller(10)
    auction = auctioned("seller", lot, 10)
    bolt = member("bolt", "1000.00")
    bids(auction, "bolt", 3, "80.00")

    answer = cleared(auction)

    assert (answer["price"], answer["sold_t"]) == ("60.00", 3)
    assert (has(acme, lot), has(bolt, lot), money_has(bolt)) == ({"held": 7}, {"held": 3}, (82_000, 0))
    assert findings() == []


def test_an_auction_without_bids_clears_with_nothing_sold() -> None:
    acme, lot = seller(10)
    auction = auctioned("seller", lot, 10)

    answer = cleared(auction)

    assert (answer["state"], answer["sold_t"], has(acme, lot)) == ("cleared", 0, {"held": 10})
    assert findings() == []


def test_bids_are_sealed_until_the_auction_is_cleared() -> None:
    _, lot = seller(10)
    auction = auctioned("seller", lot, 10)
    member("bolt", "1000.00")
    before = describe(get_auction(auction))

    bids(auction, "bolt", 3, "80.00")

    assert describe(get_auction(auction)) == before
    assert "80.00" not in json.dumps(before)
    early = clear_auction(auction, PLACE, key="k", at=LATER - HOUR / 60)
    assert refusal_of(early)[0] == "market.auction_open"


@pytest.mark.parametrize(
    ("changes", "rules", "code"),
    [
        ({"tonnes": 0}, {}, "market.bad_tonnes"),
        ({"tonnes": 11}, {}, "market.bad_tonnes"),
        ({"price": "59.99"}, {}, "market.bid_under_reserve"),
        ({"price": "70.01"}, {"tick_minor": 5}, "market.off_tick"),
        ({"price": "100.01"}, {}, "market.not_enough_money"),
        ({"currency": "ABC"}, {}, "money.currency_unknown"),
        ({"price": "70.001"}, {}, "money.too_many_decimals"),
        ({"auction": 999}, {}, "market.unknown_auction"),
        ({"buyer": "seller"}, {}, "market.self_trade"),
        ({"buyer": "nobody"}, {}, "market.unknown_organisation"),
        ({}, {"most_held_t": 9}, "market.position_too_large"),
    ],
)
def test_a_bid_that_breaks_a_rule_is_refused_again_and_holds_nothing(
    changes: dict[str, Any], rules: dict[str, Any], code: str
) -> None:
    _, lot = seller(10)
    number = auctioned("seller", lot, 10)
    bolt = member("bolt", "1000.00")
    values = {"auction": number, "buyer": "bolt", "tonnes": 10, "price": "70.00", "currency": "CNY"}
    order = BidOrder("k", **{**values, **changes})  # type: ignore[arg-type]

    answers = [bid(order, place(**rules), at=AT) for _ in range(2)]

    assert [refusal_of(answer) for answer in answers] == [refusal_of(answers[0])] * 2
    assert refusal_of(answers[0])[0] == code
    assert money_has(bolt) == (100_000, 0)
    assert not Bid.objects.exists()


def test_a_bid_at_the_moment_of_closing_is_too_late() -> None:
    _, lot = seller(10)
    auction = auctioned("seller", lot, 10)
    member("bolt", "1000.00")
    order = BidOrder(new_key(), auction, "bolt", 1, "70.00", "CNY")

    assert refusal_of(bid(order, PLACE, at=LATER))[0] == "market.auction_over"


def test_who_is_suspended_meanwhile_gets_nothing_and_has_the_money_back() -> None:
    _, lot = seller(10)
    auction = auctioned("seller", lot, 10)
    bolt, other = member("bolt", "1000.00"), member("other", "1000.00")
    bids(auction, "bolt", 10, "90.00")
    bids(auction, "other", 10, "70.00")
    suspend(MembershipOrder(new_key(), "bolt", "under inquiry"), at=AT).accepted()

    answer = cleared(auction)

    assert [(fill["buyer"], fill["tonnes"], fill["why"]) for fill in answer["fills"]] == [
        ("bolt", 0, "suspended"),
        ("other", 10, "at_price"),
    ]
    assert (money_has(bolt), money_has(other)) == ((100_000, 0), (30_000, 0))
    assert findings() == []


def test_only_the_operator_cancels_an_auction_and_all_money_goes_back() -> None:
    acme, lot = seller(10)
    auction = auctioned("seller", lot, 10)
    bolt = member("bolt", "1000.00")
    bids(auction, "bolt", 10, "90.00")

    sellers = cancel(CancelOrder("a", "auction", auction, "no", "seller"), PLACE, at=AT)
    done = cancel(CancelOrder("b", "auction", auction, "wrong lot"), PLACE, at=AT).accepted()

    assert refusal_of(sellers)[0] == "market.not_yours"
    assert (done["state"], has(acme, lot), money_has(bolt)) == ("cancelled", {"held": 10}, (100_000, 0))
    assert findings() == []


def test_an_auction_of_an_annulled_lot_is_lost_and_all_money_goes_back() -> None:
    _, lot = seller(10)
    auction = auctioned("seller", lot, 10)
    bolt = member("bolt", "1000.00")
    bids(auction, "bolt", 10, "90.00")
    annul(lot, reason="double counted", at=AT)

    refused = clear_auction(auction, PLACE, key="k", at=LATER)
    ended = expire(PLACE, at=LATER)

    assert refusal_of(refused)[0] == "market.lot_annulled"
    assert (ended["auctions"], money_has(bolt)) == (1, (100_000, 0))
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_one_bid_sent_many_times_at_once_is_one_and_money_is_held_once() -> None:
    with transaction.atomic():
        _, lot = seller(10)
        auction = auctioned("seller", lot, 10)
        bolt = member("bolt", "1000.00")
    order = BidOrder("same", auction, "bolt", 5, "70.00", "CNY")

    def work(_: int) -> Any:
        with transaction.atomic():
            return bid(order, PLACE, at=AT).accepted()["bid"]

    results = in_parallel(6, work)

    assert len(set(results)) == 1, results
    assert (Bid.objects.count(), money_has(bolt)) == (1, (65_000, 35_000))
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_an_auction_cleared_by_many_at_once_is_cleared_once() -> None:
    with transaction.atomic():
        _, lot = seller(10)
        auction = auctioned("seller", lot, 10)
        for n in range(5):
            member(f"buyer-{n}", "1000.00")
            bids(auction, f"buyer-{n}", 3, "70.00")

    def work(n: int) -> Any:
        with transaction.atomic():
            answer = clear_auction(auction, PLACE, key=f"k{n}", at=LATER)
        return answer.refusal.code if answer.refusal else "cleared"

    results = in_parallel(4, work)

    assert sorted(results) == ["cleared"] + ["market.auction_over"] * 3, results
    assert sum(trade.tonnes for trade in Trade.objects.all()) == 10
    assert findings() == []
