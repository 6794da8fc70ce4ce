"""The demonstration's city: made from a seed, written in providers' formats, judged by a truth of its own."""

from __future__ import annotations

import ast
import csv
import fcntl
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tanpuhui.cli.demo import check, files, homes, truth
from tanpuhui.cli.demo.calendar import FIRST_DAY, ZONE, Calendar, at_us, index_of, iso
from tanpuhui.cli.demo.city import WrongSize, build
from tanpuhui.cli.demo.plan import Act, City, Delivery, Fetched, Grant, Row
from tanpuhui.kit import home as kit_home

RANGE_START = datetime(2026, 1, 1, tzinfo=ZONE)
CLOSED = datetime(2026, 3, 10, 12, tzinfo=ZONE)


@pytest.fixture(scope="module")
def small() -> City:
    return build(residents=60, days=3, seed=5)


def act(kind: str, *, resident: int = 1, minute: int = 480, index: int = 0, **measures: int) -> Act:
    """An act of ten minutes, with its measures."""
    start_us = at_us(index, minute)
    return Act(resident, "bike_app", kind, start_us, start_us + 600_000_000, measures)


# The same seed, the same city


def test_the_same_seed_gives_the_same_city_and_another_seed_another(small: City) -> None:
    assert build(residents=60, days=3, seed=5) == small
    assert build(residents=60, days=3, seed=6) != small


@pytest.mark.parametrize(("residents", "days"), [(19, 7), (100_001, 7), (20, 0), (20, 32)])
def test_a_city_of_a_wrong_size_is_refused(residents: int, days: int) -> None:
    with pytest.raises(WrongSize):
        build(residents=residents, days=days, seed=1)


@pytest.mark.parametrize(("residents", "days"), [(20, 1), (20, 31), (33, 2)])
def test_the_smallest_cities_can_be_built_and_judged(residents: int, days: int) -> None:
    city = build(residents=residents, days=days, seed=2)

    assert check.expect(city).honest_mg > 0


def test_every_fault_is_planted_even_in_a_small_city(small: City) -> None:
    planted = Counter(name for rows in check.expect(small).rows for _, name in rows)

    for name in (
        "acts_at_a_station_that_claims_too_much",
        "acts_at_a_station_that_nobody_weighed",
        "acts_from_two_providers",
        "acts_of_unknown_persons",
        "acts_outside_a_grants_range",
        "acts_over_a_cap",
        "acts_under_a_withdrawn_grant",
        "acts_without_a_grant",
        "bus_boardings",
        "charges_without_energy",
        "corrections",
        "ends_before_start",
        "entries_without_exit",
        "exits_without_entry",
        "ids_used_again",
        "impossible_speeds",
        "late_records",
        "missing_stations",
        "months_in_the_third_tier",
        "negative_distances",
        "overlapping_trips",
        "refunds",
        "retractions",
        "rows_corrected",
        "rows_of_a_file_sent_again",
        "rows_retracted",
        "rows_sent_twice",
        "taps_at_one_station",
        "texts_in_numbers",
        "top_ups",
        "unknown_stations",
        "years_0014",
    ):
        assert planted[name] >= 1, name


def test_nobodys_honest_trips_overlap(small: City) -> None:
    expected = check.expect(small)
    trips: dict[int, list[Act]] = {}
    for one in expected.acts:
        if one.kind.endswith("_trip") and one.resident:
            trips.setdefault(one.resident, []).append(one)

    for theirs in trips.values():
        theirs.sort(key=lambda trip: trip.started_us)
        for earlier, later in pairwise(theirs):
            assert earlier.ended_us < later.started_us


def test_a_pseudonym_says_nothing_and_differs_at_each_provider(small: City) -> None:
    names = [name for known in small.pseudonyms().values() for name, _ in known]

    assert len(set(names)) == len(names)


# The truth, worked by hand


