"""Tonnes: as people write them, exactly in milligrams, and back."""

from __future__ import annotations

from fractions import Fraction

from tanpuhui.kit.exact import format_fraction, parse_decimal
from tanpuhui.kit.refusal import Refusal

TONNE_MG = 1_000_000_000
#: 9,000,000,000 t are 9e18 mg, which fit 64 bits.
MOST_T = 9_000_000_000
PLACES = 9


class BadTonnes(Refusal):
    code = "kit.bad_tonnes"
    message = (
        "{name} {given!r} {problem}. "
        "Give tonnes as a plain number from 0 on with at most 9 decimals, such as 1000000."
    )


def parse_tonnes(text: str, *, name: str) -> int:
    """Tonnes in milligrams; refuses what is no plain number, negative, too large, or finer than a milligram.

    >>> parse_tonnes("0.000000001", name="amount")
    1
    """
    try:
        tonnes = parse_decimal(text)
    except ValueError:
        raise BadTonnes(name=name, given=text[:40], problem="is not a plain number") from None
    if tonnes < 0:
        raise BadTonnes(name=name, given=text[:40], problem="is negative")
    if tonnes > MOST_T:
        raise BadTonnes(name=name, given=text[:40], problem=f"is more than {MOST_T:,} t")
    amount_mg = tonnes * TONNE_MG
    if amount_mg.denominator != 1:
        raise BadTonnes(name=name, given=text[:40], problem=f"has more than {PLACES} decimals")
    return int(amount_mg)


def in_tonnes(amount_mg: int) -> str:
    """Milligrams as exact tonnes.

    >>> in_tonnes(100_000_000_000_001)
    '100000.000000001 t'
    """
    return f"{format_fraction(Fraction(amount_mg, TONNE_MG))} t"
