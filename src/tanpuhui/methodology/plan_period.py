"""Plan of a period: the result and the clauses of a methodology with the parameters that are in force."""

from __future__ import annotations

from fractions import Fraction

from tanpuhui.methodology.bounds import Scope, bounds_of
from tanpuhui.methodology.interval import Interval, exactly
from tanpuhui.methodology.methodology import Field, Methodology, Period
from tanpuhui.methodology.plan import (
    Column,
    Division,
    Quantity,
    Test,
    constant,
    divided,
    negated,
    plan,
    plan_test,
    product,
)


def scope_of(methodology: Methodology, period: Period, *, clipped: bool) -> Scope:
    """Bounds of fields, parameters and enumeration codes in coherent units; with caps for the formula."""
    limits = methodology.clipped_to if clipped else {}
    fields = {name: _field_bounds(field, limits.get(name)) for name, field in methodology.fields.items()}
    factors = {name: exactly(factor.value * factor.unit.scale) for name, factor in period.factors.items()}
    members = {name: exactly(Fraction(code)) for name, code in methodology.members.items()}
    return Scope(fields | factors | members)


def _field_bounds(field: Field, limit: int | None) -> Interval:
    high = field.max if limit is None else min(field.max, limit)
    scale = field.unit.scale
    return Interval(min(field.min, high) * scale, high * scale, scale)


def step_scope(methodology: Methodology, period: Period, *, clipped: bool) -> Scope:
    """The scope of the formula: fields, parameters and every step."""
    scope = scope_of(methodology, period, clipped=clipped)
    for step in methodology.steps:
        scope = scope.naming(step.name, bounds_of(step.expression, scope))
    return scope


def plan_result(methodology: Methodology, period: Period) -> Division:
    """The plan of the result in its own unit, down to the one division that rounds it."""
    scope = step_scope(methodology, period, clipped=True)
    names = _quantities(methodology, period, clipped=True)
    for step in methodology.steps:
        names[step.name] = plan(step.expression, names, scope)
    result = product(names[methodology.result.step], constant(1 / methodology.result.unit.scale))
    return divided(result, nets=methodology.result.nets)


def plan_clauses(methodology: Methodology, period: Period) -> list[tuple[str, Test]]:
    """For every clause with a condition, in the order in which they are asked: the test that it excludes."""
    scope = scope_of(methodology, period, clipped=False)
    names = _quantities(methodology, period, clipped=False)
    tests = []
    for clause in methodology.clauses:
        if clause.condition is not None:
            test = plan_test(clause.condition, names, scope)
            tests.append((clause.id, test if clause.excludes_when else negated(test)))
    return tests


def _quantities(methodology: Methodology, period: Period, *, clipped: bool) -> dict[str, Quantity]:
    limits = methodology.clipped_to if clipped else {}
    fields = {name: _field(field, limits.get(name)) for name, field in methodology.fields.items()}
    factors = {name: constant(factor.value * factor.unit.scale) for name, factor in period.factors.items()}
    members = {name: constant(Fraction(code)) for name, code in methodology.members.items()}
    return fields | factors | members


def _field(field: Field, limit: int | None) -> Quantity:
    clip = limit if limit is not None and limit < field.max else None
    high = field.max if clip is None else clip
    return Quantity(field.unit.scale, Column(field.name, field.default, clip, field.min, high))
