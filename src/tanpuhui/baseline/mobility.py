"""Mobility: what people would have emitted for the same kilometres, by the city's modal split and by what they say they
replaced; the smaller of the two is credited, less a deduction for what is uncertain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tanpuhui.baseline.deduction import deduction
from tanpuhui.baseline.refusals import SharesDoNotSum

#: Shares of a published table are rounded.
SHARE_TOLERANCE = 0.0015
Z_90 = 1.645


@dataclass(frozen=True)
class Mode:
    """A way to travel: its factor in g CO2e a passenger-kilometre and the standard error of it, relative."""

    factor_g_pkm: float
    relative_error: float = 0.0


@dataclass(frozen=True)
class Method:
    """One method: grams avoided for each passenger-kilometre, half of the 90 % band as a part of it, and what is left.

    ``half_width_90`` is infinite, and nothing is left, where nothing is avoided.
    """

    avoided_g_pkm: float
    half_width_90: float
    deducted: float
    credited_g_pkm: float


@dataclass(frozen=True)
class Avoided:
    """Both methods. Credited is the smaller of what is left of either after its deduction, never below 0."""

    mean: Method
    substitution: Method

    @property
    def credited_g_pkm(self) -> float:
        return min(self.mean.credited_g_pkm, self.substitution.credited_g_pkm)


def avoided(
    ridden: Mode,
    modes: Mapping[str, Mode],
    *,
    split: Mapping[str, float],
    replaced: Mapping[str, float],
    asked: int,
    split_asked: int = 0,
    excluded: frozenset[str] = frozenset(),
    rebound: float = 0.0,
) -> Avoided:
    """Per passenger-kilometre: (sum of share x factor - factor of the mode ridden) x (1 - rebound).

    Shares sum to 1 with walking and trips not made, whose factor is 0; rounded ones are never more together. What a
    methodology excludes (such as walking) leaves the modal split and the rest is scaled to 1; it stays among what
    people say they replaced, where to leave it out would credit more. ``asked`` is how many answered what they
    replaced, ``split_asked`` how many the modal split is from: their multinomial errors (0: counted, not asked, so
    there is none).
    """
    kept = {mode: share for mode, share in _checked(split).items() if mode not in excluded}
    whole = sum(kept.values())
    scaled = {mode: share / whole for mode, share in kept.items()} if whole else {}
    return Avoided(
        mean=_method(scaled, modes, split_asked, ridden, rebound),
        substitution=_method(_at_most_whole(_checked(replaced)), modes, asked, ridden, rebound),
    )


def _method(
    shares: Mapping[str, float], modes: Mapping[str, Mode], asked: int, ridden: Mode, rebound: float
) -> Method:
    saved = (_baseline(shares, modes) - ridden.factor_g_pkm) * (1 - rebound)
    if saved <= 0:
        return Method(saved, math.inf, 1.0, 0.0)
    error = math.sqrt(_variance(shares, modes, asked) + (ridden.factor_g_pkm * ridden.relative_error) ** 2)
    half_width = Z_90 * error * (1 - rebound) / saved
    deducted = min(deduction(half_width), 1.0)
    return Method(saved, half_width, deducted, saved * (1 - deducted))


def _checked(shares: Mapping[str, float]) -> dict[str, float]:
    if abs(sum(shares.values()) - 1) > SHARE_TOLERANCE or any(share < 0 for share in shares.values()):
        raise SharesDoNotSum(total=round(sum(shares.values()), 4))
    return dict(shares)


def _at_most_whole(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares that rounding has brought above 1 in all are scaled to 1; what lacks to 1 avoids nothing."""
    whole = max(sum(shares.values()), 1.0)
    return {mode: share / whole for mode, share in shares.items()}


def _baseline(shares: Mapping[str, float], modes: Mapping[str, Mode]) -> float:
    return sum(share * modes[mode].factor_g_pkm for mode, share in shares.items())


def _variance(shares: Mapping[str, float], modes: Mapping[str, Mode], asked: int) -> float:
    """Of the baseline: the factors' errors, and the multinomial error of the shares of those who were asked."""
    factors = sum(
        (share * modes[mode].factor_g_pkm * modes[mode].relative_error) ** 2 for mode, share in shares.items()
    )
    if not asked:
        return factors
    mean = _baseline(shares, modes)
    spread = sum(share * (modes[mode].factor_g_pkm - mean) ** 2 for mode, share in shares.items())
    return factors + spread / asked
