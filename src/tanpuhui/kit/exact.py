"""Exact numbers: decimals as fractions, and sharing a whole among many without losing a unit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)

_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")


def parse_decimal(text: str) -> Fraction:
    """A plain decimal as an exact fraction; raises ``ValueError`` on anything else (exponents, spaces, NaN).

    >>> parse_decimal("46.7")
    Fraction(467, 10)
    """
    if not _DECIMAL.match(text):
        raise ValueError(f"{text!r} is not a plain decimal such as 46.7")
    return Fraction(text)


def format_fraction(value: Fraction) -> str:
    """A fraction as a decimal where it ends, and as ``p/q`` where it does not.

    >>> format_fraction(Fraction(467, 10)), format_fraction(Fraction(1, 3))
    ('46.7', '1/3')
    """
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    if places == 0:
        return str(value.numerator)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def share_out(whole: int, weights: Sequence[int]) -> list[int]:
    """Share a whole in proportion to weights, by largest remainder; the parts sum to the whole.

    Every part is at most its weight when the whole is at most the sum of the weights. Equal remainders go
    to the earlier weight, so the caller's order decides and must be a stable one.

    >>> share_out(10, [1, 1, 1])
    [4, 3, 3]
    """
    total = sum(weights)
    assert whole >= 0
    assert total > 0
    assert all(weight >= 0 for weight in weights)
    parts = [whole * weight // total for weight in weights]
    remainders = [whole * weight % total for weight in weights]
    left = whole - sum(parts)
    for index in sorted(range(len(weights)), key=lambda i: (-remainders[i], i))[:left]:
        parts[index] += 1
    return parts