def test_the_truth_imports_nothing_that_quantifies() -> None:
    source = Path(truth.__file__).read_text(encoding="utf-8")
    imported = {
        node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)
    } | {
        name.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import)
        for name in node.names
    }
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, tanpuhui.cli.demo.truth; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()

    assert {name for name in imported if name.startswith("tanpuhui")} == {
        "tanpuhui.cli.demo.calendar",
        "tanpuhui.cli.demo.plan",
    }
    for stage in ("methodology", "quantify", "evidence", "close"):
        assert f"tanpuhui.{stage}" not in loaded


def test_a_metro_trip_of_one_stop_is_1200_m_times_46_7_g() -> None:
    trip = replace(act("metro_trip"), stations=("罗湖", "国贸"))

    assert truth.alone(trip) == truth.Worth("credited", 56_040, 56_040)


@pytest.mark.parametrize(
    ("one", "avoided_mg"),
    [
        # 10 km x 26.9 g, 48.7 g, 61.8 g
        (act("bus_trip", distance_m=10_000), 269_000),
        (act("bike_trip", distance_m=10_000), 487_000),
        (act("e_bike_trip", distance_m=10_000), 618_000),
        # 30 km at most: 30 x 48.7 g
        (act("bike_trip", distance_m=35_000), 1_461_000),
        # 1 m x 26.9 mg = 26.9 mg, rounded down
        (act("bus_trip", distance_m=1), 26),
        # 0.9 kWh are 5 km: 5 x 176 g - 0.9 x 679.6 g = 880 g - 611.64 g
        (act("ev_charge", energy_wh=900), 268_360),
        # 2 kg of paper x 165 g
        (act("waste_sorting", mass_g=2_000, material=1), 330_000),
        # two phones x 51.903 kg
        (act("second_hand_sale", pieces=2), 103_806_000),
        # 10 kWh x 420 g
        (act("rooftop_pv_output", energy_wh=10_000), 4_200_000),
        # 10 kWh saved, less 10 %: 9 kWh x 420 g
        (
            act(
                "household_electricity_month",
                energy_wh=190_000,
                baseline_energy_wh=200_000,
                baseline_months=12,
                tariff_tier=1,
            ),
            3_780_000,
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, Act) else str(value),
)
def test_an_act_is_worth_what_its_source_says(one: Act, avoided_mg: int) -> None:
    assert truth.alone(one) == truth.Worth("credited", avoided_mg, avoided_mg)


@pytest.mark.parametrize(
    ("energy_wh", "week_wh", "week_days", "has_pv", "worth"),
    [
        # 2 kWh less 1.2 kWh are 800 Wh x 0.3125 g
        (1_200, 0, 0, 0, truth.Worth("credited", 250_000, 250_000)),
        # a week of 70 kWh is 10 kWh a day, less 8 kWh: 2 kWh x 312.5 g
        (8_000, 70_000, 7, 0, truth.Worth("credited", 625_000, 625_000)),
        # a week with a gap is no baseline
        (8_000, 60_000, 6, 0, truth.Worth("nothing_avoided")),
        (10_000, 70_000, 7, 0, truth.Worth("nothing_avoided")),
        (2_000, 70_000, 7, 0, truth.Worth("nothing_avoided")),
        (8_000, 70_000, 7, 1, truth.Worth("excluded")),
        (299, 70_000, 7, 0, truth.Worth("excluded")),
    ],
)
def test_a_day_at_home_is_compared_with_the_city_or_with_its_own_week(
    energy_wh: int, week_wh: int, week_days: int, has_pv: int, worth: truth.Worth
) -> None:
    day = act(
        "household_electricity_day",
        energy_wh=energy_wh,
        previous7_energy_wh=week_wh,
        previous7_days=week_days,
        has_pv=has_pv,
    )

    assert truth.alone(day) == worth


def test_a_day_with_47_half_hours_is_no_day_and_no_part_of_a_baseline() -> None:
    slots = {index: [100] * 48 for index in range(-7, 2)} | {0: [100] * 47}

    assert truth.meter_day(slots, frozenset(), 0) is None
    assert truth.meter_day(slots, frozenset(), 1) == {
        "energy_wh": 4_800,
        "previous7_energy_wh": 6 * 4_800,
        "previous7_days": 6,
        "has_pv": 0,
    }


def test_kitchen_waste_avoids_nothing_and_textiles_and_the_third_tier_are_excluded() -> None:
    month = {"energy_wh": 1, "baseline_energy_wh": 2, "baseline_months": 12, "tariff_tier": 3}

    assert truth.alone(act("waste_sorting", mass_g=900, material=6)).end == "nothing_avoided"
    assert truth.alone(act("waste_sorting", mass_g=900, material=5)).end == "excluded"
    assert truth.alone(act("household_electricity_month", **month)).end == "excluded"


def test_of_three_rides_of_25_km_the_third_is_capped_at_60_km_a_day() -> None:
    rides = [act("bike_trip", minute=minute, distance_m=25_000) for minute in (900, 400, 600)]
    worths = [truth.alone(ride) for ride in rides]

    truth.cap(rides, worths)

    # 25 x 48.7 g = 1,217.5 g each; 2,922 g less two of them are 487 g
    assert [worth.credited_mg for worth in worths] == [487_000, 1_217_500, 1_217_500]
    assert [worth.end for worth in worths] == ["capped", "credited", "credited"]


def test_caps_are_of_a_person_a_kind_and_a_day_and_of_a_year_for_sales() -> None:
    acts = [
        act("bike_trip", minute=1, distance_m=30_000),
        act("bike_trip", minute=2, distance_m=30_000),
        act("bike_trip", minute=3, index=1, distance_m=30_000),
        act("bike_trip", minute=4, resident=2, distance_m=30_000),
        act("second_hand_sale", minute=5, pieces=2),
        act("second_hand_sale", minute=6, index=5, pieces=2),
    ]
    worths = [truth.alone(one) for one in acts]

    truth.cap(acts, worths)

    assert [worth.end for worth in worths] == ["credited"] * 5 + ["capped"]
    assert worths[-1].credited_mg == 51_903_000


def grant(**changes: object) -> Grant:
    return replace(Grant(1, "bike_app", ("bike_trip",), RANGE_START), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "end"),
    [
        ([], "no_grant"),
        ([grant(kinds=("e_bike_trip",))], "no_grant"),
        ([grant()], ""),
        ([grant(from_at=datetime(2026, 3, 2, 8, 1, tzinfo=ZONE))], "outside_range"),
        ([grant(from_at=datetime(2026, 3, 2, 8, 0, tzinfo=ZONE))], ""),
        ([grant(until_at=datetime(2026, 3, 2, 8, 10, tzinfo=ZONE))], "outside_range"),
        ([grant(until_at=datetime(2026, 3, 2, 8, 11, tzinfo=ZONE))], ""),
        ([grant(withdrawn_at=CLOSED)], "withdrawn"),
        ([grant(withdrawn_at=CLOSED + timedelta(seconds=1))], ""),
    ],
)
def test_a_grant_covers_a_whole_act_and_stands_when_the_day_is_closed(given: list[Grant], end: str) -> None:
    ride = act("bike_trip", minute=8 * 60, distance_m=1_000)

    assert truth.gate_end(ride, given, CLOSED) == end


