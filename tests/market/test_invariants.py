"""The market's invariants see what they are for: each is broken by hand, and named."""

from __future__ import annotations

import pytest
from django.db import connection

from market.exchange import AT, PLACE, auctioned, bids, findings, listed, member, seller, taken
from tanpuhui.market.expire import expire
from tanpuhui.market.models import Trade

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("change", "invariant"),
    [
        (
            "UPDATE market_trade SET tonnes = 2, amount_minor = 14000 WHERE way = 'listing'",
            "settled_trades_moved_both_sides",
        ),
        (
            "UPDATE market_trade SET buyer_id = (SELECT max(id) FROM access_organisation)",
            "settled_trades_moved_both_sides",
        ),
        ("UPDATE market_listing SET tonnes = 9", "offered_units_are_locked"),
        ("UPDATE market_listing SET tonnes = 0", "nothing_is_sold_twice"),
        ("UPDATE market_trade_ending SET ranges = '[]'", "nothing_is_sold_twice"),
        ("DELETE FROM market_unit_lock WHERE auction_id IS NOT NULL", "locks_of_the_market_are_offered"),
        ("UPDATE market_bid SET tonnes = 2", "open_bids_hold_their_money"),
        (
            "UPDATE ledger_hold SET state = 'released', closed_at = opened_at WHERE reason = 'market.bid'",
            "open_bids_hold_their_money",
        ),
    ],
)
def test_a_row_that_was_edited_by_force_is_found(change: str, invariant: str) -> None:
    _, lot = seller(20)
    taken_of = listed("seller", lot, 10)
    member("bolt", "1000.00")
    taken(taken_of, "bolt", 1)
    bids(auctioned("seller", lot, 5), "bolt", 1, "60.00")
    member("third")
    assert findings() == []

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET session_replication_role = replica")
        cursor.execute("ALTER TABLE market_listing DROP CONSTRAINT market_listing_sound")
        cursor.execute(change)
        cursor.execute("SET session_replication_role = origin")

    assert invariant in {finding.invariant for finding in findings()}


def test_invariants_hold_through_everything_together() -> None:
    _, lot = seller(20)
    number = listed("seller", lot, 10)
    member("bolt", "1000.00")
    taken(number, "bolt", 3)
    taken(number, "bolt", 7)
    member("poor")
    other = listed("seller", lot, 10)
    assert taken(other, "poor", 4)["state"] == "waiting"

    ended = expire(PLACE, at=AT.replace(year=2027))

    assert (ended["trades"], ended["listings"]) == (1, 1)
    assert Trade.objects.count() == 3
    assert findings() == []
