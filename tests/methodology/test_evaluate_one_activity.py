"""One activity: exact fractions, a trace, clauses, caps, and refusals of what is not an activity."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pytest

from methodology.authoring import write_folder, write_formula
from tanpuhui.methodology.evaluate import evaluate
from tanpuhui.methodology.load import Library, examine, load_library, load_methodology
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.methodology.refusals import (
    ActivityMissingField,
    ActivityOutOfRange,
    ActivityType,
    ActivityUnknownField,
    NotInForce,
    Unknown,
)

IN_2024 = date(2024, 6, 1)
IN_2025 = date(2025, 6, 1)


@pytest.fixture()
def rides(tmp_path: Path) -> Methodology:
    return load_methodology(write_folder(tmp_path))


def test_ten_kilometres_avoid_467_grams(rides: Methodology) -> None:
    explanation = evaluate(rides, {"distance_m": 10_000}, IN_2024)

    assert explanation.avoided_mg == 467_000  # 10 km x 46.7 g/km
    assert explanation.points is None
    assert explanation.excluded_by is None
    assert [(line.name, line.value, line.unit) for line in explanation.steps] == [
        ("whole", "467", "gCO2e"),
        ("avoided", "0.467", "kgCO2e"),
    ]
    assert explanation.steps[0].substituted == "10000 m * 46.7 gCO2e/(person*km)"
    assert explanation.steps[1].substituted == "if(1 person > 0, 467 gCO2e / 1 person, 0)"
    assert [(factor.name, factor.status, factor.source) for factor in explanation.factors] == [
        ("factor", "published", "first")
    ]
    assert (explanation.version, explanation.digest) == (1, rides.digest)


def test_the_factor_is_that_of_the_day(rides: Methodology) -> None:
    assert evaluate(rides, {"distance_m": 1000}, date(2024, 12, 31)).avoided_mg == 46_700
    assert evaluate(rides, {"distance_m": 1000}, date(2025, 1, 1)).avoided_mg == 40_000


def test_the_result_is_rounded_down_once_and_steps_stay_exact(rides: Methodology) -> None:
    explanation = evaluate(rides, {"distance_m": 1, "persons": 3}, IN_2024)

    assert explanation.steps[1].value == "467/30000000"  # 46.7 mg / 3 = 15.566... mg
    assert explanation.avoided_mg == 15


def test_an_excluded_act_names_its_clause_and_gets_nothing(rides: Methodology) -> None:
    no_distance = evaluate(rides, {"distance_m": 0, "vehicle": "scooter"}, IN_2024)
    scooter = evaluate(rides, {"distance_m": 5, "vehicle": 5}, IN_2024)

    assert (no_distance.excluded_by, no_distance.avoided_mg, no_distance.steps) == ("A1", 0, ())
    assert scooter.excluded_by == "E1"


def test_a_cap_on_the_activity_clips_the_field_and_says_so(rides: Methodology) -> None:
    at_limit = evaluate(rides, {"distance_m": 60_000}, IN_2024)
    above = evaluate(rides, {"distance_m": 60_001}, IN_2024)

    assert at_limit.avoided_mg == above.avoided_mg == 2_802_000  # 60 km x 46.7 g/km
    assert dict(at_limit.clipped) == {}
    assert dict(above.clipped) == {"distance_m": 60_000}


@pytest.mark.parametrize(
    ("nets", "expected_mg"),
    [(False, 0), (True, -8)],  # (2 - 5) x 2.5 mg = -7.5 mg, downwards
)
def test_a_negative_result_is_zero_unless_it_nets(tmp_path: Path, nets: bool, expected_mg: int) -> None:
    folder = write_formula(
        tmp_path,
        "(n - 5) * factor",
        fields={"n": ("1", 0, 9, None)},
        parameters={"factor": ("mgCO2e", "2.5")},
        nets=nets,
    )
    methodology, _ = examine(folder)
    assert methodology is not None

    assert evaluate(methodology, {"n": 2}, IN_2024).avoided_mg == expected_mg


def test_a_points_rule_gives_points_and_avoids_nothing(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path,
        ('book = "reduction"', 'book = "points"'),
        ('unit = "gCO2e/(person*km)"', 'unit = "point/(person*km)"'),
        ('unit = "gCO2e"', 'unit = "point"'),
        ('unit = "kgCO2e"', 'unit = "point"'),
        ('unit = "mgCO2e"', 'unit = "point"'),
        ("limit_mg", "limit_points"),
        ('value = "46.7"', 'value = "1.9"'),
    )
    (folder / "examples.toml").write_text(
        '[[examples]]\nname = "a"\nsource = "1.9 x 10"\nstatus = "hand"\n'
        "activity = { distance_m = 10000 }\nexpected_points = 19\n"
    )
    methodology = load_methodology(folder)

    explanation = evaluate(methodology, {"distance_m": 999}, IN_2024)

    assert (explanation.points, explanation.avoided_mg) == (1, 0)  # 1.8981 points, downwards
    assert methodology.caps[0].limit_points == 10_000_000


@pytest.mark.parametrize(
    ("activity", "refusal"),
    [
        ({}, ActivityMissingField),
        ({"distance_m": 5, "speed": 3}, ActivityUnknownField),
        ({"distance_m": 5.0}, ActivityType),
        ({"distance_m": "5"}, ActivityType),
        ({"distance_m": None}, ActivityMissingField),
        ({"distance_m": [5]}, ActivityType),
        ({"distance_m": -1}, ActivityOutOfRange),
        ({"distance_m": 200_001}, ActivityOutOfRange),
        ({"distance_m": 2**70}, ActivityOutOfRange),
        ({"distance_m": 5, "vehicle": "boat"}, ActivityType),
        ({"distance_m": 5, "vehicle": 3}, ActivityOutOfRange),
    ],
)
def test_what_is_no_activity_is_refused(
    rides: Methodology, activity: dict[str, int | str], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        evaluate(rides, activity, IN_2024)


def test_bounds_themselves_are_accepted(rides: Methodology) -> None:
    assert evaluate(rides, {"distance_m": 200_000, "persons": 8}, IN_2024).avoided_mg == 350_250
    assert evaluate(rides, {"distance_m": 1, "persons": True}, IN_2024).avoided_mg == 46


def test_a_day_outside_the_validity_is_refused(rides: Methodology) -> None:
    for day in (date(2023, 12, 31), date(2026, 1, 1)):
        with pytest.raises(NotInForce, match="2024-01-01 to 2025-12-31"):
            evaluate(rides, {"distance_m": 5}, day)


def test_the_status_is_the_weakest_of_document_and_factors(rides: Methodology) -> None:
    assert rides.weakest_status(IN_2024) == "published"  # the document is official
    assert rides.weakest_status(IN_2025) == "illustrative"


def test_a_library_finds_the_version_in_force_and_near_codes(tmp_path: Path) -> None:
    write_folder(tmp_path, ("valid_to = 2025-12-31", "valid_to = 2024-12-31"))
    later = ("valid_from = 2024-01-01", "valid_from = 2024-07-01"), ("version = 1", "version = 2")
    write_folder(tmp_path, *later, place="test/ride/v2")
    library = load_library(tmp_path / "methodologies")

    assert [str(methodology) for methodology in library.all()] == ["test/ride v1", "test/ride v2"]
    assert library.get("test/ride").version == 2
    assert library.get("test/ride", 1).version == 1
    assert library.in_force("test/ride", date(2024, 6, 30)).version == 1
    assert library.in_force("test/ride", date(2024, 7, 1)).version == 2
    with pytest.raises(NotInForce):
        library.in_force("test/ride", date(2026, 1, 1))
    with pytest.raises(Unknown, match="Did you mean test/ride"):
        library.get("test/rides")
    with pytest.raises(Unknown, match="v1, v2"):
        library.get("test/ride", 3)


def test_an_empty_library_is_a_library(tmp_path: Path) -> None:
    assert load_library(tmp_path) == Library({})


def test_explaining_takes_less_than_a_millisecond(rides: Methodology) -> None:
    def one() -> float:
        started = time.perf_counter()
        evaluate(rides, {"distance_m": 10_000, "persons": 2}, IN_2024)
        return time.perf_counter() - started

    assert sorted(one() for _ in range(200))[100] < 0.001
