"""Direction: does a formula's value rise, fall or stay when one field grows? Proven, or not known."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from tanpuhui.methodology.bounds import Scope, bounds_of, narrow
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
)


class Direction(Enum):
    """RISES means never falls; FALLS means never rises; for a condition, RISES is from false to true."""

    STAYS = 0
    RISES = 1
    FALLS = -1
    OPEN = None

    def flipped(self) -> Direction:
        return {Direction.RISES: Direction.FALLS, Direction.FALLS: Direction.RISES}.get(self, self)

    def joined(self, other: Direction) -> Direction:
        """The direction of what both push."""
        if other in (Direction.STAYS, self):
            return self
        return other if self is Direction.STAYS else Direction.OPEN

    @property
    def never_falls(self) -> bool:
        return self in (Direction.STAYS, Direction.RISES)

    @property
    def never_rises(self) -> bool:
        return self in (Direction.STAYS, Direction.FALLS)


Directions = Mapping[str, Direction]


def direction_of(expression: Expression, names: Directions, scope: Scope) -> Direction:
    """The direction of a number or a condition, from the directions of its names (missing ones stay)."""
    match expression:
        case Number():
            return Direction.STAYS
        case Name(name):
            return names.get(name, Direction.STAYS)
        case Negation(operand) | Not(operand):
            return direction_of(operand, names, scope).flipped()
        case Arithmetic():
            return _arithmetic(expression, names, scope)
        case Extreme(_, operands):
            return _joined([direction_of(operand, names, scope) for operand in operands])
        case Choice():
            return _choice(expression, names, scope)
        case Comparison(operator, left, right):
            difference = direction_of(left, names, scope).joined(direction_of(right, names, scope).flipped())
            if operator in ("==", "!="):
                return difference if difference is Direction.STAYS else Direction.OPEN
            return difference if operator in (">", ">=") else difference.flipped()
        case Logic(operator, left, right):
            return _logic(left, right, operator == "and", names, scope)


def _joined(directions: list[Direction]) -> Direction:
    whole = Direction.STAYS
    for direction in directions:
        whole = whole.joined(direction)
    return whole


def _logic(left: Expression, right: Expression, is_and: bool, names: Directions, scope: Scope) -> Direction:
    reached = narrow(left, is_and, scope)
    first = direction_of(left, names, scope)
    return first if reached is None else first.joined(direction_of(right, names, reached))


def _arithmetic(expression: Arithmetic, names: Directions, scope: Scope) -> Direction:
    left = direction_of(expression.left, names, scope)
    right = direction_of(expression.right, names, scope)
    match expression.operator:
        case "+":
            return left.joined(right)
        case "-":
            return left.joined(right.flipped())
        case "*":
            return _scaled(left, expression.right, scope).joined(_scaled(right, expression.left, scope))
        case "/":
            over = _scaled(left, expression.right, scope)
            under = _scaled(right.flipped(), expression.left, scope)
            return over.joined(under)


def _scaled(direction: Direction, factor: Expression, scope: Scope) -> Direction:
    """The direction of something times a factor (or through a divisor) of a known sign."""
    if direction is Direction.STAYS:
        return direction
    bounds = bounds_of(factor, scope)
    if bounds.low >= 0:
        return direction
    return direction.flipped() if bounds.high <= 0 else Direction.OPEN


def _choice(choice: Choice, names: Directions, scope: Scope) -> Direction:
    met, unmet = narrow(choice.condition, True, scope), narrow(choice.condition, False, scope)
    if met is None or unmet is None:
        branch, reached = (choice.otherwise, unmet) if met is None else (choice.then, met)
        assert reached is not None
        return direction_of(branch, names, reached)
    branches = direction_of(choice.then, names, met).joined(direction_of(choice.otherwise, names, unmet))
    switch = direction_of(choice.condition, names, scope)
    if switch is Direction.STAYS or branches is Direction.OPEN or switch is Direction.OPEN:
        return branches if switch is Direction.STAYS else Direction.OPEN
    then, otherwise = bounds_of(choice.then, met), bounds_of(choice.otherwise, unmet)
    before, after = (otherwise, then) if switch is Direction.RISES else (then, otherwise)
    if branches.never_falls and before.high <= after.low:
        return Direction.RISES
    if branches.never_rises and before.low >= after.high:
        return Direction.FALLS
    return Direction.OPEN
