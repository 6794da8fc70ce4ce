"""Plan: a formula as whole-number arithmetic with proven bounds and one division, at the very end.

A number is held as ``coefficient * numerator / denominator``: the coefficient an exact positive fraction
known now, numerator and denominator whole-number nodes over the columns, the denominator positive wherever
the number is asked for. Sums, choices and comparisons bring two of them to a common form by multiplying.
Nothing is divided until the result is rounded down, so nothing is rounded before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Literal, TypeAlias

from tanpuhui.methodology.bounds import Scope, bounds_of, narrow
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
from tanpuhui.methodology.interval import common_grid

#: 38 digits: fits 127 bits (DuckDB's HUGEINT) and a DECIMAL(38, 0) (Spark).
WIDEST = 10**38 - 1
MAX_NODES = 5_000


class TooWide(Exception):
    """A whole number on the way may leave the widest type, or the formula unfolds to too many operations."""


@dataclass(frozen=True, slots=True)
class Column:
    """A field: within its bounds in every row that is valid, and clipped by a cap where there is one."""

    field: str
    default: int | None
    clip: int | None
    low: int
    high: int
    nodes: int = 3


@dataclass(frozen=True, slots=True)
class Constant:
    """A whole number known now."""

    value: int
    nodes: int = 1

    @property
    def low(self) -> int:
        return self.value

    @property
    def high(self) -> int:
        return self.value


@dataclass(frozen=True, slots=True)
class Operation:
    """A sum, product, difference, least or greatest of whole numbers."""

    operator: Literal["+", "-", "*", "least", "greatest"]
    left: Whole
    right: Whole
    low: int
    high: int
    nodes: int


@dataclass(frozen=True, slots=True)
class Either:
    """One whole number or another."""

    test: Test
    then: Whole
    otherwise: Whole
    low: int
    high: int
    nodes: int


Whole: TypeAlias = Column | Constant | Operation | Either


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison of whole numbers."""

    operator: ComparisonOperator
    left: Whole
    right: Whole
    nodes: int


@dataclass(frozen=True, slots=True)
class Join:
    """``and`` or ``or`` of two tests."""

    operator: Literal["and", "or"]
    left: Test
    right: Test
    nodes: int


Test: TypeAlias = Compare | Join | bool

ONE = Constant(1)


@dataclass(frozen=True, slots=True)
class Quantity:
    """``coefficient * numerator / denominator``; the coefficient is positive."""

    coefficient: Fraction
    numerator: Whole
    denominator: Whole = ONE


Quantities: TypeAlias = Mapping[str, Quantity]


def constant(value: Fraction) -> Quantity:
    """A number known now."""
    sign = (value > 0) - (value < 0)
    return Quantity(abs(value) or Fraction(1), Constant(sign))


def plan(expression: Expression, names: Quantities, scope: Scope) -> Quantity:
    """The plan of a number. ``scope`` proves the signs of divisors; raises ``TooWide``."""
    match expression:
        case Number(value):
            return constant(value)
        case Name(name):
            return names[name]
        case Negation(operand):
            inner = plan(operand, names, scope)
            return Quantity(inner.coefficient, times(Constant(-1), inner.numerator), inner.denominator)
        case Arithmetic():
            return _plan_arithmetic(expression, names, scope)
        case Extreme(which, operands):
            quantities = [plan(operand, names, scope) for operand in operands]
            return reduce(least_of if which == "min" else greatest_of, quantities)
        case Choice():
            return _plan_choice(expression, names, scope)
        case _:
            raise AssertionError("a condition is no number")


def plan_test(condition: Expression, names: Quantities, scope: Scope) -> Test:
    """The plan of a condition; ``True`` or ``False`` where the bounds decide it."""
    if narrow(condition, True, scope) is None:
        return False
    if narrow(condition, False, scope) is None:
        return True
    match condition:
        case Not(operand):
            return negated(plan_test(operand, names, scope))
        case Logic(operator, left, right):
            reached = narrow(left, operator == "and", scope)
            first = plan_test(left, names, scope)
            return first if reached is None else joined(operator, first, plan_test(right, names, reached))
        case Comparison(operator, left, right):
            return compared(operator, plan(left, names, scope), plan(right, names, scope))
        case _:
            raise AssertionError("a number is no condition")


def _plan_arithmetic(expression: Arithmetic, names: Quantities, scope: Scope) -> Quantity:
    left, right = plan(expression.left, names, scope), plan(expression.right, names, scope)
    match expression.operator:
        case "+":
            return _combined("+", left, right)
        case "-":
            return _combined("-", left, right)
        case "*":
            return product(left, right)
        case "/":
            sign = bounds_of(expression.right, scope).sign
            assert sign in (1, -1), "the loader has refused divisors that may be 0"
            return product(left, _inverse(right, sign))


