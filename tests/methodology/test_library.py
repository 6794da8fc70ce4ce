"""The library of methodologies: it loads, says how well it knows each number, and credits what its texts allow."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tanpuhui.kit import home
from tanpuhui.methodology.columns import compile_columns
from tanpuhui.methodology.evaluate import evaluate
from tanpuhui.methodology.load import Library, examine, load_library
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.methodology.refusals import NotInForce

ROOT = home.content("methodologies")

#: Code, the field that `explain` needs, its value, and what one act with nothing else is worth (mg or points).
OBVIOUS = {
    # 10 km x 46.7 g/km
    "shenzhen/metro": ("distance_m", 10_000, 467_000),
    # 10 km x 37.9 g/km
    "national/metro-by-survey": ("distance_m", 10_000, 379_000),
    # 10 km x 26.9 g/km
    "shenzhen/electric-bus": ("distance_m", 10_000, 269_000),
    # one person's 2 kWh less 1.5 kWh, x 0.3125 kg/kWh
    "shenzhen/household-electricity": ("energy_wh", 1_500, 156_250),
    # 1,100 MWh x 0.42 t/MWh = 462 t
    "shanghai/rooftop-pv": ("energy_wh", 1_100_000_000, 462_000_000_000),
    # no baseline, so nothing
    "shanghai/household-electricity": ("energy_wh", 250_000, 0),
    # 10 km x (104 - 52) g/km, by bus
    "beijing-tianjin-hebei/low-carbon-travel": ("distance_m", 10_000, 520_000),
    # 10 km x 48.7 g/km
    "national/shared-bike": ("distance_m", 10_000, 487_000),
    # 10 km x 61.8 g/km
    "national/shared-e-bike": ("distance_m", 10_000, 618_000),
    # 1,040 g - 1 km x 250 g/km - 20 Wh x 0.6796 g/Wh
    "national/car-pooling": ("distance_m", 10_000, 776_408),
    # 73 kg x 0.79 x 0.9
    "national/second-hand-goods": ("pieces", 1, 51_903_000),
    # not said to be a recyclable: incinerated as before
    "national/waste-sorting": ("mass_g", 1_000, 0),
    # 10 kWh x (0.176 / 0.18 - 0.6796) kg/kWh = 2.9817777... kg
    "national/ev-charging": ("energy_wh", 10_000, 2_981_777),
    # no baseline, so nothing
    "korea/household-saving-points": ("energy_wh", 500_000, 0),
    # a share of no bound is nothing
    "national/household-programme": ("share_mg", 4_200_000, 0),
    # 51 W x 3.5 h x 365 x 0.95 / 0.9 x 0.581 g/Wh = 39,956.580416... g
    "cdm/ams-ii-j": ("pieces", 1, 39_956_580),
}

#: Numbers whose official text was read. None: every text read was a report, an excerpt or a copy.
OFFICIAL: set[tuple[str, str]] = set()

#: Numbers that were read in print. Everything else must be secondary or illustrative.
PUBLISHED = {
    ("shenzhen/metro", "reduction_factor"),
    ("shenzhen/electric-bus", "reduction_factor"),
    ("shenzhen/household-electricity", "reference_emissions"),
    ("shenzhen/household-electricity", "reference_energy"),
    ("shanghai/rooftop-pv", "grid_factor"),
    ("shanghai/rooftop-pv", "capacity_limit"),
    ("shanghai/rooftop-pv", "life_limit"),
    ("shanghai/household-electricity", "excluded_tier"),
    ("national/shared-bike", "reduction_factor"),
    ("national/shared-e-bike", "reduction_factor"),
    ("national/waste-sorting", "incineration_net"),
    ("national/waste-sorting", "kitchen_route_net"),
    ("national/waste-sorting", "recovery_saving"),
    ("national/waste-sorting", "recovery_step"),
    *(
        ("korea/household-saving-points", name)
        for name in ("band1_rate", "band2_rate", "band3_rate", "standard_rate", "maintain_periods")
    ),
    *(
        ("korea/household-saving-points", f"{utility}_{reward}")
        for utility in ("electricity", "water", "gas")
        for reward in ("band1", "band2", "band3", "maintain", "standard")
    ),
}

#: Numbers that are somebody's transcription.
SECONDARY = {
    *(
        ("beijing-tianjin-hebei/low-carbon-travel", f"{name}_factor")
        for name in ("baseline", "bus", "rail", "bike", "walk")
    ),
    ("national/car-pooling", "baseline_factor"),
    ("national/car-pooling", "car_factor"),
    ("national/car-pooling", "grid_factor"),
    ("national/ev-charging", "fuel_car_factor"),
    ("national/ev-charging", "grid_factor"),
    ("cdm/ams-ii-j", "grid_factor"),
}

#: What a reduction under each methodology may call itself.
WEAKEST = {
    "shenzhen/metro": "published",
    "shenzhen/electric-bus": "published",
    "shenzhen/household-electricity": "illustrative",
    "shanghai/rooftop-pv": "published",
    "shanghai/household-electricity": "illustrative",
    "beijing-tianjin-hebei/low-carbon-travel": "secondary",
    "national/shared-bike": "published",
    "national/shared-e-bike": "published",
    "national/car-pooling": "illustrative",
    "national/second-hand-goods": "illustrative",
    "national/waste-sorting": "illustrative",
    "national/ev-charging": "illustrative",
    "national/household-programme": "illustrative",
    "national/metro-by-survey": "illustrative",
    "korea/household-saving-points": "published",
    "cdm/ams-ii-j": "illustrative",
}

#: The published test vectors that an example works out.
USED_VECTORS = {"P1", "P2a", "P2b", "P6", "P8", "IIJ"} | {
    f"KR-{rate}" for rate in ("0.0499", "0.05", "0.0999", "0.1", "0.1499", "0.15")
}

#: The others, and why no example works them out.
UNUSED_VECTORS = {
    "P1b": "money, not a reduction",
    "P3": "another vintage of Beijing's factors, not to be mixed with 2024",
    "P5": "a tree equivalence",
    "P5b": "Chongqing's own methodology, which is not in the library",
    "P7": "a mean of two methodologies: tested below",
    "P11": "fuel of a day without a car, which is not in the library",
    "P12": "a French fuel factor",
    "FUEL1": "a fuel factor",
}

#: Fields that a provider must report, because leaving them out credits more: section 8 of the README lists them.
#: Every other field with a default may be left out without gaining anything.
MUST_BE_REPORTED = {
    ("shenzhen/household-electricity", "has_pv"),
    ("shenzhen/electric-bus", "is_electric"),
    ("shanghai/rooftop-pv", "capacity_w"),
    ("shanghai/rooftop-pv", "connected_years"),
    ("shanghai/rooftop-pv", "host_is_ets_unit"),
    ("shanghai/rooftop-pv", "is_claimed_elsewhere"),
    # without a baseline nothing is charged either, so leaving it out hides a month of more use
    ("shanghai/household-electricity", "baseline_months"),
    ("shanghai/household-electricity", "tariff_tier"),
    ("shanghai/household-electricity", "has_pv"),
    ("shanghai/household-electricity", "is_time_of_use"),
    ("beijing-tianjin-hebei/low-carbon-travel", "baseline_distance_m"),
    ("beijing-tianjin-hebei/low-carbon-travel", "is_self_reported"),
    ("national/shared-bike", "is_operator_ride"),
    ("national/shared-e-bike", "is_operator_ride"),
    ("national/car-pooling", "detour_m"),
    ("national/car-pooling", "platform_energy_wh"),
    ("national/car-pooling", "is_commercial"),
    ("national/second-hand-goods", "product"),
    ("national/second-hand-goods", "condition_permille"),
    ("national/ev-charging", "is_plug_in_hybrid"),
    ("national/ev-charging", "is_fleet_vehicle"),
    ("korea/household-saving-points", "is_in_seoul"),
    ("korea/household-saving-points", "has_own_meter"),
    ("cdm/ams-ii-j", "baseline_lm"),
}

HEADINGS = {
    "zh": "适用条件 不适用情形 避免重复申报 核算边界 基准线情景 项目情景 减排量计算 监测与数据 保守性 核查要点"
    " 来源与各数值的状态 尚不清楚之处",
    "en": "Applicability|Exclusions|Double counting|Boundary|Baseline scenario|Project scenario|Calculation"
    "|Monitoring and data|Conservativeness|Verification|Sources and status of each number|What is not known",
}

codes = pytest.mark.parametrize("code", sorted(OBVIOUS))


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library(ROOT)


@pytest.fixture(scope="module")
def vectors(shared_reference: Path) -> dict[str, dict[str, Any]]:
    text = (shared_reference / "methodology_vectors.json").read_text(encoding="utf-8")
    return {vector["id"]: vector for vector in json.loads(text, parse_float=Fraction)}


def folder(code: str) -> Path:
    return ROOT / code / "v1"


def examples(code: str) -> list[dict[str, Any]]:
    return tomllib.loads((folder(code) / "examples.toml").read_text(encoding="utf-8"))["examples"]


def all_examples() -> Iterator[tuple[str, dict[str, Any]]]:
    for code in sorted(OBVIOUS):
        for example in examples(code):
            yield code, example


def worth(methodology: Methodology, activity: dict[str, Any], day: date) -> int:
    """What an act gets: 0 when a clause excludes it."""
    explanation = evaluate(methodology, activity, day)
    if explanation.excluded_by:
        return 0
    return explanation.avoided_mg if explanation.points is None else explanation.points


def day_of(example: dict[str, Any], methodology: Methodology) -> date:
    return example.get("on", methodology.valid_from)


# Loading and the contract of `explain`


def test_the_library_has_the_fourteen_methodologies_and_no_other(library: Library) -> None:
    assert [methodology.code for methodology in library.all()] == sorted(OBVIOUS)


@codes
def test_a_folder_loads_and_its_examples_come_out(code: str) -> None:
    methodology, refusals = examine(folder(code))

    assert refusals == []
    assert methodology is not None
    assert methodology.code == code


@codes
def test_one_obvious_field_is_enough(library: Library, code: str) -> None:
    field, amount, expected = OBVIOUS[code]

    explanation = evaluate(library.get(code), {field: amount}, date(2026, 11, 24))

    assert explanation.excluded_by is None
    assert worth(library.get(code), {field: amount}, date(2026, 11, 24)) == expected


@codes
def test_the_obvious_field_at_its_greatest_still_gives_a_whole_number(library: Library, code: str) -> None:
    methodology = library.get(code)
    field = OBVIOUS[code][0]

    assert worth(methodology, {field: methodology.fields[field].max}, date(2026, 11, 24)) < 2**63


def test_the_columns_give_the_examples_too(library: Library) -> None:
    connection = duckdb.connect()
    wrong = []
    for code, example in all_examples():
        methodology = library.get(code)
        columns = compile_columns(methodology, day_of(example, methodology))
        names = ", ".join(
            f"CAST({code_of(methodology, name, example['activity'].get(name))} AS BIGINT) AS {name}"
            for name in methodology.fields
        )
        found = connection.execute(
            f"SELECT {columns.avoided.sql('duckdb')}, {columns.excluded_by.sql('duckdb')}, "
            f"{columns.invalid.sql('duckdb')} FROM (SELECT {names})"
        ).fetchone()
        assert found is not None
        avoided, excluded_by, invalid = found
        given = {"excluded_by": excluded_by} if excluded_by else {"expected_mg": avoided}
        expected = {
            key.replace("points", "mg"): example[key]
            for key in ("expected_mg", "expected_points", "excluded_by")
            if key in example
        }
        if invalid or given != expected:
            wrong.append((code, example["name"], given))

    assert wrong == []


def code_of(methodology: Methodology, name: str, given: int | str | None) -> str:
    if given is None:
        return "NULL"
    return str(methodology.fields[name].values[given] if isinstance(given, str) else given)


# Published vectors


def test_every_vector_is_worked_out_or_set_aside_for_a_reason(vectors: dict[str, dict[str, Any]]) -> None:
    used = {example["vector"] for _, example in all_examples() if "vector" in example}
    set_aside = {name for name in vectors if name.startswith(("CM50-", "CM75-", "R410A-"))}

    assert used == USED_VECTORS
    assert vectors.keys() == USED_VECTORS | UNUSED_VECTORS.keys() | set_aside


def test_examples_of_vectors_give_what_the_vector_says(vectors: dict[str, dict[str, Any]]) -> None:
    milligrams = {"tCO2": 10**9, "kgCO2": 10**6, "kgCO2e": 10**6, "gCO2": 10**3}
    compared = 0
    for code, example in all_examples():
        name = example.get("vector", "")
        if not name or name.startswith("KR-") or name == "P8":
            continue
        vector = vectors[name]
        unit = milligrams[vector["unit"]]

        times = example["activity"].get("pieces", 1)
        slack = Fraction(vector["abs_tol"]) * unit + 1  # the vector is rounded, and the result is floored

        assert abs(example["expected_mg"] - Fraction(vector["expected"]) * unit * times) <= slack, (
            code,
            name,
        )
        compared += 1

    assert compared == 6  # P1 twice, P2a, P2b, P6, IIJ


def test_korean_vectors_are_worked_out_for_each_utility(vectors: dict[str, dict[str, Any]]) -> None:
    utilities = {"energy_wh": "electricity", "water_l": "water", "gas_l": "gas"}
    found: dict[str, dict[str, int]] = {}
    for example in examples("korea/household-saving-points"):
        name = example.get("vector")
        if name is None:
            continue
        (used,) = (field for field in utilities if field in example["activity"])
        baseline = example["activity"][f"baseline_{used}"]
        rate = Fraction(baseline - example["activity"][used], baseline)

        assert rate == vectors[name]["input"]["saving_rate"], example["name"]
        found.setdefault(name, {})[utilities[used]] = example["expected_points"]

    assert found == {name: vectors[name]["expected"] for name in vectors if name.startswith("KR-")}


def test_shenzhens_implied_emission_factor_is_the_vectors(
    library: Library, vectors: dict[str, dict[str, Any]]
) -> None:
    methodology = library.get("shenzhen/household-electricity")

    steps = evaluate(methodology, {"energy_wh": 8_000}, date(2026, 5, 4)).steps

    shown = {step.name: step.value for step in steps}
    assert Fraction(shown["emission_factor"]) == Fraction(vectors["P8"]["expected"])  # kg/kWh
    assert Fraction(shown["actual"]) == vectors["P8"]["input"]["kg"] * 1000


def test_the_two_bicycle_factors_enclose_the_published_mean(
    library: Library, vectors: dict[str, dict[str, Any]]
) -> None:
    day = date(2023, 6, 1)

    pedal = worth(library.get("national/shared-bike"), {"distance_m": 1000}, day)
    electric = worth(library.get("national/shared-e-bike"), {"distance_m": 1000}, day)

    assert pedal < Fraction(vectors["P7"]["expected"]) * 1000 < electric


# Statuses


def test_no_number_is_official_whose_official_text_was_not_read(library: Library) -> None:
    official = {
        (methodology.code, name)
        for methodology in library.all()
        for name, parameter in methodology.parameters.items()
        if any(value.status == "official" for value in parameter.values)
    }

    assert official == OFFICIAL
    assert not [methodology.code for methodology in library.all() if methodology.status == "official"]


def test_every_number_has_the_status_that_its_reading_allows(library: Library) -> None:
    found = {
        (methodology.code, name): value.status
        for methodology in library.all()
        for name, parameter in methodology.parameters.items()
        for value in parameter.values
    }

    assert {key for key, status in found.items() if status == "published"} == PUBLISHED
    assert {key for key, status in found.items() if status == "secondary"} == SECONDARY


@codes
def test_a_reduction_is_as_good_as_its_weakest_number(library: Library, code: str) -> None:
    assert library.get(code).weakest_status(date(2026, 11, 24)) == WEAKEST[code]


@codes
def test_what_no_document_says_is_marked_as_a_guard_of_the_transcription(library: Library, code: str) -> None:
    for cap in library.get(code).caps:
        assert cap.status == "illustrative"
        assert "a guard of this transcription" in cap.clause


@codes
def test_illustrative_and_secondary_numbers_are_reviewed_first(library: Library, code: str) -> None:
    for parameter in library.get(code).parameters.values():
        for value in parameter.values:
            limit = date(2027, 6, 30) if value.status == "published" else date(2027, 3, 31)
            assert date(2026, 11, 24) < value.review_by <= limit


# Clauses


@codes
def test_every_clause_that_can_be_computed_excludes_in_an_example(library: Library, code: str) -> None:
    computed = {clause.id for clause in library.get(code).clauses if clause.condition is not None}

    assert {example["excluded_by"] for example in examples(code) if "excluded_by" in example} == computed


def test_shanghai_excludes_the_third_tier_and_homes_with_photovoltaics(library: Library) -> None:
    methodology = library.get("shanghai/household-electricity")
    saved = {"energy_wh": 250_000, "baseline_energy_wh": 300_000, "baseline_months": 24}
    day = date(2026, 5, 31)

    assert evaluate(methodology, saved, day).excluded_by is None
    assert evaluate(methodology, saved | {"tariff_tier": 2}, day).excluded_by is None
    assert evaluate(methodology, saved | {"tariff_tier": 3}, day).excluded_by == "E1"
    assert evaluate(methodology, saved | {"has_pv": 1}, day).excluded_by == "E2"


def test_a_home_with_photovoltaics_is_credited_for_them_and_for_nothing_else(library: Library) -> None:
    day = date(2026, 5, 31)
    electricity = library.get("shanghai/household-electricity")

    assert evaluate(electricity, {"energy_wh": 250_000, "has_pv": 1}, day).excluded_by == "E2"
    assert worth(library.get("shanghai/rooftop-pv"), {"energy_wh": 1_000}, day) == 420_000


@codes
def test_no_methodology_reaches_back_before_its_document(library: Library, code: str) -> None:
    methodology = library.get(code)

    with pytest.raises(NotInForce):
        library.in_force(code, date(2018, 9, 1))

    assert methodology.document.issued_on is None or methodology.valid_from >= methodology.document.issued_on


def test_leaving_a_field_out_gains_nothing_unless_the_library_says_that_it_must_be_reported(
    library: Library,
) -> None:
    gaining = set()
    for code, example in all_examples():
        methodology, activity = library.get(code), example["activity"]
        day = day_of(example, methodology)
        for name in activity:
            if methodology.fields[name].default is not None:
                rest = {key: value for key, value in activity.items() if key != name}
                if worth(methodology, rest, day) > worth(methodology, activity, day):
                    gaining.add((code, name))

    assert gaining <= MUST_BE_REPORTED
    assert MUST_BE_REPORTED - gaining == set(), "an example should show why the field must be reported"


# Traps of the reference


def test_a_projects_own_electricity_is_counted_at_the_highest_provincial_factor(
    library: Library, shared_data: Path
) -> None:
    text = (shared_data / "china_grid_factors/china_provincial_emissions_2023.json").read_text(
        encoding="utf-8"
    )
    provinces = json.loads(text, parse_float=Fraction)["data"].values()
    highest = max(Fraction(province["emission_factor"]) for province in provinces) / 1000  # t/MWh

    for code in ("national/ev-charging", "national/car-pooling"):
        (value,) = library.get(code).parameters["grid_factor"].values
        assert value.value == highest


def test_kitchen_waste_avoids_nothing_and_is_not_charged_either(library: Library) -> None:
    methodology = library.get("national/waste-sorting")

    explanation = evaluate(methodology, {"mass_g": 1000, "material": "kitchen"}, date(2026, 5, 4))

    assert explanation.avoided_mg == 0
    assert {step.name: step.value for step in explanation.steps}["avoided"] == "-68.24"


def test_points_are_never_reductions(library: Library) -> None:
    points = [methodology.code for methodology in library.all() if methodology.book == "points"]
    saved = {"baseline_energy_wh": 1_000_000, "energy_wh": 850_000}

    explanation = evaluate(library.get("korea/household-saving-points"), saved, date(2026, 6, 30))

    assert points == ["korea/household-saving-points"]
    assert (explanation.points, explanation.avoided_mg) == (15_000, 0)


def test_only_the_formula_that_was_never_seen_nets(library: Library) -> None:
    assert [methodology.code for methodology in library.all() if methodology.result.nets] == [
        "shanghai/household-electricity"
    ]


# The texts


@codes
def test_the_text_has_every_clause_in_both_languages(library: Library, code: str) -> None:
    chinese, english = (folder(code) / "README.md").read_text(encoding="utf-8").split("\n## English\n")
    zh, en = HEADINGS["zh"].split(), HEADINGS["en"].split("|")
    if library.get(code).book == "points":
        zh[6], en[6] = "积分计算", "Calculation of points"

    for number, heading in enumerate(zh, start=1):
        assert f"\n### {number} {heading}\n" in chinese
    for number, heading in enumerate(en, start=1):
        assert f"\n### {number} {heading}\n" in english
    assert 60 <= len((chinese + english).splitlines()) <= 130


@codes
def test_the_text_and_the_numbers_say_the_same(library: Library, code: str) -> None:
    text = (folder(code) / "README.md").read_text(encoding="utf-8")
    raw = tomllib.loads((folder(code) / "methodology.toml").read_text(encoding="utf-8"))

    for parameter in raw["parameters"]:
        for value in parameter["values"]:
            row = (
                f"`{parameter['name']}` | {value['value']} | {parameter['unit']} "
                f"| {value['status']} | {value['review_by']} |"
            )
            assert row in text
    for clause in [*raw.get("applicability", []), *raw.get("exclusions", [])]:
        assert f"**{clause['id']}** {clause['text']['zh']}" in text
        assert f"**{clause['id']}** {clause['text']['en']}" in text
    assert f"status of the document: **{raw['status']}**" in text


@codes
def test_the_text_names_the_fields_that_must_be_reported(code: str) -> None:
    text = (folder(code) / "README.md").read_text(encoding="utf-8")
    fields = sorted(name for owner, name in MUST_BE_REPORTED if owner == code)
    named = ", ".join(f"`{name}`" for name in fields)

    assert (f"Must be reported by contract, because leaving them out credits more: {named}." in text) == bool(
        fields
    )


@codes
def test_the_reference_page_lists_it_with_its_weakest_status(code: str) -> None:
    page = ROOT.parent / "docs/reference/methodologies.md"
    if not page.is_file():
        pytest.skip("the documentation is not beside an installed library")

    (row,) = [
        line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{code}` |")
    ]

    assert row.endswith(f"| {WEAKEST[code]} |")