def test_somebody_without_an_account_is_unknown_whatever_was_granted() -> None:
    assert truth.gate_end(act("bike_trip", resident=0), [grant()], CLOSED) == "unknown_person"


@pytest.mark.parametrize(
    ("days_before", "worth"),
    # (7 x 8,000 - 7 x 7,000) / 7 x 0.3125 g = 312.5 g, of a week that was all granted
    [(7, truth.Worth("credited", 312_500, 312_500)), (6, truth.Worth("nothing_avoided"))],
)
def test_a_home_has_no_own_week_where_its_grant_begins_within_it(
    days_before: int, worth: truth.Worth
) -> None:
    """What was used before a grant begins is not read."""
    home = {"energy_wh": 7_000, "previous7_energy_wh": 56_000, "previous7_days": 7, "has_pv": 0}
    day = replace(act("household_electricity_day", **home), started_us=at_us(0, 0))
    begins = datetime.combine(FIRST_DAY - timedelta(days=days_before), datetime.min.time(), ZONE)
    given = grant(kinds=(day.kind,), from_at=begins, provider=day.provider)

    assert truth.judge([day], [given], [Calendar(1).closed_at(0)]) == [worth]


def test_what_no_grant_covers_uses_up_no_cap() -> None:
    barred = act("bike_trip", resident=2, minute=1, distance_m=30_000)
    honest = [act("bike_trip", minute=minute, distance_m=30_000) for minute in (2, 3)]

    worths = truth.judge([barred, *honest], [grant()], [CLOSED] * 3)

    assert [worth.end for worth in worths] == ["no_grant", "credited", "credited"]