def _plan_choice(choice: Choice, names: Quantities, scope: Scope) -> Quantity:
    met, unmet = narrow(choice.condition, True, scope), narrow(choice.condition, False, scope)
    if met is None:
        assert unmet is not None
        return plan(choice.otherwise, names, unmet)
    if unmet is None:
        return plan(choice.then, names, met)
    test = plan_test(choice.condition, names, scope)
    return _either(test, plan(choice.then, names, met), plan(choice.otherwise, names, unmet))


# Quantities


def product(left: Quantity, right: Quantity) -> Quantity:
    numerator = times(left.numerator, right.numerator)
    denominator = times(left.denominator, right.denominator)
    return Quantity(left.coefficient * right.coefficient, numerator, denominator)


def _inverse(quantity: Quantity, sign: int) -> Quantity:
    """One over a quantity whose sign is known; the new denominator is the numerator, made positive."""
    flip = Constant(sign)
    return Quantity(
        1 / quantity.coefficient,
        times(flip, quantity.denominator),
        times(flip, quantity.numerator),
    )


def _combined(operator: Literal["+", "-"], left: Quantity, right: Quantity) -> Quantity:
    shared, first, second = _over_common(left, right)
    return Quantity(shared.coefficient, combine(operator, first, second), shared.denominator)


def _over_common(left: Quantity, right: Quantity) -> tuple[Quantity, Whole, Whole]:
    """A shared coefficient and denominator, and the two numerators over them."""
    coefficient = common_grid(_grid(left), _grid(right)) or Fraction(1)
    first = _scaled(left, coefficient)
    second = _scaled(right, coefficient)
    if left.denominator == right.denominator:
        return Quantity(coefficient, ONE, left.denominator), first, second
    shared = times(left.denominator, right.denominator)
    return (
        Quantity(coefficient, ONE, shared),
        times(first, right.denominator),
        times(second, left.denominator),
    )


def _grid(quantity: Quantity) -> Fraction:
    """What the quantity's numerator is counted in; 0 for the number 0, which any unit counts."""
    return Fraction(0) if quantity.numerator == Constant(0) else quantity.coefficient


def _scaled(quantity: Quantity, coefficient: Fraction) -> Whole:
    if quantity.numerator == Constant(0):
        return quantity.numerator
    ratio = quantity.coefficient / coefficient
    assert ratio.denominator == 1
    return times(Constant(ratio.numerator), quantity.numerator)


def least_of(left: Quantity, right: Quantity) -> Quantity:
    return _extreme("least", left, right)


def greatest_of(left: Quantity, right: Quantity) -> Quantity:
    return _extreme("greatest", left, right)


def _extreme(operator: Literal["least", "greatest"], left: Quantity, right: Quantity) -> Quantity:
    shared, first, second = _over_common(left, right)
    if left.denominator == right.denominator:
        return Quantity(shared.coefficient, combine(operator, first, second), shared.denominator)
    test = _compare("<=" if operator == "least" else ">=", first, second)
    return _either(test, left, right)


def _either(test: Test, then: Quantity, otherwise: Quantity) -> Quantity:
    """A choice of quantities: numerator and denominator are chosen by the same test."""
    coefficient = common_grid(_grid(then), _grid(otherwise)) or Fraction(1)
    return Quantity(
        coefficient,
        choose(test, _scaled(then, coefficient), _scaled(otherwise, coefficient)),
        choose(test, then.denominator, otherwise.denominator),
    )


def compared(operator: ComparisonOperator, left: Quantity, right: Quantity) -> Test:
    """A comparison by multiplying crosswise: both denominators are positive."""
    _, first, second = _over_common(left, right)
    return _compare(operator, first, second)


@dataclass(frozen=True, slots=True)
class Division:
    """The result before it is rounded down: ``numerator // denominator - shift``, the numerator 0 or more.

    With ``mirrored`` the numerator may be negative, and then it is minus ``mirrored // denominator``.
    """

    numerator: Whole
    denominator: Whole
    shift: int = 0
    mirrored: Whole | None = None


