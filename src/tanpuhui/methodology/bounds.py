"""Bounds: between which numbers a formula's value lies, and what a condition tells about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce

from tanpuhui.methodology.expression import (
    OPPOSITE,
    Arithmetic,
    Choice,
    Comparison,
    ComparisonOperator,
    Expression,
    Extreme,
    Logic,
    Name,
    Negation,
    Not,
    Number,
)
from tanpuhui.methodology.interval import Interval, exactly


class MayDivideByZero(Exception):
    """Raised with the divisor and its bounds; loading turns it into a refusal that names the place."""

    def __init__(self, divisor: Expression, bounds: Interval) -> None:
        super().__init__(divisor, bounds)
        self.divisor = divisor
        self.bounds = bounds


class TooTangled(Exception):
    """Raised when following a formula takes too long: conditions inside conditions inside conditions."""


@dataclass(slots=True)
class Effort:
    """How much following is left; choices in the conditions of choices would double it at every level."""

    left: int = 50_000

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooTangled


@dataclass(frozen=True, slots=True)
class Scope:
    """Bounds of the names, and of whole expressions where a condition around them has told something."""

    names: Mapping[str, Interval]
    facts: Mapping[Expression, Interval] = field(default_factory=dict)
    effort: Effort = field(default_factory=Effort)

    def learn(self, expression: Expression, bounds: Interval) -> Scope:
        """The scope in which an expression is also known to lie within bounds."""
        return replace(self, facts={**self.facts, expression: bounds})

    def naming(self, name: str, bounds: Interval) -> Scope:
        """The scope in which one more name has bounds."""
        return replace(self, names={**self.names, name: bounds})


def bounds_of(expression: Expression, scope: Scope) -> Interval:
    """Bounds of a number; raises ``MayDivideByZero``. They may be wider than the truth, never narrower."""
    scope.effort.spend()
    worked_out = _from_parts(expression, scope)
    known = scope.facts.get(expression)
    return worked_out if known is None else worked_out.intersect(known) or worked_out


def _from_parts(expression: Expression, scope: Scope) -> Interval:
    match expression:
        case Number(value):
            return exactly(value)
        case Name(name):
            return scope.names[name]
        case Negation(operand):
            return -bounds_of(operand, scope)
        case Arithmetic():
            return _arithmetic(expression, scope)
        case Extreme(which, operands):
            parts = [bounds_of(operand, scope) for operand in operands]
            return reduce(Interval.least if which == "min" else Interval.greatest, parts)
        case Choice(condition, then, otherwise):
            return _choice(condition, then, otherwise, scope)
        case _:
            raise AssertionError("a condition has no bounds")


def _arithmetic(expression: Arithmetic, scope: Scope) -> Interval:
    left, right = bounds_of(expression.left, scope), bounds_of(expression.right, scope)
    match expression.operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left.squared() if expression.left == expression.right else left * right
        case "/":
            if right.sign not in (1, -1):
                raise MayDivideByZero(expression.right, right)
            return left / right


def _choice(condition: Expression, then: Expression, otherwise: Expression, scope: Scope) -> Interval:
    met, unmet = narrow(condition, True, scope), narrow(condition, False, scope)
    if met is None or unmet is None:
        left = met or unmet
        assert left is not None, "a condition is met or not"
        return bounds_of(then if met else otherwise, left)
    return bounds_of(then, met).hull(bounds_of(otherwise, unmet))


def narrow(condition: Expression, truth: bool, scope: Scope) -> Scope | None:
    """The scope in which a condition has this truth; None when it never has.

    Divisions inside the condition are checked on the way.
    """
    match condition:
        case Not(operand):
            return narrow(operand, not truth, scope)
        case Logic(operator, left, right):
            return _narrow_logic(left, right, (operator == "and"), truth, scope)
        case Comparison(operator, left, right):
            return _narrow_comparison(left, operator if truth else OPPOSITE[operator], right, scope)
        case _:
            raise AssertionError("a number is neither true nor false")


def _narrow_logic(
    left: Expression, right: Expression, is_and: bool, truth: bool, scope: Scope
) -> Scope | None:
    """``and`` needs both to be true, ``or`` needs both to be false to be false; the rest are alternatives."""
    reached = narrow(left, is_and, scope)
    further = None if reached is None else narrow(right, truth, reached)
    if truth == is_and:
        return further
    decided = narrow(left, not is_and, scope)
    if decided is not None and further is not None:
        return scope
    return decided or further


def _narrow_comparison(
    left: Expression, operator: ComparisonOperator, right: Expression, scope: Scope
) -> Scope | None:
    """What ``left operator right`` tells about both sides and about their difference."""
    low, high = bounds_of(left, scope), bounds_of(right, scope)
    zero = exactly(Fraction(0))
    claims = [
        (left, _held_to(low, operator, high)),
        (right, _held_to(high, _mirrored(operator), low)),
        (Arithmetic("-", left, right), _held_to(low - high, operator, zero)),
        (Arithmetic("-", right, left), _held_to(high - low, _mirrored(operator), zero)),
    ]
    for expression, bounds in claims:
        if bounds is None:
            return None
        known = scope.facts.get(expression)
        both = bounds if known is None else bounds.intersect(known)
        if both is None:
            return None
        scope = scope.learn(expression, both)
    return scope


def _held_to(bounds: Interval, operator: ComparisonOperator, other: Interval) -> Interval | None:
    match operator:
        case "<" | "<=":
            return bounds.below(other.high, strictly=operator == "<")
        case ">" | ">=":
            return bounds.above(other.low, strictly=operator == ">")
        case "==":
            return bounds.intersect(other)
        case "!=":
            return bounds.without(other.low) if other.low == other.high else bounds


def _mirrored(operator: ComparisonOperator) -> ComparisonOperator:
    mirrors: dict[ComparisonOperator, ComparisonOperator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
    return mirrors.get(operator, operator)
