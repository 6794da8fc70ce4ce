"""Listings: units are locked, taken whole or in part, once; what is refused changes nothing, and stays refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from ledger.bookings import in_parallel
from market.exchange import (
    AT,
    DAY,
    HOUR,
    PLACE,
    findings,
    has,
    listed,
    listing,
    member,
    new_key,
    place,
    refusal_of,
    seller,
    taken,
    units_for,
)
from money.bank import money_has
from tanpuhui.access.models import Organisation
from tanpuhui.ledger.account import organisation as owner_of
from tanpuhui.market.cancel import CancelOrder, cancel
from tanpuhui.market.expire import expire
from tanpuhui.market.listing import TakeOrder, list_units, take
from tanpuhui.market.member import MembershipOrder, suspend
from tanpuhui.market.models import Listing, Trade, UnitLock
from tanpuhui.market.refusals import KeyReused
from tanpuhui.project.database import APP_ROLE
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.annul import annul
from tanpuhui.registry.retire import retire
from tanpuhui.registry.units import Part, UnitOrder

pytestmark = pytest.mark.django_db


def test_a_listing_locks_its_units_and_both_sides_move_at_once_when_it_is_taken() -> None:
    acme, lot = seller(10)
    bolt = member("bolt", "700.00")
    number = listed("seller", lot, 10)
    assert has(acme, lot) == {"locked": 10}

    first = taken(number, "bolt", 4)

    assert (first["state"], first["amount"], first["ranges"][0]["tonnes"]) == ("settled", "280.00", 4)
    assert (has(acme, lot), has(bolt, lot)) == ({"locked": 6}, {"held": 4})
    assert (money_has(acme), money_has(bolt)) == ((28_000, 0), (42_000, 0))
    second = taken(number, "bolt", 6)
    assert second["ranges"][0]["serial_first"] == first["ranges"][0]["serial_last"] + 1
    assert (has(acme, lot), has(bolt, lot)) == ({}, {"held": 10})
    assert (money_has(acme), money_has(bolt)) == ((70_000, 0), (0, 0))
    assert refusal_of(take(TakeOrder(new_key(), number, "bolt", 1), PLACE, at=AT))[0] == "market.listing_over"
    assert findings() == []


def test_the_same_key_is_answered_as_before_and_other_content_is_refused() -> None:
    _, lot = seller(10)
    member("bolt", "700.00")
    order = listing("seller", lot, 10)

    first, again = (list_units(order, PLACE, at=AT) for _ in range(2))
    with pytest.raises(KeyReused):
        list_units(replace(order, tonnes=9), PLACE, at=AT)
    taking = TakeOrder("t", first.accepted()["listing"], "bolt", 3)
    trades = [take(taking, PLACE, at=at).accepted() for at in (AT, AT + DAY)]

    assert (first.result, first.repeated, again.repeated) == (again.result, False, True)
    assert trades[0] == trades[1]
    assert (Listing.objects.count(), Trade.objects.count()) == (1, 1)
    assert findings() == []


def test_more_than_is_free_is_refused_with_where_the_rest_is() -> None:
    acme, lot = seller(10)
    listed("seller", lot, 3)
    retire(UnitOrder("r", owner_of(acme.pk), (Part(lot, 2),), AT.date()), at=AT)

    code, facts = refusal_of(list_units(listing("seller", lot, 6), PLACE, at=AT))
    whole = list_units(listing("seller", lot, 5), PLACE, at=AT)

    assert (code, facts["free_t"], facts["locked_t"], facts["retired_t"]) == (
        "market.units_not_free",
        5,
        3,
        2,
    )
    assert whole.accepted()["left_t"] == 5
    assert findings() == []


@pytest.mark.parametrize(
    ("changes", "rules", "code"),
    [
        ({"tonnes": 0}, {}, "market.bad_tonnes"),
        ({"tonnes": -1}, {}, "market.bad_tonnes"),
        ({"tonnes": 9_000_000_001}, {}, "market.bad_tonnes"),
        ({"tonnes": 11}, {}, "market.units_not_free"),
        ({"lot": "DEMO-999999"}, {}, "market.lot_unknown"),
        ({"seller": "nobody"}, {}, "market.unknown_organisation"),
        ({"seller": "outsider"}, {}, "market.not_a_member"),
        ({"currency": "XYZ"}, {}, "money.currency_unknown"),
        ({"currency": "HKD"}, {}, "market.other_currency"),
        ({"price": "70.001"}, {}, "money.too_many_decimals"),
        ({"price": "0"}, {}, "money.bad_amount"),
        ({"price": "999999999999999"}, {}, "market.amount_too_large"),
        ({"price": "70.02"}, {"tick_minor": 5}, "market.off_tick"),
        ({"price": "0.03"}, {"tick_minor": 5}, "market.off_tick"),
        ({"price": "77.01"}, {"band_percent": "10", "reference_price_minor": 7_000}, "market.outside_band"),
        ({"price": "62.99"}, {"band_percent": "10", "reference_price_minor": 7_000}, "market.outside_band"),
        ({"tonnes": 10}, {"most_order_t": 9}, "market.order_too_large"),
        ({"expires_at": AT}, {}, "market.bad_time"),
        ({"expires_at": AT + 30 * DAY + HOUR}, {}, "market.bad_time"),
    ],
)
def test_what_breaks_a_rule_is_refused_again_and_changes_nothing(
    changes: dict[str, Any], rules: dict[str, Any], code: str
) -> None:
    acme, lot = seller(10)
    Organisation.objects.create(kind="company", code="outsider", name_zh="外", name_en="Out", made_at=AT)
    order = replace(listing("seller", lot, 10), **changes)

    answers = [list_units(order, place(**rules), at=at) for at in (AT, AT + HOUR)]

    assert [refusal_of(answer)[0] for answer in answers] == [code, code]
    assert refusal_of(answers[0]) == refusal_of(answers[1])
    assert has(acme, lot) == {"held": 10}
    assert not Listing.objects.exists()


def test_prices_at_the_edge_of_band_and_tick_are_fine() -> None:
    _, lot = seller(10)
    rules = place(tick_minor=10, band_percent="10", reference_price_minor=7_000)

    answers = [
        list_units(listing("seller", lot, 1, price), rules, at=AT) for price in ("63.00", "77.00", "70.10")
    ]

    assert [answer.refusal for answer in answers] == [None, None, None]


def test_a_place_without_a_market_rule_has_no_market() -> None:
    _, lot = seller(1)

    answer = list_units(listing("seller", lot, 1), load_jurisdiction("guangdong"), at=AT)

    assert refusal_of(answer)[0] == "market.no_market"


def test_who_takes_is_held_against_the_rules_too() -> None:
    acme, lot = seller(10)
    number = listed("seller", lot, 8)
    member("bolt", "10000.00")
    sister = member("sister", group="g")
    member("brother", "1000.00", group="g")

    def code(buyer: str, tonnes: int, rules: Any = PLACE, listing: int = number) -> str:
        return refusal_of(take(TakeOrder(new_key(), listing, buyer, tonnes), rules, at=AT))[0]

    sisters = listed("sister", units_for(sister, 2), 2)
    assert code("bolt", 9) == "market.more_than_listed"
    assert code("bolt", 0) == "market.bad_tonnes"
    assert code("seller", 1) == "market.self_trade"
    assert code("brother", 1, listing=sisters) == "market.self_trade"
    assert code("bolt", 8, place(most_held_t=7)) == "market.position_too_large"
    assert code("bolt", 1, listing=999) == "market.unknown_listing"
    assert code("bolt", 8, place(band_percent="1", reference_price_minor=6_000)) == "market.outside_band"
    suspend(MembershipOrder(new_key(), "seller", "under inquiry"), at=AT).accepted()
    assert code("bolt", 1) == "market.suspended"
    assert not Trade.objects.exists()
    assert has(acme, lot) == {"held": 2, "locked": 8}
    assert findings() == []


def test_a_position_is_what_is_held_locked_bought_and_bid_for() -> None:
    _, lot = seller(10)
    number = listed("seller", lot, 10)
    member("bolt", "140.00")
    rules = place(most_held_t=5)

    def buys(tonnes: int) -> Any:
        return take(TakeOrder(new_key(), number, "bolt", tonnes), rules, at=AT)

    assert buys(2).accepted()["state"] == "settled"
    assert buys(3).accepted()["state"] == "waiting"
    code, facts = refusal_of(buys(1))
    assert (code, facts["held_t"], facts["ordered_t"], facts["left_t"]) == (
        "market.position_too_large",
        2,
        3,
        0,
    )


def test_a_listing_is_cancelled_by_its_seller_or_the_operator_and_its_units_are_free() -> None:
    acme, lot = seller(10)
    member("bolt", "70.00")
    number = listed("seller", lot, 10)
    taken(number, "bolt", 1)

    others = cancel(CancelOrder("a", "listing", number, "mine", "bolt"), PLACE, at=AT)
    silent = cancel(CancelOrder("b", "listing", number, " ", "seller"), PLACE, at=AT)
    done, again = (
        cancel(CancelOrder("c", "listing", number, "changed my mind", "seller"), PLACE, at=AT) for _ in "12"
    )

    assert refusal_of(others)[0] == "market.not_yours"
    assert refusal_of(silent)[0] == "market.reason_missing"
    assert done.accepted() == again.accepted()
    assert done.accepted()["state"] == "cancelled"
    assert has(acme, lot) == {"held": 9}
    assert refusal_of(take(TakeOrder(new_key(), number, "bolt", 1), PLACE, at=AT))[0] == "market.listing_over"
    assert findings() == []


def test_a_listing_ends_when_its_time_is_over() -> None:
    acme, lot = seller(10)
    member("bolt", "700.00")
    number = listed("seller", lot, 10)
    late = AT + 30 * DAY

    refused = take(TakeOrder(new_key(), number, "bolt", 1), PLACE, at=late)
    before = expire(PLACE, at=late - HOUR)
    after, again = expire(PLACE, at=late), expire(PLACE, at=late)

    assert refusal_of(refused)[1]["outcome"] == "expired"
    assert (before["listings"], after["listings"], again["listings"]) == (0, 1, 0)
    assert has(acme, lot) == {"held": 10}
    assert findings() == []


def test_what_is_annulled_is_not_taken_and_ends_as_lost() -> None:
    acme, lot = seller(10)
    member("bolt", "700.00")
    number = listed("seller", lot, 10)
    annul(lot, reason="double counted", at=AT)
    between = findings()

    refused = take(TakeOrder(new_key(), number, "bolt", 1), PLACE, at=AT)
    ended = expire(PLACE, at=AT)

    assert refusal_of(refused)[0] == "market.lot_annulled"
    assert ended["listings"] == 1
    assert Listing.objects.get().ending.outcome == "lost"
    assert (between, findings(), has(acme, lot)) == ([], [], {"cancelled": 10})


def test_the_database_sells_nothing_twice() -> None:
    _, lot = seller(10)
    bolt = member("bolt", "700.00")
    number = listed("seller", lot, 10)
    taken(number, "bolt", 10)
    trade = Trade.objects.get()

    with pytest.raises(DatabaseError, match="would be sold"), transaction.atomic():
        Trade.objects.create(
            way="listing",
            seller=trade.seller,
            buyer=bolt,
            lot=trade.lot,
            product="demo",
            tonnes=1,
            price_minor=1,
            amount_minor=1,
            currency="CNY",
            listing_id=number,
            at=AT,
        )
    with pytest.raises(DatabaseError), transaction.atomic():
        Trade.objects.update(tonnes=1)
    with pytest.raises(DatabaseError), transaction.atomic():
        UnitLock.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_of_two_buyers_who_take_the_last_tonne_at_once_exactly_one_gets_it() -> None:
    with transaction.atomic():
        acme, lot = seller(1)
        number = listed("seller", lot, 1)
        buyers = [member(f"buyer-{n}", "70.00") for n in range(4)]

    def work(n: int) -> str:
        with transaction.atomic():
            answer = take(TakeOrder(f"k{n}", number, buyers[n].code, 1), PLACE, at=AT)
        return answer.refusal.code if answer.refusal else "taken"

    results = in_parallel(4, work)

    assert sorted(results) == ["market.listing_over"] * 3 + ["taken"], results
    assert sorted(has(buyer, lot).get("held", 0) for buyer in buyers) == [0, 0, 0, 1]
    assert money_has(acme) == (7_000, 0)
    assert findings() == []


def test_trades_as_the_applications_role() -> None:
    _, lot = seller(3)
    member("bolt", "140.00")
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {APP_ROLE}")
    try:
        number = listed("seller", lot, 3)
        states = [taken(number, "bolt", 1)["state"], taken(number, "bolt", 2)["state"]]
        expire(PLACE, at=AT + 3 * DAY)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")

    assert states == ["settled", "waiting"]
    assert findings() == []