def divided(quantity: Quantity, *, nets: bool) -> Division:
    """The one division of a result; a negative one becomes 0 unless it nets."""
    numerator = times(Constant(quantity.coefficient.numerator), quantity.numerator)
    denominator = times(Constant(quantity.coefficient.denominator), quantity.denominator)
    if not nets:
        return Division(combine("greatest", numerator, Constant(0)), denominator)
    if numerator.low >= 0 or denominator == ONE:
        return Division(numerator, denominator)
    if isinstance(denominator, Constant):
        shift = -(numerator.low // denominator.value)
        lifted = combine("+", numerator, Constant(shift * denominator.value))
        return Division(lifted, denominator, shift=shift)
    less_one = combine("-", denominator, ONE)
    return Division(numerator, denominator, mirrored=combine("-", less_one, numerator))


# Whole numbers


def times(left: Whole, right: Whole) -> Whole:
    """A product, folded where a side is known."""
    if isinstance(right, Constant):
        left, right = right, left
    if isinstance(left, Constant):
        if left.value == 0 or right == ONE:
            return left
        if left.value == 1:
            return right
        if isinstance(right, Constant):
            return _checked(Constant(left.value * right.value))
        if isinstance(right, Operation) and right.operator == "*" and isinstance(right.left, Constant):
            return times(Constant(left.value * right.left.value), right.right)
    corners = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
    return _operation("*", left, right, min(corners), max(corners))


def combine(operator: Literal["+", "-", "least", "greatest"], left: Whole, right: Whole) -> Whole:
    """A sum, difference, least or greatest, folded where the bounds decide it."""
    if operator in ("+", "-"):
        return _added(operator, left, right)
    least = operator == "least"
    if left == right or (left.high <= right.low if least else left.low >= right.high):
        return left
    if right.high <= left.low if least else right.low >= left.high:
        return right
    pick = min if least else max
    return _operation(operator, left, right, pick(left.low, right.low), pick(left.high, right.high))


def _added(operator: Literal["+", "-", "least", "greatest"], left: Whole, right: Whole) -> Whole:
    sign = 1 if operator == "+" else -1
    if right == Constant(0):
        return left
    if left == Constant(0):
        return times(Constant(sign), right)
    if isinstance(left, Constant) and isinstance(right, Constant):
        return _checked(Constant(left.value + sign * right.value))
    low, high = (right.low, right.high) if sign == 1 else (-right.high, -right.low)
    return _operation(operator, left, right, left.low + low, left.high + high)


def choose(test: Test, then: Whole, otherwise: Whole) -> Whole:
    """One of two, folded where the test is decided or both are the same."""
    if isinstance(test, bool):
        return then if test else otherwise
    if then == otherwise:
        return then
    low, high = min(then.low, otherwise.low), max(then.high, otherwise.high)
    nodes = _counted(test.nodes + then.nodes + otherwise.nodes + 1)
    return Either(test, then, otherwise, low, high, nodes)


def _operation(
    operator: Literal["+", "-", "*", "least", "greatest"], left: Whole, right: Whole, low: int, high: int
) -> Whole:
    return _checked(Operation(operator, left, right, low, high, _counted(left.nodes + right.nodes + 1)))


def _checked(whole: Whole) -> Whole:
    if max(-whole.low, whole.high) > WIDEST:
        digits = len(str(max(-whole.low, whole.high)))
        raise TooWide(f"up to {digits} digits")
    return whole


def _counted(nodes: int) -> int:
    if nodes > MAX_NODES:
        raise TooWide(f"the formula unfolds to more than {MAX_NODES} operations")
    return nodes


# Tests


def _compare(operator: ComparisonOperator, left: Whole, right: Whole) -> Test:
    decided = _decided(operator, left, right)
    return (
        decided
        if decided is not None
        else Compare(operator, left, right, _counted(left.nodes + right.nodes + 1))
    )


def _decided(operator: ComparisonOperator, left: Whole, right: Whole) -> bool | None:
    match operator:
        case "<":
            return True if left.high < right.low else False if left.low >= right.high else None
        case "<=":
            return True if left.high <= right.low else False if left.low > right.high else None
        case "==":
            apart = left.high < right.low or left.low > right.high
            same = left.low == left.high == right.low == right.high
            return False if apart else True if same else None
        case _:
            opposite = _decided(OPPOSITE[operator], left, right)
            return None if opposite is None else not opposite


def joined(operator: Literal["and", "or"], left: Test, right: Test) -> Test:
    """``and`` or ``or``, folded where a side is decided."""
    for side, other in ((left, right), (right, left)):
        if isinstance(side, bool):
            return other if side == (operator == "and") else side
    assert not isinstance(left, bool)
    assert not isinstance(right, bool)
    return Join(operator, left, right, _counted(left.nodes + right.nodes + 1))


def negated(test: Test) -> Test:
    """The opposite test: comparisons turn round, ``and`` becomes ``or``."""
    match test:
        case bool():
            return not test
        case Compare(operator, left, right, nodes):
            return Compare(OPPOSITE[operator], left, right, nodes)
        case Join(operator, left, right, _):
            return joined("or" if operator == "and" else "and", negated(left), negated(right))
