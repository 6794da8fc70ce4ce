"""Prices: of a day, from settled trades alone; the next day's band is measured from them."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest

from market.exchange import (
    AT,
    DAY,
    findings,
    listed,
    listing,
    member,
    place,
    refusal_of,
    seller,
    taken,
)
from tanpuhui.market.expire import expire
from tanpuhui.market.listing import list_units
from tanpuhui.market.prices import as_csv, day_prices

pytestmark = pytest.mark.django_db


def test_a_day_has_volume_low_high_and_the_weighted_average_of_what_settled() -> None:
    _, lot = seller(20)
    member("bolt", "570.00")
    member("poor")
    taken(listed("seller", lot, 5, "70.00"), "bolt", 5)
    taken(listed("seller", lot, 3, "73.00"), "bolt", 3)
    taken(listed("seller", lot, 3, "99.00"), "poor", 3)

    (row,) = day_prices("demo")

    # 5 * 70 + 3 * 73 = 569; 569 / 8 = 71.125, half up 71.13
    assert (row.day, row.trades, row.tonnes) == (date(2026, 11, 26), 2, 8)
    assert (row.low_minor, row.high_minor, row.amount_minor, row.average_minor) == (
        7_000,
        7_300,
        56_900,
        7_113,
    )
    assert list(csv.DictReader(io.StringIO(as_csv([row])))) == [
        {
            "product": "demo",
            "day": "2026-11-26",
            "currency": "CNY",
            "trades": "2",
            "tonnes": "8",
            "low": "70.00",
            "high": "73.00",
            "average": "71.13",
            "amount": "569.00",
        }
    ]
    assert day_prices("guangdong") == []
    assert day_prices("demo", since=date(2026, 11, 27)) == day_prices(until=date(2026, 11, 25)) == []


def test_a_day_is_the_places_own() -> None:
    _, lot = seller(2)
    member("bolt", "1000.00")
    number = listed("seller", lot, 2)

    taken(number, "bolt", 1, at=AT)
    # 16:30 in UTC is half past midnight in Shanghai.
    taken(number, "bolt", 1, at=AT.replace(hour=16, minute=30))

    assert [row.day for row in day_prices("demo")] == [date(2026, 11, 26), date(2026, 11, 27)]


def test_the_band_is_measured_from_the_last_day_that_had_trades_and_not_from_today() -> None:
    _, lot = seller(20)
    member("bolt", "1000.00")
    rules = place(band_percent="10", reference_price_minor=7_000)
    taken(listed("seller", lot, 1, "100.00"), "bolt", 1)

    today = list_units(listing("seller", lot, 1, "77.01"), rules, at=AT)
    code, facts = refusal_of(list_units(listing("seller", lot, 1, "110.01"), rules, at=AT + 3 * DAY))
    fine = list_units(listing("seller", lot, 1, "110.00"), rules, at=AT + 3 * DAY)

    assert refusal_of(today)[1]["reference_of"] == "reference price before the first trade"
    assert (code, facts["lowest"], facts["highest"]) == ("market.outside_band", "90.00", "110.00")
    assert facts["reference_of"] == "weighted price of 2026-11-26"
    assert fine.refusal is None
    assert expire(rules, at=AT + 3 * DAY)["trades"] == 0
    assert findings() == []
