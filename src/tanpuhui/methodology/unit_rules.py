"""Unit rules: what a formula counts, worked out from what its names count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
from tanpuhui.methodology.refusals import UnitMismatch
from tanpuhui.methodology.units import Dimensions, Unit, show_dimensions


@dataclass(frozen=True, slots=True)
class Count:
    """What an expression counts. ``dimensions`` is None for 0, which fits any unit."""

    dimensions: Dimensions | None
    is_ratio: bool = False
    is_literal: bool = False


_NO_DIMENSIONS: Dimensions = ()


def count_of(expression: Expression, units: Mapping[str, Unit], where: str) -> Count:
    """What a number counts; raises ``UnitMismatch`` where unlike things are added or compared."""
    match expression:
        case Number(value):
            return Count(_NO_DIMENSIONS if value else None, is_literal=True)
        case Name(name):
            return Count(units[name].dimensions, is_ratio=units[name].is_ratio)
        case Negation(operand):
            return count_of(operand, units, where)
        case Arithmetic("+" | "-", left, right):
            return _alike((left, right), units, where, strict=False)
        case Arithmetic(operator, left, right):
            return _product(operator, count_of(left, units, where), count_of(right, units, where))
        case Extreme(_, operands):
            return _alike(operands, units, where, strict=True)
        case Choice(condition, then, otherwise):
            check_condition(condition, units, where)
            return _alike((then, otherwise), units, where, strict=True)
        case _:
            raise AssertionError("a condition counts nothing")


def check_condition(expression: Expression, units: Mapping[str, Unit], where: str) -> None:
    """Only like things may be compared."""
    match expression:
        case Comparison(_, left, right):
            _alike((left, right), units, where, strict=True)
        case Logic(_, left, right):
            check_condition(left, units, where)
            check_condition(right, units, where)
        case Not(operand):
            check_condition(operand, units, where)
        case _:
            raise AssertionError("a number is no condition")


def _product(operator: str, left: Count, right: Count) -> Count:
    literal = left.is_literal and right.is_literal
    ratio = (left.is_literal and right.is_ratio) or (right.is_literal and left.is_ratio)
    if left.dimensions is None or right.dimensions is None:
        return Count(None, is_literal=literal)
    sign = 1 if operator == "*" else -1
    powers = dict(left.dimensions)
    for name, power in right.dimensions:
        powers[name] = powers.get(name, 0) + sign * power
    dimensions = tuple(sorted((name, power) for name, power in powers.items() if power))
    return Count(dimensions, is_ratio=ratio, is_literal=literal)


def _alike(operands: Sequence[Expression], units: Mapping[str, Unit], where: str, *, strict: bool) -> Count:
    """All operands count the same; with ``strict`` a ratio does not meet a bare number other than 0."""
    counted = [(operand, count_of(operand, units, where)) for operand in operands]
    telling = [(operand, count) for operand, count in counted if count.dimensions is not None]
    if not telling:
        return Count(None, is_literal=all(count.is_literal for _, count in counted))
    first, kind = telling[0]
    for operand, count in telling[1:]:
        if count.dimensions != kind.dimensions:
            _refuse_unlike(where, first, kind, operand, count)
    if strict:
        _refuse_bare_ratio(telling, where)
    ratio = any(count.is_ratio for _, count in telling)
    return Count(kind.dimensions, is_ratio=ratio, is_literal=all(count.is_literal for _, count in counted))


def _refuse_unlike(where: str, first: Expression, kind: Count, other: Expression, count: Count) -> None:
    assert kind.dimensions is not None
    assert count.dimensions is not None
    raise UnitMismatch(
        where=where,
        problem=f"{unparse(first)} counts {show_dimensions(kind.dimensions)}, "
        f"but {unparse(other)} counts {show_dimensions(count.dimensions)}",
    )


def _refuse_bare_ratio(telling: Sequence[tuple[Expression, Count]], where: str) -> None:
    ratio = next((operand for operand, count in telling if count.is_ratio), None)
    bare = next((operand for operand, count in telling if count.is_literal), None)
    if ratio is not None and bare is not None:
        raise UnitMismatch(
            where=where,
            problem=f"{unparse(ratio)} is a ratio in percent or permille and {unparse(bare)} a bare number: "
            "make the number a parameter with its unit",
        )
