"""Prove: for every period of a methodology, that its formulas are safe for every valid activity."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import floor

from tanpuhui.kit.exact import INT64_MAX, INT64_MIN, format_fraction
from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology.bounds import MayDivideByZero, TooTangled, bounds_of, narrow
from tanpuhui.methodology.direction import Direction, direction_of
from tanpuhui.methodology.expression import unparse
from tanpuhui.methodology.methodology import Methodology, Period
from tanpuhui.methodology.plan import TooWide
from tanpuhui.methodology.plan_period import plan_clauses, plan_result, scope_of, step_scope
from tanpuhui.methodology.read import shown_path
from tanpuhui.methodology.refusals import (
    DivisionByZero,
    FormulaTangled,
    NotMonotone,
    NumberTooLarge,
    ResultTooLarge,
)


def prove(methodology: Methodology) -> list[Refusal]:
    """What cannot be proven, for the first period in which it cannot; an empty list when everything is."""
    for period in methodology.periods:
        try:
            _prove_period(methodology, period)
        except Refusal as refusal:
            return [refusal]
    return []


def _prove_period(methodology: Methodology, period: Period) -> None:
    """Each proof leans on the one before it: divisors first, then sizes, then directions."""
    file = shown_path(methodology.folder / "methodology.toml")
    _prove_clauses(methodology, period, file)
    _prove_result(methodology, period, file)
    _prove_columns(methodology, period, file)
    _prove_caps(methodology, period, file)


def _prove_clauses(methodology: Methodology, period: Period, file: str) -> None:
    """No condition divides by zero."""
    scope = scope_of(methodology, period, clipped=False)
    for clause in methodology.clauses:
        key = "exclusions" if clause.excludes_when else "applicability"
        if clause.condition is not None:
            with _refused_at(f"{file}: {key}.{clause.id}", period):
                narrow(clause.condition, True, scope)
                narrow(clause.condition, False, scope)


def _prove_result(methodology: Methodology, period: Period, file: str) -> None:
    """No step divides by zero, and the result fits 64 bits."""
    scope = scope_of(methodology, period, clipped=True)
    for step in methodology.steps:
        with _refused_at(f"{file}: steps.{step.name}.formula", period):
            scope = scope.naming(step.name, bounds_of(step.expression, scope))
    result, scale = scope.names[methodology.result.step], methodology.result.unit.scale
    low, high = floor(result.low / scale), floor(result.high / scale)
    low = low if methodology.result.nets else max(low, 0)
    if low < INT64_MIN or high > INT64_MAX:
        raise ResultTooLarge(where=f"{file}: result", low=low, high=high, day=period.valid_from)


def _prove_columns(methodology: Methodology, period: Period, file: str) -> None:
    """Every whole number of the columns fits the widest type."""
    with _refused_at(f"{file}: result", period):
        plan_result(methodology, period)
    with _refused_at(f"{file}: applicability, exclusions", period):
        plan_clauses(methodology, period)


def _prove_caps(methodology: Methodology, period: Period, file: str) -> None:
    """The result never falls when a clipped field grows, within the field's own bounds."""
    for field in methodology.clipped_to:
        with _refused_at(f"{file}: caps", period):
            scope = step_scope(methodology, period, clipped=False)
        directions = {field: Direction.RISES}
        for step in methodology.steps:
            with _refused_at(f"{file}: steps.{step.name}.formula", period):
                directions[step.name] = direction_of(step.expression, directions, scope)
        if not directions[methodology.result.step].never_falls:
            raise NotMonotone(where=f"{file}: caps", field=field)


@contextmanager
def _refused_at(where: str, period: Period) -> Iterator[None]:
    """Turn what the analysis raises into refusals that name the place and the day."""
    day = period.valid_from
    try:
        yield
    except MayDivideByZero as error:
        low, high = format_fraction(error.bounds.low), format_fraction(error.bounds.high)
        divisor = unparse(error.divisor)
        raise DivisionByZero(where=where, divisor=divisor, low=low, high=high, day=day) from error
    except TooTangled as error:
        raise FormulaTangled(where=where) from error
    except TooWide as error:
        raise NumberTooLarge(where=where, problem=str(error), day=day) from error
