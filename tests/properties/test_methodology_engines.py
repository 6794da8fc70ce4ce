"""Two evaluators, one answer: random well-typed formulas over random bounds, one act against whole columns."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from random import Random

import duckdb
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from methodology.authoring import write_formula
from tanpuhui.methodology.bounds import bounds_of
from tanpuhui.methodology.columns import compile_columns
from tanpuhui.methodology.direction import Direction, direction_of
from tanpuhui.methodology.evaluate import _coherent, _value, evaluate, read_activity
from tanpuhui.methodology.expression import unparse
from tanpuhui.methodology.load import examine, load_library
from tanpuhui.methodology.methodology import Field, Methodology
from tanpuhui.methodology.parse import parse
from tanpuhui.methodology.plan_period import step_scope

DAY = date(2024, 6, 1)
MAX, MIN = 2**63 - 1, -(2**63)
#: What loading may refuse of a random formula: that is its right; everything else would be a mistake of ours.
REFUSABLE = {
    "methodology.division_by_zero",
    "methodology.result_too_large",
    "methodology.number_too_large",
    "methodology.formula_tangled",
    "methodology.cap_not_safe",
    "methodology.formula_syntax",  # nested too deeply
}

BOUNDS = st.sampled_from(
    [
        (0, 1),
        (0, 10),
        (1, 9),
        (-5, 5),
        (-100, -1),
        (0, 200_000),
        (2**53 - 3, 2**53 + 3),
        (-(2**53) - 2, 2**53 + 2),
        (MAX - 4, MAX),
        (MIN, MIN + 4),
        (MIN, MAX),
        (2**31 - 2, 2**31 + 2),
    ]
)
UNITS = {"n": "1", "p": "permille", "a_m": "m", "b_km": "km", "e_g": "mgCO2e"}
DECIMALS = st.sampled_from(
    ["0", "1", "2", "0.5", "46.7", "-3", "0.001", "1.0625", "333.3", "999999", "-0.07"]
)
PARAMETERS = {
    "factor": "gCO2e/(person*km)",
    "fixed": "mgCO2e",
    "large": "tCO2e",
    "length": "km",
    "share": "percent",
    "number": "1",
}


@dataclass(frozen=True)
class Case:
    """A methodology, and rows of field values; None leaves an optional field out."""

    methodology: Methodology
    rows: list[dict[str, int | None]]


def numbers(draw: st.DrawFn, kind: str, depth: int) -> str:
    """A formula that counts ``kind``: "1", "r" (a ratio in percent or permille), "m" or "g" (of CO2e)."""
    leaves = {
        "1": ["n", "number", "2", "7", "0.3", "1000000"],
        "r": ["share", "p"],
        "m": ["a_m", "b_km", "length", "0"],
        "g": ["e_g", "fixed", "large", "0"],
    }
    if depth == 0:
        return draw(st.sampled_from(leaves[kind]))
    again: Callable[[str], str] = lambda of: numbers(draw, of, depth - 1)  # noqa: E731
    shapes: dict[str, Callable[[], str]] = {
        "leaf": lambda: draw(st.sampled_from(leaves[kind])),
        "sum": lambda: f"({again(kind)} + {again(kind)})",
        "difference": lambda: f"({again(kind)} - {again(kind)})",
        "negation": lambda: f"-{again(kind)}",
        "scaled": lambda: f"({again(kind)} * {again('1')})",
        "share": lambda: f"({again(kind)} * {again('r')})" if kind in "mg" else again(kind),
        "extreme": lambda: f"{draw(st.sampled_from(['min', 'max']))}({again(kind)}, {again(kind)})",
        "choice": lambda: f"if({conditions(draw, depth - 1)}, {again(kind)}, {again(kind)})",
        "quotient": lambda: f"({again(kind)} / {again('1')})",
        "guarded": lambda: guarded(draw, kind, depth),
    }
    if kind == "1":
        shapes["ratio"] = lambda: f"({again('m')} / {again('m')})"
    if kind == "g":
        shapes["emitted"] = lambda: f"({again('m')} * factor)"
    return shapes[draw(st.sampled_from(sorted(shapes)))]()


def guarded(draw: st.DrawFn, kind: str, depth: int) -> str:
    """A quotient whose divisor a condition keeps away from 0."""
    divisor = numbers(draw, "1", min(depth - 1, 1))
    sign = draw(st.sampled_from([">", "<", "!="]))
    return f"if({divisor} {sign} 0, {numbers(draw, kind, depth - 1)} / ({divisor}), {numbers(draw, kind, 0)})"


def conditions(draw: st.DrawFn, depth: int) -> str:
    shape = (
        draw(st.sampled_from(["compare", "compare", "compare", "and", "or", "not"]))
        if depth > 0
        else "compare"
    )
    if shape == "not":
        return f"not ({conditions(draw, depth - 1)})"
    if shape != "compare":
        return f"({conditions(draw, depth - 1)} {shape} {conditions(draw, depth - 1)})"
    kind = draw(st.sampled_from(["1", "r", "m", "g"]))
    operator = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
    return f"{numbers(draw, kind, min(depth, 1))} {operator} {numbers(draw, kind, min(depth, 1))}"


@st.composite
def cases(draw: st.DrawFn, depth: int = 3, rows: int = 25) -> Case:
    """A methodology that loading accepts, and rows of values within its bounds (mostly at their edges)."""
    fields = {}
    for name, unit in UNITS.items():
        low, high = draw(BOUNDS)
        fields[name] = (unit, low, high, draw(st.none() | st.integers(low, high)))
    parameters = {name: (unit, draw(DECIMALS)) for name, unit in PARAMETERS.items()}
    formula = numbers(draw, "g", draw(st.integers(1, depth)))
    requires = conditions(draw, draw(st.integers(0, 2))) if draw(st.booleans()) else None
    caps = {}
    if draw(st.booleans()):
        caps["a_m"] = draw(st.integers(fields["a_m"][1], fields["a_m"][2]))
    with tempfile.TemporaryDirectory() as folder:
        path = write_formula(
            Path(folder),
            formula,
            fields=fields,
            parameters=parameters,
            nets=draw(st.booleans()),
            requires=requires,
            caps=caps,
        )
        methodology, refusals = examine(path)
    codes = {refusal.code for refusal in refusals} - {"methodology.file_missing"}  # examples.toml
    assert codes <= REFUSABLE, (formula, requires, refusals)
    event(f"{sorted(codes) or 'accepted'}")
    assume(not codes)
    assert methodology is not None
    values = [{name: draw(value_of(*spec[1:])) for name, spec in fields.items()} for _ in range(rows)]
    return Case(methodology, values)


def value_of(low: int, high: int, default: int | None) -> st.SearchStrategy[int | None]:
    edges = st.sampled_from([low, high, min(max(0, low), high), min(low + 1, high), max(high - 1, low)])
    anywhere = edges | st.integers(low, high)
    return anywhere if default is None else anywhere | st.none()


def in_columns(case: Case, day: date = DAY) -> list[tuple[int | None, str | None, bool]]:
    """What DuckDB makes of all rows at once."""
    columns = compile_columns(case.methodology, day)
    names = list(case.methodology.fields)
    parts = ", ".join(node.sql("duckdb") for node in (columns.avoided, columns.excluded_by, columns.invalid))
    values = ", ".join(
        "(" + ", ".join([str(at), *[_sql(row[name]) for name in names]]) + ")"
        for at, row in enumerate(case.rows)
    )
    with duckdb.connect() as connection:
        kinds = ", ".join(f'"{name}" BIGINT' for name in names)
        connection.execute(f"CREATE TABLE activity (place INTEGER, {kinds})")
        connection.execute(f"INSERT INTO activity VALUES {values}")
        return connection.execute(f"SELECT {parts} FROM activity ORDER BY place").fetchall()


def _sql(value: int | None) -> str:
    return "NULL" if value is None else str(value)


def given_fields(row: dict[str, int | None]) -> dict[str, int | str]:
    return {name: value for name, value in row.items() if value is not None}


QUIET = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@QUIET
@given(cases())
def test_one_act_and_a_column_give_the_same_milligrams(case: Case) -> None:
    found = in_columns(case)

    for row, (avoided, excluded_by, invalid) in zip(case.rows, found, strict=True):
        explanation = evaluate(case.methodology, given_fields(row), DAY)
        assert not invalid
        assert excluded_by == explanation.excluded_by
        if excluded_by is None:
            assert avoided == explanation.avoided_mg
            assert MIN <= explanation.avoided_mg <= MAX


@QUIET
@given(cases(rows=10))
def test_values_lie_within_the_bounds_that_were_proven(case: Case) -> None:
    methodology = case.methodology
    scope = step_scope(methodology, methodology.periods[0], clipped=False)
    step = methodology.steps[0]
    bounds = bounds_of(step.expression, scope)

    for row in case.rows:
        value = _worked_out(methodology, row)
        assert value in bounds
        if bounds.grid is not None:
            assert value == 0 if bounds.grid == 0 else (value / bounds.grid).denominator == 1


@QUIET
@given(cases(rows=10), st.data())
def test_a_proven_direction_holds_on_every_pair_of_values(case: Case, data: st.DataObject) -> None:
    methodology = case.methodology
    scope = step_scope(methodology, methodology.periods[0], clipped=False)
    name = data.draw(st.sampled_from(sorted(UNITS)))
    field = methodology.fields[name]
    direction = direction_of(methodology.steps[0].expression, {name: Direction.RISES}, scope)
    event(f"{direction}")

    for row in case.rows:
        low, high = sorted(data.draw(st.tuples(*[st.integers(field.min, field.max)] * 2)))
        below = _worked_out(methodology, {**row, name: low})
        above = _worked_out(methodology, {**row, name: high})
        assert above >= below or not direction.never_falls
        assert above <= below or not direction.never_rises


@QUIET
@given(cases(rows=1))
def test_text_of_a_formula_parses_to_the_same_formula(case: Case) -> None:
    expression = case.methodology.steps[0].expression

    assert parse(unparse(expression)) == expression


@QUIET
@given(cases(rows=8), st.data())
def test_rows_out_of_bounds_are_invalid_and_break_no_query(case: Case, data: st.DataObject) -> None:
    spoiled = [dict(row) for row in case.rows]
    expected = []
    for row in spoiled:
        name = data.draw(st.sampled_from(sorted(UNITS)))
        row[name] = data.draw(st.sampled_from([MIN, -1, 0, 7, 2**53, MAX]))
        field = case.methodology.fields[name]
        expected.append(not field.min <= row[name] <= field.max)

    assert [invalid for _, _, invalid in in_columns(Case(case.methodology, spoiled))] == expected


@pytest.mark.parametrize("methodology", load_library().all(), ids=str)
def test_every_methodology_of_the_library_gives_the_same_in_columns(methodology: Methodology) -> None:
    chance = Random(20261124)
    rows = [
        {name: library_value(chance, field) for name, field in methodology.fields.items()} for _ in range(400)
    ]

    for period in methodology.periods:
        day = period.valid_from
        for row, (avoided, excluded_by, invalid) in zip(
            rows, in_columns(Case(methodology, rows), day), strict=True
        ):
            explanation = evaluate(methodology, given_fields(row), day)
            assert not invalid
            assert excluded_by == explanation.excluded_by
            if excluded_by is None:
                result = explanation.avoided_mg if explanation.points is None else explanation.points
                assert avoided == result


def library_value(chance: Random, field: Field) -> int | None:
    """A code of an enumeration, a bound, a small or any number within the bounds, or nothing where that is allowed."""
    if field.values:
        return chance.choice(list(field.values.values()))
    small = min(max(field.min, chance.randint(0, 20)), field.max)
    choices = [field.min, field.max, small, chance.randint(field.min, field.max)]
    return chance.choice(choices if field.default is None else [*choices, None])


def _worked_out(methodology: Methodology, row: dict[str, int | None]) -> Fraction:
    """The exact value of the only step, unclipped, in coherent units."""
    fields = read_activity(methodology, given_fields(row))
    exact = _coherent(methodology, methodology.periods[0], fields)
    return _value(methodology.steps[0].expression, exact)
