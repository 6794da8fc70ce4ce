"""Evaluate: what one activity avoided, in exact fractions, with the trace a resident sees.

It shares the parsed formulas and the loaded numbers with the columns, and nothing else.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache
from math import floor

from tanpuhui.kit.exact import format_fraction
from tanpuhui.methodology.expression import (
    Arithmetic,
    Choice,
    Comparison,
    Expression,
    Extreme,
    Logic,
    Name,
    Negation,
    Not,
    Number,
    unparse,
)
from tanpuhui.methodology.methodology import Factor, Field, Methodology, Period, Status
from tanpuhui.methodology.refusals import (
    ActivityMissingField,
    ActivityOutOfRange,
    ActivityType,
    ActivityUnknownField,
)

_COMPARISONS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARITHMETIC: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One step as it was worked out; ``value`` is exact, a decimal or ``p/q``, in ``unit``."""

    name: str
    formula: str
    value: str
    unit: str
    substituted: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an activity avoided, and why.

    ``avoided_mg`` is 0 for a points rule and for an excluded act; ``points`` is None for a reduction.
    ``clipped`` names the fields that a cap on activities reduced, with what was left of them.
    """

    code: str
    version: int
    digest: str
    day: date
    avoided_mg: int
    points: int | None
    steps: tuple[Line, ...]
    factors: tuple[Factor, ...]
    excluded_by: str | None
    clipped: Mapping[str, int]
    status: Status


def evaluate(methodology: Methodology, activity: Mapping[str, int | str], day: date) -> Explanation:
    """Work out one activity of a local day.

    Refused: a day outside the validity (``methodology.not_in_force``), and an activity that lacks a field or
    has an unknown one, or one of the wrong type or out of bounds (``methodology.activity_*``).
    """
    period = methodology.period(day)
    fields = read_activity(methodology, activity)
    excluded_by = _excluded_by(methodology, period, fields)
    if excluded_by is not None:
        return _explanation(methodology, period, day, excluded_by=excluded_by)
    clipped = {name: limit for name, limit in methodology.clipped_to.items() if fields[name] > limit}
    counted = {**fields, **clipped}
    exact = _coherent(methodology, period, counted)
    lines = _work_out(methodology, period, counted, exact)
    result = floor(exact[methodology.result.step] / methodology.result.unit.scale)
    result = result if methodology.result.nets else max(result, 0)
    return _explanation(methodology, period, day, result=result, lines=lines, clipped=clipped)


def read_activity(methodology: Methodology, activity: Mapping[str, int | str]) -> dict[str, int]:
    """Every field as an integer: names of enumerations become codes, defaults are filled in."""
    for name in activity:
        if name not in methodology.fields:
            names = ", ".join(methodology.fields)
            raise ActivityUnknownField(methodology=str(methodology), field=name, fields=names)
    return {
        name: _read_field(methodology, field, activity.get(name))
        for name, field in methodology.fields.items()
    }


def _read_field(methodology: Methodology, field: Field, given: int | str | None) -> int:
    if given is None:
        if field.default is None:
            raise ActivityMissingField(methodology=str(methodology), field=field.name, unit=field.unit.symbol)
        return field.default
    if isinstance(given, str) and given in field.values:
        return field.values[given]
    if isinstance(given, str) and field.values:
        raise ActivityType(field=field.name, value=repr(given), expected=_accepted(field))
    if not isinstance(given, int):
        raise ActivityType(
            field=field.name, value=repr(given), expected=f"a whole number, in {field.unit.symbol}"
        )
    if not field.accepts(given):
        raise ActivityOutOfRange(
            methodology=str(methodology), field=field.name, value=given, accepted=_accepted(field)
        )
    return int(given)


def _accepted(field: Field) -> str:
    if field.values:
        return "one of " + ", ".join(f"{name} ({code})" for name, code in field.values.items())
    return f"{field.min} to {field.max} {field.unit.symbol}"


def _excluded_by(methodology: Methodology, period: Period, fields: Mapping[str, int]) -> str | None:
    if not any(clause.condition for clause in methodology.clauses):
        return None
    exact = _coherent(methodology, period, fields)
    for clause in methodology.clauses:
        if clause.condition is not None and clause.excludes(_holds(clause.condition, exact)):
            return clause.id
    return None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is the same for every activity of a period: exact factors, and formulas ready to be filled in."""

    exact: Mapping[str, Fraction]
    shown: Mapping[str, str]
    templates: Mapping[str, tuple[str, ...]]


