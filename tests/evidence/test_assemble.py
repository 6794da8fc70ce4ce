"""Assemble: taps become trips and half hours become days; every other record of the day has one end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from tanpuhui.evidence.assemble import ENDS, assemble_steps

HOUR = 3_600_000_000
DAY = 24 * HOUR
SLOT = HOUR // 2
#: A day that starts at this many microseconds; its number is of no importance.
FIRST = 1_000 * DAY
MEASURES = ("distance_m", "energy_wh", "has_pv", "previous7_days", "previous7_energy_wh", "pieces")
NAMES = {number: name for name, number in ENDS.items()}


@dataclass(frozen=True)
class Record:
    kind: str
    ended_us: int
    source_id: str
    record_id: int = 0
    started_us: int | None = None
    subject_id: int = 1
    station: str | None = None
    energy_wh: int | None = None
    pv_wh: int | None = None
    distance_m: int | None = None
    pieces: int | None = None


def entry(hour: float, station: str | None = "A", subject_id: int = 1) -> Record:
    return tap("metro_entry", hour, station, subject_id)


def exit_(hour: float, station: str | None = "B", subject_id: int = 1) -> Record:
    return tap("metro_exit", hour, station, subject_id)


def tap(kind: str, hour: float, station: str | None, subject_id: int) -> Record:
    return Record(
        kind, FIRST + int(hour * HOUR), f"{kind}{hour}{subject_id}", subject_id=subject_id, station=station
    )


def assemble(
    records: list[Record],
    as_of_us: int = FIRST + 10 * DAY,
    length_us: int = DAY,
    granted_from_us: int = 0,
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Acts and ends of the day by source id, after checking that each record of the day has exactly one."""
    records = [replace(record, record_id=number) for number, record in enumerate(records, start=1)]
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE current_record (record_id BIGINT, provider VARCHAR, source_id VARCHAR, subject_id BIGINT, "
        "account_id BIGINT, kind VARCHAR, started_us BIGINT, ended_us BIGINT, station VARCHAR, energy_wh BIGINT, "
        "pv_wh BIGINT, distance_m BIGINT, pieces BIGINT, has_pv BIGINT, previous7_days BIGINT, "
        "previous7_energy_wh BIGINT)"
    )
    for r in records:
        started_us = r.ended_us if r.started_us is None else r.started_us
        connection.execute(
            "INSERT INTO current_record VALUES (?, 'x', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
            [
                *(r.record_id, r.source_id, r.subject_id, r.subject_id + 100, r.kind, started_us, r.ended_us),
                *(r.station, r.energy_wh, r.pv_wh, r.distance_m, r.pieces),
            ],
        )
    connection.execute(
        "CREATE TABLE distance (from_station VARCHAR, to_station VARCHAR, distance_m BIGINT, "
        "distance_is_illustrative BIGINT)"
    )
    connection.execute("INSERT INTO distance VALUES ('A', 'B', 3600, 1), ('B', 'A', 3600, 1)")
    connection.execute(
        "CREATE TABLE grant_given (account_id BIGINT, provider VARCHAR, kinds VARCHAR, from_us BIGINT, to_us BIGINT, "
        "usable BOOLEAN)"
    )
    connection.execute(
        "INSERT INTO grant_given SELECT DISTINCT account_id, provider, 'household_electricity_day', ?, ?, TRUE "
        "FROM current_record",
        [granted_from_us, FIRST + 100 * DAY],
    )
    for step in assemble_steps(FIRST, FIRST + length_us, as_of_us, MEASURES):
        connection.execute(f"CREATE TEMP {'TABLE' if step.kept else 'VIEW'} {step.name} AS {step.query}")
    ids = {record.record_id: record.source_id for record in records}
    acts = connection.execute("SELECT * FROM act").fetchall()
    columns = [column[0] for column in connection.description]
    ends = connection.execute("SELECT record_id, outcome FROM assembly_end").fetchall()
    of_day = {r.record_id for r in records if FIRST <= r.ended_us < FIRST + length_us}
    told = [act[0] for act in acts] + [record_id for record_id, _ in ends]
    assert sorted(told) == sorted(of_day), "each record of the day has exactly one end"
    by_id = {ids[act[0]]: dict(zip(columns, act, strict=True)) for act in acts}
    return by_id, {ids[record_id]: NAMES[outcome] for record_id, outcome in ends}


