"""Columns: the SQL of a methodology, and how it treats what is missing, invalid or excluded."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import duckdb
import pytest

from methodology.authoring import write_folder, write_formula
from tanpuhui.methodology.columns import compile_columns
from tanpuhui.methodology.evaluate import evaluate
from tanpuhui.methodology.load import examine, load_methodology
from tanpuhui.methodology.methodology import Methodology

DAY = date(2024, 6, 1)
INT64_MAX = 2**63 - 1


def rows(methodology: Methodology, *activities: dict[str, int | None]) -> list[tuple[object, ...]]:
    """``avoided, excluded_by, invalid`` of every activity, worked out by DuckDB over BIGINT columns."""
    columns = compile_columns(methodology, DAY)
    names = list(methodology.fields)
    connection = duckdb.connect()
    kinds = ", ".join(f'"{name}" BIGINT' for name in names)
    connection.execute(f"CREATE TABLE activity (place INTEGER, {kinds})")
    values = [[at, *[activity.get(name) for name in names]] for at, activity in enumerate(activities)]
    marks = ", ".join("?" * (len(names) + 1))
    connection.executemany(f"INSERT INTO activity VALUES ({marks})", values)
    parts = ", ".join(node.sql("duckdb") for node in (columns.avoided, columns.excluded_by, columns.invalid))
    return connection.execute(f"SELECT {parts} FROM activity ORDER BY place").fetchall()


@pytest.fixture()
def rides(tmp_path: Path) -> Methodology:
    return load_methodology(write_folder(tmp_path))


def formula(root: Path, text: str, **parts: object) -> Methodology:
    methodology, refusals = examine(write_formula(root, text, **parts))  # type: ignore[arg-type]
    assert [refusal.code for refusal in refusals] == ["methodology.file_missing"], refusals
    assert methodology is not None
    return methodology


def test_columns_give_the_milligrams_of_the_examples(rides: Methodology) -> None:
    found = rows(
        rides,
        {"distance_m": 10_000},
        {"distance_m": 1, "persons": 3},
        {"distance_m": 200_000},
        {"distance_m": 10_000, "persons": 0},
    )

    assert found == [(467_000, None, False), (15, None, False), (2_802_000, None, False), (0, None, False)]


def test_clauses_are_asked_in_the_order_of_the_file(rides: Methodology) -> None:
    found = rows(rides, {"distance_m": 0, "vehicle": 5}, {"distance_m": 9, "vehicle": 5})

    assert [excluded_by for _, excluded_by, _ in found] == ["A1", "E1"]


def test_what_is_missing_or_out_of_bounds_is_invalid_and_never_an_error(rides: Methodology) -> None:
    bad: list[dict[str, int | None]] = [
        {},
        {"distance_m": -1},
        {"distance_m": INT64_MAX},
        {"distance_m": 5, "persons": 9},
        {"distance_m": 5, "vehicle": 3},
    ]

    assert rows(rides, *bad) == [(None, None, True)] * 5


def test_there_is_no_float_decimal_or_rounding_in_the_sql(rides: Methodology) -> None:
    columns = compile_columns(rides, DAY)
    text = " ".join(node.sql("duckdb") for node in (columns.avoided, columns.excluded_by, columns.invalid))

    assert not re.search(r"\d\.\d|DOUBLE|FLOAT|DECIMAL|ROUND|FLOOR| / ", text)
    assert text.count("//") == 1


def test_a_simple_formula_stays_a_simple_expression(tmp_path: Path) -> None:
    methodology = formula(
        tmp_path,
        "distance_m * factor",
        fields={"distance_m": ("m", 0, 200_000, None)},
        parameters={"factor": ("gCO2e/(person*km)", "46.7")},
    )

    assert compile_columns(methodology, DAY).avoided.sql("duckdb") == (
        'CASE WHEN COALESCE("distance_m" BETWEEN 0 AND 200000, FALSE) THEN (467 * "distance_m") // 10 END'
    )
    assert "DIV 10" in compile_columns(methodology, DAY).avoided.sql("spark")


def test_a_period_is_compiled_once(rides: Methodology) -> None:
    assert compile_columns(rides, date(2024, 1, 1)) is compile_columns(rides, date(2024, 12, 31))
    assert compile_columns(rides, date(2024, 1, 1)) is not compile_columns(rides, date(2025, 1, 1))


@pytest.mark.parametrize(
    ("n", "expected_mg"),
    [
        (2**53 + 1, (2**53 + 1) // 3),  # a double would be 1 off
        (INT64_MAX, INT64_MAX // 3),
        (-7, -3),  # towards minus infinity
        (-6, -2),
        (-1, -1),
        (-(2**63), -(2**63) // 3),
        (0, 0),
    ],
)
def test_floors_are_exact_at_the_edges(tmp_path: Path, n: int, expected_mg: int) -> None:
    methodology = formula(
        tmp_path,
        "n * factor / 3",
        fields={"n": ("1", -(2**63), INT64_MAX, None)},
        parameters={"factor": ("mgCO2e", "1")},
        nets=True,
    )

    assert rows(methodology, {"n": n}) == [(expected_mg, None, False)]


def test_a_divisor_that_is_a_column_floors_negative_results_too(tmp_path: Path) -> None:
    methodology = formula(
        tmp_path,
        "if(d != 0, n * factor / d, 0)",
        fields={"n": ("1", -100, 100, None), "d": ("1", 0, 9, None)},
        parameters={"factor": ("mgCO2e", "1")},
        nets=True,
    )

    found = rows(methodology, {"n": -7, "d": 2}, {"n": 7, "d": 2}, {"n": -8, "d": 2}, {"n": 5, "d": 0})

    assert [avoided for avoided, _, _ in found] == [-4, 3, -4, 0]


def test_wide_numbers_on_the_way_are_computed_in_128_bits(tmp_path: Path) -> None:
    methodology = formula(
        tmp_path,
        "min(n, n * n / (n + 1)) * factor",
        fields={"n": ("1", 0, 2**62, None)},
        parameters={"factor": ("mgCO2e", "1")},
    )
    big = 2**62 - 1

    assert rows(methodology, {"n": big}) == [(big * big // (big + 1), None, False)]
    assert "INT128" in compile_columns(methodology, DAY).avoided.sql("duckdb")


def test_a_choice_between_small_constants_does_not_overflow_32_bits(tmp_path: Path) -> None:
    methodology = formula(
        tmp_path,
        "if(n > 0, 15000, 5000) * if(n > 1, 300000, 100000) * factor",
        fields={"n": ("1", 0, 2, None)},
        parameters={"factor": ("mgCO2e", "1")},
    )

    assert [avoided for avoided, _, _ in rows(methodology, {"n": 2}, {"n": 0})] == [
        4_500_000_000,
        500_000_000,
    ]


def test_a_field_may_be_named_like_a_word_of_sql(tmp_path: Path) -> None:
    methodology = formula(
        tmp_path,
        "order * factor",
        fields={"order": ("1", 0, 9, 2)},
        parameters={"factor": ("mgCO2e", "3")},
    )

    assert rows(methodology, {"order": 4}, {}) == [(12, None, False), (6, None, False)]


@pytest.mark.parametrize(
    "text",
    [
        "if(d < 0, n * factor / d, 0)",
        "n * factor / (d - 10)",
        "if(d != 0 and n < 0, factor / (d * d + 1) / n, factor)",
        "min(n * factor / (d + 10), d * factor / (n + 10), factor)",
        "max(n * factor / (d + 10), d * factor / (n + 10))",
        "n * factor / (d + 10) - d * factor / (n + 10) + factor / 7",
        "if(n / (d + 10) > d / (n + 10), factor, -factor)",
        "if(d > 0 and n / d >= 2 or d < 0 and n / d < -1, n * factor, d * factor)",
        "if(not (n == d or n / 3 != d / 2), factor, n * factor)",
        "if(n > d, factor / (n - d), factor / (n - d - 1))",
    ],
)
@pytest.mark.parametrize("nets", [True, False])
def test_quotients_of_columns_agree_with_the_exact_evaluator(tmp_path: Path, text: str, nets: bool) -> None:
    methodology = formula(
        tmp_path,
        text,
        fields={"n": ("1", -6, 6, None), "d": ("1", -6, 6, None)},
        parameters={"factor": ("mgCO2e", "100.7")},
        nets=nets,
    )
    activities: list[dict[str, int | None]] = [{"n": n, "d": d} for n in range(-6, 7) for d in range(-6, 7)]

    found = [avoided for avoided, _, _ in rows(methodology, *activities)]

    assert found == [evaluate(methodology, {**activity}, DAY).avoided_mg for activity in activities]  # type: ignore[dict-item]
    assert len(set(found)) > 1