@lru_cache(maxsize=256)
def _prepared(methodology: Methodology, period: Period) -> Prepared:
    exact = {name: factor.value * factor.unit.scale for name, factor in period.factors.items()}
    exact |= {name: Fraction(code) for name, code in methodology.members.items()}
    shown = {name: _shown(factor.value, factor.unit.symbol) for name, factor in period.factors.items()}
    return Prepared(exact, shown, {step.name: _template(step.expression) for step in methodology.steps})


def _template(expression: Expression) -> tuple[str, ...]:
    """The text of a formula cut at its names: every second piece is a name."""
    return tuple(unparse(expression, lambda name: f"\0{name}\0").split("\0"))


def _filled(template: tuple[str, ...], shown: Mapping[str, str]) -> str:
    pieces = (shown.get(piece, piece) if at % 2 else piece for at, piece in enumerate(template))
    return "".join(pieces)


def _coherent(methodology: Methodology, period: Period, fields: Mapping[str, int]) -> dict[str, Fraction]:
    """Fields, parameters and enumeration codes as exact numbers in coherent units (m, g, Wh, h, gCO2e)."""
    exact = {name: value * methodology.fields[name].unit.scale for name, value in fields.items()}
    return {**_prepared(methodology, period).exact, **exact}


def _work_out(
    methodology: Methodology, period: Period, fields: Mapping[str, int], exact: dict[str, Fraction]
) -> tuple[Line, ...]:
    """Work out the steps in order, adding each to ``exact``."""
    prepared = _prepared(methodology, period)
    units = {name: field.unit.symbol for name, field in methodology.fields.items()}
    shown = {**prepared.shown, **{name: _labelled(str(value), units[name]) for name, value in fields.items()}}
    lines = []
    for step in methodology.steps:
        exact[step.name] = _value(step.expression, exact)
        value = format_fraction(exact[step.name] / step.unit.scale)
        substituted = _filled(prepared.templates[step.name], shown)
        lines.append(Line(step.name, step.formula, value, step.unit.symbol, substituted))
        shown[step.name] = _labelled(value, step.unit.symbol)
    return tuple(lines)


def _shown(value: Fraction, unit: str) -> str:
    return _labelled(format_fraction(value), unit)


def _labelled(number: str, unit: str) -> str:
    return number if unit == "1" else f"{number} {unit}"


def _value(expression: Expression, exact: Mapping[str, Fraction]) -> Fraction:
    match expression:
        case Number(value):
            return value
        case Name(name):
            return exact[name]
        case Negation(operand):
            return -_value(operand, exact)
        case Arithmetic(symbol, left, right):
            return _ARITHMETIC[symbol](_value(left, exact), _value(right, exact))
        case Extreme(which, operands):
            return (min if which == "min" else max)(_value(operand, exact) for operand in operands)
        case Choice(condition, then, otherwise):
            return _value(then if _holds(condition, exact) else otherwise, exact)
        case _:
            raise AssertionError("a condition is no number")


def _holds(condition: Expression, exact: Mapping[str, Fraction]) -> bool:
    match condition:
        case Comparison(symbol, left, right):
            return _COMPARISONS[symbol](_value(left, exact), _value(right, exact))
        case Logic("and", left, right):
            return _holds(left, exact) and _holds(right, exact)
        case Logic(_, left, right):
            return _holds(left, exact) or _holds(right, exact)
        case Not(operand):
            return not _holds(operand, exact)
        case _:
            raise AssertionError("a number is no condition")


def _explanation(
    methodology: Methodology,
    period: Period,
    day: date,
    *,
    result: int = 0,
    lines: tuple[Line, ...] = (),
    clipped: Mapping[str, int] | None = None,
    excluded_by: str | None = None,
) -> Explanation:
    is_points = methodology.book == "points"
    return Explanation(
        code=methodology.code,
        version=methodology.version,
        digest=methodology.digest,
        day=day,
        avoided_mg=0 if is_points else result,
        points=result if is_points else None,
        steps=lines,
        factors=tuple(period.factors.values()),
        excluded_by=excluded_by,
        clipped=clipped or {},
        status=methodology.weakest_status(day),
    )