def test_of_each_bag_its_part_of_what_was_fetched_counts_and_nothing_where_nobody_weighed() -> None:
    """600 and 401 g were brought and 500 g fetched: 299.7 and 200.3 g, rounded down, at 165 mg. 1,001 g are too much
    for 500 g; and just 5 % above 1,000 g are not."""
    there, twice = ("north", 0, 500, CLOSED), ("west", 0, 1_000, CLOSED)
    bags = [
        replace(act("waste_sorting", resident=resident, mass_g=mass_g, material=1), station=station)
        for resident, (station, mass_g) in enumerate(
            [("north", 600), ("north", 401), ("south", 300), ("west", 1_050)], 1
        )
    ]
    given = [grant(resident=resident, kinds=("waste_sorting",)) for resident in range(1, 5)]

    worths = truth.judge(bags, given, [CLOSED] * 4, [Fetched(*there), Fetched(*twice)])

    assert worths == [
        truth.Worth("credited", 299 * 165, 299 * 165, of_less=True),
        truth.Worth("credited", 200 * 165, 200 * 165, of_less=True),
        truth.Worth("not_weighed"),
        truth.Worth("credited", 165_000, 165_000),
    ]


# Files


def delivery(ending: str, *columns: dict[str, object], provider: str = "bike_app") -> Delivery:
    rows = tuple(Row(one, "joined") for one in columns)
    return Delivery(provider, "2026-03-02", ending, CLOSED, rows)


def test_row_n_of_a_file_is_row_n_of_the_delivery_in_every_format(tmp_path: Path) -> None:
    rows: tuple[dict[str, object], ...] = ({"a": "x", "b": 1}, {"a": "y", "c": "深圳"})

    written = {
        ending: files.write(delivery(ending, *rows), tmp_path) for ending in ("csv", "ndjson", "parquet")
    }

    with written["csv"].open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == [["a", "b", "c"], ["x", "1", ""], ["y", "", "深圳"]]
    lines = written["ndjson"].read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == list(rows)
    assert pq.read_table(written["parquet"]).to_pylist() == [
        {"a": "x", "b": 1, "c": None},
        {"a": "y", "b": None, "c": "深圳"},
    ]


def test_taps_come_in_both_known_orders_of_columns(small: City, tmp_path: Path) -> None:
    taps = next(one for one in small.deliveries if one.provider == "szt")
    even = replace(taps, rows=taps.rows[:2])
    odd = replace(taps, rows=taps.rows[:3])

    headers = [files.write(one, tmp_path).read_text(encoding="utf-8").splitlines()[0] for one in (even, odd)]

    assert headers[0].startswith("card_no,deal_date,deal_type")
    assert headers[1] == ",".join(files.OTHER_TAP_ORDER)
    assert set(headers[0].split(",")) == set(files.OTHER_TAP_ORDER)


def test_no_file_arrives_before_its_acts_have_ended(small: City) -> None:
    for one in small.deliveries:
        received_us = int(one.received_at.timestamp()) * 1_000_000
        for row in one.rows:
            if row.act is not None:
                assert row.act.ended_us < received_us


# What was planted against what was found


