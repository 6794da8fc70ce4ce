"""Size: how many acts a sample needs for a precision, with the arithmetic; exact, no floats.

n = z^2 V / d^2 for a share p, V = (1 - p) / p and d relative (CDM sampling: 90/10 gives 271 for p = 0.5, 68 for 0.8);
times the design effect 1 + (m - 1) ICC; corrected for a finite population, n N / (n + N - 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

from tanpuhui.kit.exact import format_fraction, share_out

#: Confidence in per cent over precision in per cent: the two-sided normal quantile, and the relative half-width.
PRECISIONS = {
    "90/10": (Fraction("1.645"), Fraction("0.1")),
    "95/5": (Fraction("1.96"), Fraction("0.05")),
}
#: Acts of a stratum that are drawn at least, if it has them: its variance is estimated from them.
LEAST = 2


@dataclass(frozen=True)
class Wanted:
    """A precision and what is assumed: the share that agrees, acts to a cluster, and how alike those are (ICC)."""

    precision: str
    share: Fraction = Fraction(1, 2)
    cluster: Fraction = Fraction(1)
    icc: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        assert self.precision in PRECISIONS
        assert 0 < self.share < 1
        assert self.cluster >= 1
        assert 0 <= self.icc <= 1

    @property
    def design_effect(self) -> Fraction:
        return 1 + (self.cluster - 1) * self.icc

    def as_json(self) -> dict[str, Any]:
        return {
            "precision": self.precision,
            "share": format_fraction(self.share),
            "cluster": format_fraction(self.cluster),
            "icc": format_fraction(self.icc),
        }


@dataclass(frozen=True)
class Size:
    """A sample's size and how it came about, line by line."""

    acts: int
    arithmetic: tuple[str, ...]


def size_of(wanted: Wanted, population: int) -> Size:
    """How many acts of a population are to be looked at: one at least, all at most; rounded up.

    >>> size_of(Wanted("90/10", Fraction("0.8")), 10**9).acts
    68
    """
    assert population >= 1
    z, d = PRECISIONS[wanted.precision]
    variance = (1 - wanted.share) / wanted.share
    simple = z * z * variance / (d * d)
    effect = wanted.design_effect
    clustered = simple * effect
    finite = clustered * population / (clustered + population - 1)
    acts = min(population, max(1, ceil(finite)))
    share, cluster, icc = (format_fraction(one) for one in (wanted.share, wanted.cluster, wanted.icc))
    return Size(
        acts,
        (
            f"V = (1 - p) / p = (1 - {share}) / {share} = {_shown(variance)}",
            f"n0 = z^2 V / d^2 = {format_fraction(z)}^2 * {_shown(variance)} / {format_fraction(d)}^2"
            f" = {_shown(simple)}",
            f"deff = 1 + (m - 1) ICC = 1 + ({cluster} - 1) * {icc} = {_shown(effect)}",
            f"n1 = n0 * deff = {_shown(clustered)}",
            f"n = n1 N / (n1 + N - 1), N = {population}: {_shown(finite)}, rounded up to {acts}",
        ),
    )


def allocate(acts: int, counts: Sequence[int], amounts_mg: Sequence[int]) -> list[int]:
    """Acts to draw from each stratum: in proportion to its milligrams, two at least, all at most.

    What a stratum that is drawn whole cannot take goes to the others, so that the sum is the sample's size or a little
    more: no stratum is left without a variance.

    >>> allocate(10, [100, 100, 1], [700, 200, 100])
    [7, 2, 1]
    """
    assert acts <= sum(counts)
    whole: set[int] = set()
    while True:
        rest = [place for place in range(len(counts)) if place not in whole]
        left = max(0, acts - sum(counts[place] for place in whole))
        shared = (
            dict(zip(rest, share_out(left, [amounts_mg[place] for place in rest]), strict=True))
            if rest
            else {}
        )
        full = {place for place, part in shared.items() if part >= counts[place]}
        if not full:
            break
        whole |= full
    return [
        count if place in whole else min(count, max(LEAST, shared[place]))
        for place, count in enumerate(counts)
    ]


def _shown(value: Fraction) -> str:
    """A fraction with four digits after the point, cut off: for reading; what is used is the fraction."""
    cut = value.numerator * 10_000 // value.denominator
    return format_fraction(Fraction(cut, 10_000))
