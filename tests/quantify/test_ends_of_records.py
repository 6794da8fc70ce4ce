"""Every record of a day ends in exactly one way, and what is credited is worked by hand.

46.7 g per person-km of metro is 46.7 mg a metre; 48.7 g per km of pedal bike is 48.7 mg a metre.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quantify.city import (
    ALL_GRANTS,
    MINUTE_US,
    at,
    credits,
    ends,
    files_of,
    grant,
    quantify,
    quantify_on,
    record,
)
from tanpuhui.kit.moment import from_us
from tanpuhui.quantify.engines.duckdb import DuckDb


def test_a_metro_trip_of_ten_kilometres_is_467_grams(tmp_path: Path) -> None:
    result = quantify(tmp_path, [record(1, "metro_trip", at(8), distance_m=10_000)])

    assert ends(result) == {1: "credited"}
    assert credits(result) == {1: 467_000}
    assert result.credits.to_pylist()[0]["credited_mg"] == 467_000


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"from_us": at(8, 1)}, "outside_range"),
        ({"to_us": at(8, 20)}, "outside_range"),
        ({"from_us": at(8), "to_us": at(8, 20) + 1}, "credited"),
        ({"usable": False}, "withdrawn"),
        ({"usable": False, "from_us": at(9)}, "outside_range"),
        ({"kinds": "bus_trip"}, "no_grant"),
        ({"provider": "bike", "kinds": "metro_trip"}, "no_grant"),
        ({"account_id": 2}, "no_grant"),
    ],
)
def test_a_grant_covers_the_whole_act_or_it_is_not_counted(
    tmp_path: Path, changed: dict[str, Any], outcome: str
) -> None:
    given = {**grant("metro", "metro_trip"), **changed}

    result = quantify(tmp_path, [record(1, "metro_trip", at(8), distance_m=1_000)], [given])

    assert ends(result) == {1: outcome}
    kept = {row["account_id"] for row in result.results.to_pylist()}
    assert kept == ({1} if outcome == "credited" else {0}), "nothing about a person without a grant is kept"


def test_a_record_of_nobody_is_an_unknown_person(tmp_path: Path) -> None:
    result = quantify(tmp_path, [record(1, "metro_trip", at(8), account_id=0, distance_m=1_000)])

    assert ends(result) == {1: "unknown_person"}


def test_the_act_that_two_providers_report_counts_once_and_for_the_one_that_ranks_first(
    tmp_path: Path,
) -> None:
    records = [
        record(1, "bike_trip", at(8), 15, provider="map_app", distance_m=3_000),
        record(2, "bike_trip", at(8, 1), 13, provider="bike", distance_m=2_900),
    ]

    for order in (records, records[::-1]):
        result = quantify(tmp_path, order)

        assert ends(result) == {1: "duplicate_of", 2: "credited"}
        # 2,900 m x 48.7 mg/m
        assert credits(result) == {2: 141_230}


def test_one_person_is_not_on_two_trips_at_once(tmp_path: Path) -> None:
    result = quantify(
        tmp_path,
        [
            record(1, "metro_trip", at(8), 30, distance_m=10_000),
            record(2, "bike_trip", at(8, 29), 10, provider="bike", distance_m=1_000),
            record(3, "bike_trip", at(8, 39), 10, provider="bike", distance_m=1_000),
        ],
    )

    assert ends(result) == {1: "credited", 2: "overlapping", 3: "credited"}


def test_who_loses_takes_nobody_along(tmp_path: Path) -> None:
    """A beats B, B beats C, A and C do not meet: C counts. The fourth of such a chain is lost to the third."""
    chain = [
        record(1, "metro_trip", at(8), 30, distance_m=10_000),
        record(2, "metro_trip", at(8, 20), 30, distance_m=10_000),
        record(3, "metro_trip", at(8, 40), 30, distance_m=10_000),
        record(4, "metro_trip", at(9), 30, distance_m=10_000),
    ]

    for order in (chain, chain[::-1]):
        assert ends(quantify(tmp_path, order)) == {
            1: "credited",
            2: "overlapping",
            3: "credited",
            4: "overlapping",
        }


def test_a_chain_of_any_length_never_counts_two_that_overlap(tmp_path: Path) -> None:
    """Twenty trips of 30 minutes, one every 20: after the rounds the undecided lose, and no two that count overlap."""
    chain = [
        record(number, "metro_trip", at(6, 20 * number), 30, distance_m=10_000) for number in range(1, 21)
    ]

    result = ends(quantify(tmp_path, chain))

    counted = [number for number, end in result.items() if end == "credited"]
    # Each round takes one even trip out and frees the odd one after it.
    assert counted == [1, 3, 5, 7, 9]
    assert set(result.values()) == {"credited", "overlapping"}


def test_a_report_that_says_nothing_gives_way_to_one_that_can_be_reckoned_with(tmp_path: Path) -> None:
    """The bike company ranks before the map; its report of 10^12 m is out of range."""
    result = quantify(
        tmp_path,
        [
            record(1, "bike_trip", at(8), 15, provider="bike", distance_m=10**12),
            record(2, "bike_trip", at(8), 15, provider="map_app", distance_m=3_000),
        ],
    )

    assert ends(result) == {1: "duplicate_of", 2: "credited"}


def test_a_report_that_gives_nothing_opens_no_way_round_for_a_second_one(tmp_path: Path) -> None:
    result = quantify(
        tmp_path,
        [
            record(1, "bike_trip", at(8), 15, provider="bike", distance_m=0),
            record(2, "bike_trip", at(8), 15, provider="map_app", distance_m=3_000),
        ],
    )

    assert ends(result) == {1: "excluded", 2: "duplicate_of"}


def test_a_homes_saving_is_counted_by_the_day_or_by_the_month(tmp_path: Path) -> None:
    """Both end on this day; the month began earlier and is asked first, being of the same provider and rank."""
    month = at(0, day=-27)
    result = quantify(
        tmp_path,
        [
            record(
                1,
                "household_electricity_month",
                month,
                provider="grid",
                ended_us=at(23),
                energy_wh=100_000,
                baseline_energy_wh=200_000,
                baseline_months=24,
                tariff_tier=1,
            ),
            record(
                2,
                "household_electricity_day",
                at(0),
                provider="grid",
                ended_us=at(24) - 1,
                energy_wh=2_000,
            ),
        ],
    )

    assert ends(result) == {1: "credited", 2: "overlapping"}


def test_sales_of_one_second_are_two_sales_unless_two_providers_report_them(tmp_path: Path) -> None:
    result = quantify(
        tmp_path,
        [
            record(1, "second_hand_sale", at(8), 0, provider="phones", pieces=1),
            record(2, "second_hand_sale", at(8), 0, provider="phones", pieces=1),
        ],
    )

    assert ends(result) == {1: "credited", 2: "credited"}


def test_the_highest_revision_counts_and_the_person_keeps_one_credit(tmp_path: Path) -> None:
    first = record(1, "metro_trip", at(8), distance_m=9_000)
    second = record(2, "metro_trip", at(8), distance_m=1_000, source_id="id-1", revision=1)

    result = quantify(tmp_path, [first, second])

    assert ends(result) == {1: "superseded", 2: "credited"}
    assert credits(result) == {2: 46_700}


def test_a_retraction_undoes_the_act_even_when_a_lower_revision_comes_later(tmp_path: Path) -> None:
    result = quantify(
        tmp_path,
        [
            record(5, "metro_trip", at(8), distance_m=9_000, source_id="t", revision=1),
            record(1, "metro_trip", at(8), distance_m=9_000, source_id="t", revision=2, action="retract"),
            record(9, "metro_trip", at(8), distance_m=9_000, source_id="t"),
        ],
    )

    assert ends(result) == {1: "retraction", 5: "retracted", 9: "retracted"}
    assert credits(result) == {}


def test_taps_become_a_trip_and_the_rest_is_counted(tmp_path: Path) -> None:
    records = [
        record(1, "metro_entry", at(8), 0, station="罗湖"),
        record(2, "metro_exit", at(8, 30), 0, station="老街"),
        record(3, "metro_exit", at(9), 0, station="罗湖"),
        record(4, "metro_entry", at(10), 0, station="罗湖"),
        record(5, "metro_exit", at(10, 5), 0, station="罗湖"),
        record(6, "metro_entry", at(23), 0, station="罗湖"),
    ]

    result = quantify(tmp_path, records, distances={("罗湖", "老街"): 2_400})

    assert ends(result) == {
        1: "joined",
        2: "credited",
        3: "unpaired",
        4: "same_station",
        5: "same_station",
        6: "unpaired",
    }
    # 2,400 m x 46.7 mg/m
    assert credits(result) == {2: 112_080}


def test_an_entry_waits_24_hours_for_its_exit(tmp_path: Path) -> None:
    entry = record(1, "metro_entry", at(23), 0, station="罗湖")

    early = quantify(tmp_path, [entry], as_of=from_us(at(23)) + timedelta(hours=24, microseconds=-1))
    late = quantify(tmp_path, [entry], as_of=from_us(at(23)) + timedelta(hours=24))

    assert ends(early) == {1: "waiting"}
    assert ends(late) == {1: "unpaired"}


def test_the_person_cap_credits_in_order_of_time_and_records_the_rest(tmp_path: Path) -> None:
    # Shenzhen metro: 10,000,000 mg a person and day, illustrative. 100 km are 4,670,000 mg.
    records = [record(number, "metro_trip", at(4 + 2 * number), distance_m=100_000) for number in (3, 1, 2)]

    result = quantify(tmp_path, records)

    assert ends(result) == {1: "credited", 2: "credited", 3: "capped"}
    assert credits(result) == {1: 4_670_000, 2: 4_670_000, 3: 660_000}
    assert {row["avoided_mg"] for row in result.results.to_pylist()} == {4_670_000}


def test_what_was_credited_on_other_days_leaves_that_much_less_of_the_year(tmp_path: Path) -> None:
    # Second-hand phones: three a person and year (155,709,000 mg), illustrative; one is 51,903,000 mg.
    prior = [{"account_id": 1, "methodology": "national/second-hand-goods", "year_mg": 155_709_000 - 1}]

    result = quantify(
        tmp_path, [record(1, "second_hand_sale", at(8), 0, provider="phones", pieces=1)], prior=prior
    )

    assert ends(result) == {1: "capped"}
    assert credits(result) == {1: 1}


def test_a_kind_without_a_scene_is_counted_as_such(tmp_path: Path) -> None:
    result = quantify(tmp_path, [record(1, "e_invoice", at(8), 0, provider="phones", pieces=1)])

    assert ends(result) == {1: "no_methodology"}


def test_a_measure_that_is_missing_is_never_guessed(tmp_path: Path) -> None:
    result = quantify(
        tmp_path, [record(1, "metro_trip", at(8)), record(2, "metro_trip", at(9), distance_m=10**9)]
    )

    assert ends(result) == {1: "invalid", 2: "invalid"}


def test_an_act_counts_on_the_day_in_which_it_ended(tmp_path: Path) -> None:
    result = quantify(
        tmp_path,
        [
            record(1, "metro_trip", at(23, 50, day=-1), 20, distance_m=1_000),
            record(2, "metro_trip", at(23, 50), 20, distance_m=1_000),
        ],
    )

    assert ends(result) == {1: "credited"}


def test_the_digest_names_the_results_and_nothing_else(tmp_path: Path) -> None:
    records = [
        record(number, "metro_trip", at(6 + number), distance_m=1_000 * number) for number in range(1, 9)
    ]

    one = quantify(tmp_path, records)
    again = quantify(tmp_path, records[::-1], [*ALL_GRANTS, grant("metro", "metro_trip", account_id=7)])
    other = quantify(tmp_path, [*records[:-1], {**records[-1], "distance_m": 8_001}])

    assert one.digest == again.digest
    assert one.digest != other.digest


def test_a_month_above_its_baseline_is_recorded_and_taken_from_no_account(tmp_path: Path) -> None:
    # Shanghai (illustrative formula): (200 - 250) kWh x 0.42 kg/kWh = -21 kg; nothing is deducted from a loss.
    home = {"provider": "grid", "baseline_months": 12, "baseline_energy_wh": 200_000}
    month = record(1, "household_electricity_month", at(0, day=-27), 27 * 24 * 60, energy_wh=250_000, **home)

    result = quantify(tmp_path, [month])

    assert ends(result) == {1: "below_baseline"}
    assert credits(result) == {}
    assert list(result.below_mg.values()) == [21_000_000]


@pytest.mark.parametrize(("tier", "outcome"), [(2, "credited"), (3, "excluded")])
def test_a_user_of_the_third_tier_is_excluded_with_the_clause(
    tmp_path: Path, tier: int, outcome: str
) -> None:
    home = {"provider": "grid", "baseline_months": 12, "baseline_energy_wh": 300_000, "tariff_tier": tier}
    month = record(1, "household_electricity_month", at(0, day=-27), 27 * 24 * 60, energy_wh=250_000, **home)

    result = quantify(tmp_path, [month])

    assert ends(result) == {1: outcome}
    assert result.results.to_pylist()[0]["clause"] == ("E1" if outcome == "excluded" else None)


def test_buckets_of_every_sort_run_one_after_the_other_on_one_engine(tmp_path: Path) -> None:
    """With and without revisions, a close before, and days before it, in every order that matters: pairwise."""
    trip = record(1, "metro_trip", at(8), distance_m=10_000)
    plain = files_of(tmp_path, [trip])
    nothing = pa.schema([("record_id", pa.int64()), ("account_id", pa.int64()), ("outcome", pa.int32())])
    ends_file = tmp_path / "ends.parquet"
    pq.write_table(nothing.empty_table(), ends_file)
    sorts = [
        plain,
        replace(plain, revisions=plain.records),
        replace(plain, standing=(ends_file,)),
        replace(plain, earlier_records=plain.records, earlier_ends=(ends_file,)),
    ]

    with DuckDb() as engine:
        found = [
            credits(quantify_on(engine, files)) for one in sorts for other in sorts for files in (one, other)
        ]

    assert found == [{1: 467_000}] * 32


def test_readings_under_a_withdrawn_grant_are_no_baseline_of_another_grant(tmp_path: Path) -> None:
    """A home withdrew its first grant and gave one from this day on: nothing of the week before is read.

    2,200 Wh are above the city's 2,000 Wh for one person; a week of 2,400 Wh a day would be a saving of 200 Wh.
    """
    half_hour = 30 * MINUTE_US
    slots = [
        record(
            1_000 + number,
            "meter_slot",
            at(0, day=-7) + number * half_hour,
            provider="grid",
            ended_us=at(0, day=-7) + (number + 1) * half_hour - 1,
            energy_wh=50 if number < 7 * 48 else 50 - 4 - (number % 6 == 0),
            pv_wh=0,
        )
        for number in range(8 * 48)
    ]
    kinds = "household_electricity_day"
    first = grant("grid", kinds, usable=False)
    second = grant("grid", kinds, from_us=at(0))

    withdrawn = quantify(tmp_path, slots, [first, second])
    standing = quantify(tmp_path, slots, [grant("grid", kinds)])

    assert credits(withdrawn) == {}
    assert list(credits(standing).values()) == [200 * 3_125 // 10]
