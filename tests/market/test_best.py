"""Best execution: price, then time; the answer says what was taken, why, and what was passed over."""

from __future__ import annotations

from typing import Any

import pytest

from market.exchange import AT, PLACE, findings, has, listed, member, new_key, refusal_of, seller, units_for
from money.bank import money_has
from tanpuhui.market.best import BuyOrder, buy
from tanpuhui.market.member import MembershipOrder, suspend
from tanpuhui.market.models import Trade

pytestmark = pytest.mark.django_db


def buys(tonnes: int, most: str = "80.00", key: str | None = None, **changes: Any) -> Any:
    order = BuyOrder(key or new_key(), "bolt", "demo", tonnes, most, "CNY", **changes)
    return buy(order, PLACE, at=AT)


def test_the_cheapest_come_first_and_of_one_price_the_oldest() -> None:
    _, lot = seller(30)
    other = member("other")
    theirs = units_for(other, 10)
    dear = listed("seller", lot, 5, "75.00")
    first = listed("other", theirs, 5, "71.00")
    second = listed("seller", lot, 5, "71.00")
    best = listed("seller", lot, 2, "70.00")
    bolt = member("bolt", "10000.00")

    answer = buys(10).accepted()

    assert [(one["listing"], one["tonnes"], one["why"]) for one in answer["taken"]] == [
        (best, 2, "lowest price; all that is left of it"),
        (first, 5, "next price; all that is left of it"),
        (second, 3, "same price, listed later; 3 t of 5 t were still wanted"),
    ]
    # 2 * 70 + 8 * 71 = 708
    assert answer["amount"] == "708.00"
    assert money_has(bolt) == (1_000_000 - 70_800, 0)
    assert (has(bolt, lot), has(bolt, theirs)) == ({"held": 5}, {"held": 5})
    assert buys(7).accepted()["taken"][-1]["listing"] == dear
    assert findings() == []


def test_all_that_is_asked_for_or_nothing_with_what_was_passed_over_and_why() -> None:
    _, lot = seller(30)
    own, gone = member("bolt", "10000.00"), member("gone")
    mine = listed("bolt", units_for(own, 3), 3, "60.00")
    theirs = listed("gone", units_for(gone, 3), 3, "61.00")
    listed("seller", lot, 4, "70.00")
    dear = listed("seller", lot, 4, "80.01")
    suspend(MembershipOrder(new_key(), "gone", "under inquiry"), at=AT).accepted()

    code, facts = refusal_of(buys(5, key="k"))
    whole = buys(4).accepted()

    assert (code, facts["offered_t"]) == ("market.not_enough_offered", 4)
    assert not Trade.objects.exclude(listing__seller__code="seller").exists()
    assert [(one["listing"], one["why"]) for one in whole["passed_over"]] == [
        (mine, "of the buyer itself or its group"),
        (theirs, "its seller is suspended"),
        (dear, "dearer than asked for"),
    ]
    assert refusal_of(buys(5, key="k"))[1] == facts
    assert findings() == []


def test_one_lot_may_be_asked_for_and_the_same_key_buys_once() -> None:
    _, lot = seller(5)
    listed("seller", lot, 5, "70.00")
    wanted = units_for(member("other"), 5)
    listed("other", wanted, 5, "72.00")
    bolt = member("bolt", "10000.00")

    first, again = (buys(2, key="k", lot=wanted) for _ in "12")

    assert first.accepted() == again.accepted()
    assert (has(bolt, wanted), has(bolt, lot)) == ({"held": 2}, {})


def test_nothing_listed_is_said() -> None:
    member("bolt")

    code, facts = refusal_of(buys(1))

    assert (code, facts["passed_over"]) == ("market.not_enough_offered", "nothing else is listed")


def test_what_money_is_there_for_settles_and_the_rest_waits() -> None:
    _, lot = seller(10)
    listed("seller", lot, 2, "70.00")
    listed("seller", lot, 8, "71.00")
    member("bolt", "150.00")

    answer = buys(4).accepted()

    assert [trade["state"] for trade in answer["trades"]] == ["settled", "waiting"]
    assert findings() == []