def test_a_row_that_ends_otherwise_is_missed_where_it_was_planted_and_counted_astray(small: City) -> None:
    expected = check.expect(small)
    ends = [[end for end, _ in rows] for rows in expected.rows]
    ends[0][0] = "credited"
    end, name = expected.rows[0][0]

    planted, found = check.compare(small, expected, ends, repeated=1, children=1)

    assert found[name] == planted[name] - 1
    assert (planted[check.ASTRAY], found[check.ASTRAY]) == (0, 1)
    assert check.astray(expected, ends) == {(name, end, "credited"): 1}


def test_when_everything_ends_as_it_must_all_that_was_planted_is_found(small: City) -> None:
    expected = check.expect(small)
    ends = [[end for end, _ in rows] for rows in expected.rows]

    planted, found = check.compare(small, expected, ends, repeated=1, children=1)

    assert planted == found


# Calendar


def test_days_are_local_and_the_last_second_belongs_to_its_own_day() -> None:
    midnight_us = int(datetime(2026, 3, 3, tzinfo=ZONE).timestamp()) * 1_000_000

    assert at_us(1, 0) == midnight_us
    assert (index_of(midnight_us - 1), index_of(midnight_us)) == (0, 1)
    assert iso(midnight_us) == "2026-03-03T00:00:00+08:00"


def test_an_entry_of_the_last_day_no_longer_waits_when_days_are_closed_again() -> None:
    calendar = Calendar(3)
    last_entry = datetime.combine(calendar.day(3), datetime.min.time(), ZONE)

    assert calendar.closed_again_at - last_entry > timedelta(hours=24)
    assert date(2026, 3, 2) == FIRST_DAY
    assert FIRST_DAY.weekday() == 0


# Homes of demonstrations


@pytest.fixture()
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A default home in a temporary folder, and no home named in the environment."""
    monkeypatch.setattr(homes, "default_home", lambda: tmp_path)
    monkeypatch.delenv(kit_home.VARIABLE, raising=False)
    # What settle_in writes into the environment is taken out again after the test.
    monkeypatch.setenv(kit_home.VARIABLE, "")
    return tmp_path


NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def test_each_demonstration_gets_a_fresh_home_and_the_earlier_one_goes(below: Path) -> None:
    first = homes.settle_in(NOW)
    (first / "lake").mkdir()

    homes.os.environ[kit_home.VARIABLE] = ""
    homes._held.pop().close()  # as when its process ends
    second = homes.settle_in(NOW + timedelta(minutes=1))

    assert first.parent == second.parent == below
    assert not first.exists()
    assert (second / homes.MARKER).is_file()
    assert homes.os.environ[kit_home.VARIABLE] == str(second)


def test_a_home_that_another_demonstration_is_still_making_stays(below: Path) -> None:
    first = homes.settle_in(NOW)

    homes.os.environ[kit_home.VARIABLE] = ""
    homes.settle_in(NOW + timedelta(minutes=1))

    assert (first / homes.MARKER).is_file()


def test_only_folders_that_a_demonstration_marked_are_removed(below: Path) -> None:
    elsewhere = below / "elsewhere"
    for folder in (below / "demo-mine", below / "postgres", elsewhere):
        folder.mkdir()
    (elsewhere / homes.MARKER).touch()
    (below / "demo-link").symlink_to(elsewhere)

    assert homes.remove_earlier(below) == []
    assert (below / "demo-mine").is_dir()
    assert elsewhere.is_dir()


def test_a_home_whose_database_is_in_use_stays(below: Path) -> None:
    used = below / "demo-used"
    used.mkdir()
    (used / homes.MARKER).touch()
    with (used / "postgres.users").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)

        assert homes.remove_earlier(below) == []

    assert homes.remove_earlier(below) == [used]


@pytest.mark.parametrize("name", [homes.MARKER, "postgres", "lake", "keys"])
def test_a_named_home_that_holds_something_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.setenv(kit_home.VARIABLE, str(tmp_path))

    with pytest.raises(homes.HomeInUse):
        homes.settle_in(NOW)


def test_a_named_empty_home_is_used_and_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(kit_home.VARIABLE, str(tmp_path / "city"))

    assert homes.settle_in(NOW) == tmp_path / "city"
    assert (tmp_path / "city" / homes.MARKER).is_file()
