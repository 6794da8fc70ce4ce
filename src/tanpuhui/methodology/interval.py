"""Interval: between which bounds an exact number lies, and of what it is a multiple."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd


@dataclass(frozen=True, slots=True)
class Interval:
    """Closed bounds; the number is a multiple of ``grid`` (0: it is 0; None: not known to be a multiple).

    The grid is what makes ``x > 0`` say how far from 0 x is: a whole number of metres above 0 is 1 or more.
    """

    low: Fraction
    high: Fraction
    grid: Fraction | None = None

    def __post_init__(self) -> None:
        assert self.low <= self.high

    def __contains__(self, value: Fraction) -> bool:
        return self.low <= value <= self.high

    @property
    def sign(self) -> int | None:
        """1 above 0, -1 below 0, 0 for 0 itself, None when that is open."""
        if self.low > 0:
            return 1
        if self.high < 0:
            return -1
        return 0 if self.low == self.high else None

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low, self.grid)

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high, common_grid(self.grid, other.grid))

    def __sub__(self, other: Interval) -> Interval:
        return self + -other

    def __mul__(self, other: Interval) -> Interval:
        corners = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        grid = None if self.grid is None or other.grid is None else self.grid * other.grid
        return Interval(min(corners), max(corners), grid)

    def squared(self) -> Interval:
        """Bounds of the number times itself, which is never below 0."""
        product = self * self
        return Interval(max(product.low, Fraction(0)), product.high, product.grid)

    def __truediv__(self, other: Interval) -> Interval:
        assert other.sign in (1, -1), "the caller has proven that the divisor is not 0"
        corners = [a / b for a in (self.low, self.high) for b in (other.low, other.high)]
        exact = other.low == other.high and self.grid is not None
        grid = abs(self.grid / other.low) if exact and self.grid is not None else None
        return Interval(min(corners), max(corners), grid)

    def least(self, other: Interval) -> Interval:
        """Bounds of the smaller one of two numbers."""
        return Interval(
            min(self.low, other.low), min(self.high, other.high), common_grid(self.grid, other.grid)
        )

    def greatest(self, other: Interval) -> Interval:
        """Bounds of the greater one of two numbers."""
        return Interval(
            max(self.low, other.low), max(self.high, other.high), common_grid(self.grid, other.grid)
        )

    def hull(self, other: Interval) -> Interval:
        """Bounds of a number that is one or the other."""
        return Interval(
            min(self.low, other.low), max(self.high, other.high), common_grid(self.grid, other.grid)
        )

    def intersect(self, other: Interval) -> Interval | None:
        """Bounds of a number that is in both; None when there is none. The grid stays this one's."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Interval(low, high, self.grid) if low <= high else None

    def above(self, floor: Fraction, *, strictly: bool) -> Interval | None:
        """What is left at or above ``floor``; None when nothing is."""
        if strictly and self.high <= floor:
            return None
        low = max(self.low, _next_on(self.grid, floor, strictly))
        return Interval(low, self.high, self.grid) if low <= self.high else None

    def below(self, ceiling: Fraction, *, strictly: bool) -> Interval | None:
        """What is left at or below ``ceiling``; None when nothing is."""
        mirrored = (-self).above(-ceiling, strictly=strictly)
        return None if mirrored is None else -mirrored

    def without(self, value: Fraction) -> Interval | None:
        """What is left when one value is impossible: only a bound can move."""
        if self.low == self.high == value:
            return None
        if self.low == value:
            return self.above(value, strictly=True)
        if self.high == value:
            return self.below(value, strictly=True)
        return self


def exactly(value: Fraction) -> Interval:
    """The interval of one number."""
    return Interval(value, value, abs(value))


def common_grid(left: Fraction | None, right: Fraction | None) -> Fraction | None:
    """The greatest number that both are multiples of.

    >>> common_grid(Fraction(1, 2), Fraction(1, 3))
    Fraction(1, 6)
    """
    if left is None or right is None:
        return None
    numerator = gcd(left.numerator * right.denominator, right.numerator * left.denominator)
    return Fraction(numerator, left.denominator * right.denominator)


def _next_on(grid: Fraction | None, floor: Fraction, strictly: bool) -> Fraction:
    """The smallest multiple of the grid at or above the floor (above it, when strictly)."""
    if not grid:
        return floor
    steps = -((-floor) // grid)
    if strictly and steps * grid == floor:
        steps += 1
    return steps * grid