def test_an_entry_and_the_exit_after_it_are_a_trip_that_the_exit_carries() -> None:
    acts, ends = assemble([entry(8), exit_(8.5)])

    (trip,) = acts.values()
    assert trip["kind"] == "metro_trip"
    assert (trip["started_us"], trip["ended_us"]) == (FIRST + 8 * HOUR, FIRST + 8 * HOUR + HOUR // 2)
    assert (trip["distance_m"], trip["distance_is_illustrative"], trip["pieces"]) == (3600, 1, None)
    assert trip["account_id"] == 101
    assert ends == {"metro_entry81": "joined"}


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_the_order_of_arrival_decides_nothing(order: tuple[int, ...]) -> None:
    taps = [entry(8), exit_(9), entry(9, station="B"), exit_(10, station="A")]

    acts, ends = assemble([taps[index] for index in order])

    assert set(acts) == {"metro_exit91", "metro_exit101"}
    assert set(ends.values()) == {"joined"}


def test_an_entry_pairs_only_with_the_tap_directly_after_it() -> None:
    acts, ends = assemble([entry(8), entry(9), exit_(10), exit_(11)])

    assert set(acts) == {"metro_exit101"}
    assert ends == {"metro_entry81": "unpaired", "metro_entry91": "joined", "metro_exit111": "unpaired"}


def test_two_cards_do_not_pair() -> None:
    _, ends = assemble([entry(8, subject_id=1), exit_(9, subject_id=2)])

    assert set(ends.values()) == {"unpaired"}


def test_an_exit_at_the_station_of_entry_is_no_trip() -> None:
    _, ends = assemble([entry(8, "A"), exit_(9, "A")])

    assert ends == {"metro_entry81": "same_station", "metro_exit91": "same_station"}


@pytest.mark.parametrize("station", [None, "nowhere"])
def test_a_trip_without_a_known_distance_stays_without_one(station: str | None) -> None:
    acts, ends = assemble([entry(8), exit_(9, station)])

    assert acts == {}
    assert set(ends.values()) == {"no_distance"}


def test_a_trip_over_midnight_belongs_to_the_day_of_its_exit() -> None:
    today, today_ends = assemble([entry(23.9), exit_(24.2)])
    yesterday, _ = assemble([entry(-0.1), exit_(0.2)])

    assert (today, today_ends) == ({}, {"metro_entry23.91": "joined"})
    assert set(yesterday) == {"metro_exit0.21"}


def test_an_entry_waits_24_hours_and_not_a_microsecond_longer() -> None:
    lone = entry(8)

    _, waiting = assemble([lone], as_of_us=lone.ended_us + DAY - 1)
    _, unpaired = assemble([lone], as_of_us=lone.ended_us + DAY)

    assert waiting == {"metro_entry81": "waiting"}
    assert unpaired == {"metro_entry81": "unpaired"}


def test_an_exit_after_24_hours_pairs_and_one_a_microsecond_later_does_not() -> None:
    late = exit_(32)

    _, joined = assemble([entry(8), late])
    _, apart = assemble([entry(8), replace(late, ended_us=late.ended_us + 1)])

    assert joined == {"metro_entry81": "joined"}
    assert apart == {"metro_entry81": "unpaired"}


def slots(
    day: int, energy_wh: int = 10, count: int = 48, pv_wh: int | None = None, subject_id: int = 1
) -> list[Record]:
    """Half hours of a day counted from the closed one; a slot ends one microsecond before the next starts."""
    starts = [FIRST + day * DAY + number * SLOT for number in range(count)]
    return [
        Record(
            "meter_slot",
            start + SLOT - 1,
            f"{subject_id}-{start}",
            0,
            start,
            subject_id,
            None,
            energy_wh,
            pv_wh,
        )
        for start in starts
    ]


def test_48_half_hours_are_a_day_that_the_last_one_carries() -> None:
    acts, ends = assemble(
        [*slots(0), *slots(-1, 20), *slots(-2, 30, count=47), *slots(-7, 40), *slots(-8, 50)]
    )

    (day,) = acts.values()
    assert (day["kind"], day["energy_wh"], day["has_pv"]) == ("household_electricity_day", 480, 0)
    assert (day["started_us"], day["ended_us"]) == (FIRST, FIRST + DAY - 1)
    # The day before and the seventh are complete: 48 x 20 + 48 x 40; the second has a gap; the eighth is too old.
    assert (day["previous7_days"], day["previous7_energy_wh"]) == (2, 2880)
    assert set(acts) == {f"1-{FIRST + 47 * SLOT}"}
    assert list(ends.values()) == ["joined"] * 47


def test_what_a_home_used_before_its_grant_is_no_baseline() -> None:
    """Seven days of 48 half hours of 10 Wh were read; the grant begins with the third day before this one."""
    week = [slot for day in range(-7, 1) for slot in slots(day)]

    acts, _ = assemble(week, granted_from_us=FIRST - 3 * DAY)

    (day,) = acts.values()
    assert (day["previous7_days"], day["previous7_energy_wh"]) == (3, 3 * 48 * 10)


def test_a_day_with_a_gap_is_no_act() -> None:
    acts, ends = assemble(slots(0, count=47))

    assert acts == {}
    assert list(ends.values()) == ["meter_gap"] * 47


def test_a_slot_told_twice_does_not_fill_a_gap() -> None:
    twice = replace(slots(0)[0], source_id="again")

    acts, _ = assemble([*slots(0, count=47), twice])

    assert acts == {}


def test_generation_in_the_week_makes_a_home_with_pv() -> None:
    with_sun, _ = assemble([*slots(0, pv_wh=0), *slots(-3, pv_wh=5)])
    without, _ = assemble(slots(0, pv_wh=0))

    assert [act["has_pv"] for act in (*with_sun.values(), *without.values())] == [1, 0]


def test_a_day_of_25_hours_has_50_half_hours() -> None:
    full, _ = assemble(slots(0, count=50), length_us=25 * HOUR)
    short, _ = assemble(slots(0, count=48), length_us=25 * HOUR)

    assert (len(full), len(short)) == (1, 0)


def test_acts_pass_as_they_are_and_what_is_no_act_says_so() -> None:
    noon = FIRST + 12 * HOUR
    acts, ends = assemble(
        [
            Record("bike_trip", noon, "bike", distance_m=4200),
            Record("second_hand_sale", noon, "sale", pieces=2),
            Record("bus_boarding", noon, "bus"),
            Record("top_up", noon, "money"),
            Record("bike_trip", FIRST - 1, "yesterday", distance_m=1),
            Record("bike_trip", FIRST + DAY, "tomorrow", distance_m=1),
        ]
    )

    assert {name: (act["distance_m"], act["pieces"]) for name, act in acts.items()} == {
        "bike": (4200, None),
        "sale": (None, 2),
    }
    assert ends == {"bus": "no_distance", "money": "not_an_act"}


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.builds(
            tap,
            st.sampled_from(["metro_entry", "metro_exit"]),
            st.integers(-2, 26),
            st.sampled_from(["A", "B", None]),
            st.integers(1, 2),
        ),
        max_size=25,
        unique_by=lambda record: record.source_id,
    ),
    st.integers(0, 40),
)
def test_whatever_is_tapped_every_tap_of_the_day_has_one_end(taps: list[Record], hours: int) -> None:
    assemble(taps, as_of_us=FIRST + hours * HOUR)


def test_the_steps_are_sql_that_spark_reads_too() -> None:
    for step in assemble_steps(FIRST, FIRST + DAY, FIRST + DAY, MEASURES):
        (spark,) = sqlglot.transpile(step.query, read="duckdb", write="spark")
        assert "/" not in spark, "a division in Spark would be a division of doubles"
