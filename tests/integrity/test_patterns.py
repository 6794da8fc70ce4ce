"""Patterns: for each, one case by hand that is held, and one of an honest person that looks alike and is not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest

from tanpuhui.integrity.patterns.find import PATTERNS, find

BENCH = Path(__file__).resolve().parents[2] / "bench"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "reference" / "fraud.md"
SECOND, MINUTE = 1_000_000, 60_000_000
HOUR = 60 * MINUTE
OF = {pattern.id: pattern for pattern in PATTERNS}


def held(id: str, rows: list[dict[str, Any]], **others: list[dict[str, Any]]) -> tuple[int, ...]:
    """Which rows the pattern holds, counted from 1."""
    numbered = [{"record_id": number, **row} for number, row in enumerate(rows, start=1)]
    relations = {OF[id].relation: pa.Table.from_pylist(numbered)}
    relations |= {name: pa.Table.from_pylist(other) for name, other in others.items()}
    (found,) = find(relations, [OF[id]])
    assert found.missing == ()
    return found.records


def trip(start: int, minutes: int, distance_m: int, *, account: int = 1, **more: Any) -> dict[str, Any]:
    """A ride by bicycle."""
    return {
        "account_id": account, "kind": "bike_trip", "day": 0, "started_us": start,
        "ended_us": start + minutes * MINUTE, "distance_m": distance_m, **more,
    }  # fmt: skip


def at(here: int, there: int) -> dict[str, int]:
    """Places on the x axis, in metres."""
    return {"from_x_m": here, "from_y_m": 0, "to_x_m": there, "to_y_m": 0}


def test_ten_kilometres_by_bicycle_in_ten_minutes_are_held_and_in_thirty_are_not() -> None:
    assert held("fraud.speed", [trip(0, 10, 10_000), trip(HOUR, 30, 10_000)]) == (1,)


def test_a_trip_that_starts_fifteen_kilometres_away_five_minutes_later_is_held() -> None:
    shared = [trip(0, 20, 3_000, **at(0, 3_000)), trip(25 * MINUTE, 20, 3_000, **at(18_000, 21_000))]

    assert held("fraud.transfer", shared) == (1, 2)


def test_a_tourist_who_took_a_taxi_is_not_held() -> None:
    tourist = [trip(0, 20, 3_000, **at(0, 3_000)), trip(50 * MINUTE, 20, 3_000, **at(18_000, 21_000))]

    assert held("fraud.transfer", tourist) == ()


def test_three_bicycles_unlocked_for_others_are_held_and_a_forgotten_lock_is_not() -> None:
    shared = [trip(n * MINUTE, 30, 5_000) for n in range(4)]
    forgotten = [trip(0, 600, 2_000, account=2), trip(8 * HOUR, 30, 2_000, account=2)]

    assert held("fraud.open_trip", shared + forgotten) == (1, 2, 3, 4)


def test_the_same_ride_on_two_accounts_four_times_is_held_and_a_family_that_rides_together_is_not() -> None:
    cloned = [trip(n * HOUR + a, 20, 4_000, account=a) for n in range(4) for a in (1, 2)]
    family = [
        trip(n * HOUR + a * 20 * SECOND, 20, 4_000 + a * 60, account=a) for n in range(4) for a in (3, 4)
    ]

    assert held("fraud.identical_telemetry", cloned + family) == tuple(range(1, 9))


def test_six_legs_between_two_stations_are_held_and_a_commuters_two_are_not() -> None:
    def leg(n: int, apart: int, account: int) -> dict[str, Any]:
        return trip(n * apart, 10, 1_000, account=account, origin=7 + n % 2, destination=8 - n % 2)

    farmed = [leg(n, 20 * MINUTE, 1) for n in range(6)]
    commuted = [leg(n, 9 * HOUR, 2) for n in range(2)]

    assert held("fraud.there_and_back", farmed + commuted) == (1, 2, 3, 4, 5, 6)


def test_a_courier_who_returns_to_the_hub_from_each_address_is_not_held() -> None:
    rounds = [
        trip(n * 20 * MINUTE, 10, 1_000, origin=o, destination=d)
        for n, (o, d) in enumerate(pair for to in range(1, 9) for pair in ((0, to), (to, 0)))
    ]

    assert held("fraud.there_and_back", rounds) == ()


def test_a_courier_between_two_places_three_kilometres_apart_is_not_held() -> None:
    rounds = [trip(n * 20 * MINUTE, 12, 3_000, origin=7 + n % 2, destination=8 - n % 2) for n in range(12)]

    assert held("fraud.there_and_back", rounds) == ()


def test_a_bill_paid_and_refunded_three_times_is_held_and_one_return_is_not() -> None:
    cycled = [{"account_id": 1, "payee": 5, "amount_fen": 10_000, "refunded_fen": 10_000}] * 3
    returned = [{"account_id": 2, "payee": 5, "amount_fen": 10_000, "refunded_fen": 10_000}]

    assert held("fraud.refund_cycling", cycled + returned) == (1, 2, 3)


def test_four_feeders_of_one_account_are_held_and_a_family_that_gives_a_tenth_is_not() -> None:
    fed = [
        {"account_id": a, "to_account_id": 9, "amount_mg": 450, "earned_mg": 1_000}
        for a in (1, 2, 3, 4) for _ in range(2)
    ]  # fmt: skip
    family = [
        {"account_id": a, "to_account_id": 19, "amount_mg": 50, "earned_mg": 1_000}
        for a in (11, 12, 13, 14) for _ in range(2)
    ]  # fmt: skip

    assert held("fraud.feeder_ring", fed + family) == tuple(range(1, 9))


def test_a_merchant_with_one_customer_is_held_and_a_daily_coffee_among_many_is_not() -> None:
    washed = [{"account_id": 1, "merchant": 1, "amount_fen": 1_000}] * 8
    coffee = [{"account_id": 2, "merchant": 2, "amount_fen": 1_000}] * 8
    others = [{"account_id": a, "merchant": 2, "amount_fen": 1_000} for a in range(3, 20)]

    assert held("fraud.merchant_wash", washed + coffee + others) == tuple(range(1, 9))


def test_two_cancelled_charges_that_went_on_are_held_and_one_whose_meter_lags_is_not() -> None:
    raced = [{"account_id": 1, "is_cancelled": 1, "energy_wh": 0, "meter_wh": 20_000}] * 2
    lagged = [{"account_id": 2, "is_cancelled": 1, "energy_wh": 100, "meter_wh": 500}] * 2

    assert held("fraud.cancel_race", raced + lagged) == (1, 2)


def test_one_container_four_times_is_held_where_the_station_does_not_balance() -> None:
    def brought(station: int) -> list[dict[str, int]]:
        again = [
            {"account_id": 1, "day": 0, "station": station, "mass_g": g} for g in (9_000, 10_000, 11_000)
        ]
        return again + _households(station)

    weighing = [{"station": 1, "mass_g": 15_000}, {"station": 2, "mass_g": 45_000}]

    assert held("fraud.weight_tampering", brought(1) + brought(2), weighing=weighing) == (1, 2, 3)


def test_a_cleaner_in_one_go_or_in_several_that_differ_is_not_held_and_a_scale_leant_on_is() -> None:
    once = {"account_id": 20, "day": 0, "station": 1, "mass_g": 22_000}
    goes = [{"account_id": 21, "day": 0, "station": 1, "mass_g": g} for g in (4_000, 13_000)]
    leant = {"account_id": 22, "day": 0, "station": 1, "mass_g": 40_001}

    found = held(
        "fraud.weight_tampering",
        [leant, once, *goes, *_households(1)],
        weighing=[{"station": 1, "mass_g": 54_000}],
    )

    assert found == (1,)


def _households(station: int) -> list[dict[str, int]]:
    """Ten homes with a kilogram and a half each."""
    return [{"account_id": a, "day": 0, "station": station, "mass_g": 1_500} for a in range(2, 12)]


def test_a_provider_that_reports_a_tenth_too_much_is_held_and_one_that_differs_by_a_percent_is_not() -> None:
    totals = [
        {"provider": "a", "kind": "metro_trip", "reported": 110, "independent": 100},
        {"provider": "b", "kind": "metro_trip", "reported": 101, "independent": 100},
    ]

    assert held("fraud.over_reporting", totals) == (1,)


def test_a_pattern_whose_columns_are_not_there_holds_nothing_and_names_them() -> None:
    acts = pa.Table.from_pylist([{"record_id": 1, **trip(0, 10, 1_000)}])

    found = {one.pattern.id: one for one in find({"act": acts})}

    assert found["fraud.transfer"].missing == ("act.from_x_m", "act.from_y_m", "act.to_x_m", "act.to_y_m")
    assert found["fraud.speed"].missing == ()
    assert found["fraud.weight_tampering"].missing[-1] == "weighing.mass_g"


def test_every_pattern_has_its_clause_in_the_reference() -> None:
    text = DOCS.read_text(encoding="utf-8")

    assert [one.name for one in PATTERNS if f"`{one.name}`" not in text] == []
    assert len({one.id for one in PATTERNS}) == len(PATTERNS) == 11


@pytest.mark.parametrize(("seed", "attackers"), [(1, 0.01), (2, 0.03), (3, 0.05)])
def test_a_small_city_meets_the_targets(seed: int, attackers: float) -> None:
    measured = bench().measure(5_000, attackers, seed)

    assert [one for one in measured if not one.is_met] == []
    assert len(measured) == len(PATTERNS)
    mended = ("fraud.there_and_back@2", "fraud.weight_tampering@2")
    assert [one for one in measured if one.name in mended and not one.is_fair] == []


def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fraud_bench", BENCH / "fraud.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fraud_bench"] = module
    spec.loader.exec_module(module)
    return module
