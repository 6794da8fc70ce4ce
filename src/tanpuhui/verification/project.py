"""Project: what was found wrong in the sample, carried over to the lot, with a one-sided 95 % upper bound.

Sums are exact fractions. Floats are in quantiles and roots alone, and become milligrams at one place, against the
credit (:func:`against_the_credit`).

With book value b, right value a, d = b - a of an act, strata h with N_h acts of which n_h were drawn:

* mean per unit: D = sum_h N_h mean_h(d), var = sum_h N_h^2 (1 - n_h / N_h) s_h^2(d) / n_h;
* ratio (combined): R = sum_h N_h mean_h(d) / sum_h N_h mean_h(b), D = R B for the known book B, and the variance is
  that of e = d - R b (Cochran, Sampling Techniques, 6.11 and 6.44);
* few errors: where hardly anything is wrong, those variances say too little. Stringer's bound takes the overstated part
  t = d / b of each overstated act, in falling order: B (p(0) + sum_j (p(j) - p(j - 1)) t_j), where p(k) is the upper
  Clopper-Pearson bound of k errors in n. As n stands the number of acts at the rate of the stratum that was drawn most
  thinly for its milligrams.

The bound is the largest of the three: simulated coverage is in tests/verification/test_coverage.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, sqrt
from typing import Any

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Looked:
    """A drawn act: what was credited, and what is right."""

    book_mg: int
    right_mg: int

    @property
    def over_mg(self) -> int:
        return self.book_mg - self.right_mg


@dataclass(frozen=True)
class Stratum:
    """A stratum with all its acts and milligrams, and those that were looked at."""

    count: int
    amount_mg: int
    looked: tuple[Looked, ...]

    def __post_init__(self) -> None:
        assert 1 <= len(self.looked) <= self.count
        assert len(self.looked) >= min(2, self.count), "a variance needs two"


@dataclass(frozen=True)
class Projection:
    """Overstatement of a lot, in mg: estimated twice, and its upper bound from three sides."""

    population_mg: int
    sample: int
    errors: int
    known_mg: int
    mean_per_unit_mg: int
    mean_per_unit_upper_mg: int
    ratio_mg: int
    ratio_upper_mg: int
    few_errors_upper_mg: int
    arithmetic: tuple[str, ...]

    @property
    def estimate_mg(self) -> int:
        """The estimate that decides: the larger of the two."""
        return max(self.ratio_mg, self.mean_per_unit_mg)

    @property
    def upper_mg(self) -> int:
        """The one-sided 95 % upper bound of what is overstated, never above all of it."""
        bounds = (self.ratio_upper_mg, self.mean_per_unit_upper_mg, self.few_errors_upper_mg)
        return min(self.population_mg, max(bounds))

    def as_json(self) -> dict[str, Any]:
        return {
            "population_mg": self.population_mg,
            "sample": self.sample,
            "errors": self.errors,
            "known_mg": self.known_mg,
            "mean_per_unit_mg": self.mean_per_unit_mg,
            "mean_per_unit_upper_mg": self.mean_per_unit_upper_mg,
            "ratio_mg": self.ratio_mg,
            "ratio_upper_mg": self.ratio_upper_mg,
            "few_errors_upper_mg": self.few_errors_upper_mg,
            "estimate_mg": self.estimate_mg,
            "upper_mg": self.upper_mg,
            "confidence": "95% one-sided",
            "arithmetic": list(self.arithmetic),
        }


def project(strata: Sequence[Stratum]) -> Projection:
    """Carry what was found over to all acts of the strata."""
    population_mg = sum(one.amount_mg for one in strata)
    sample = sum(len(one.looked) for one in strata)
    per_unit = sum((_total(one, [act.over_mg for act in one.looked]) for one in strata), Fraction(0))
    book = sum((_total(one, [act.book_mg for act in one.looked]) for one in strata), Fraction(0))
    ratio = per_unit / book
    degrees = sum(len(one.looked) - 1 for one in strata)
    quantile = _student(degrees)
    unit_variance = sum(
        (_variance(one, [Fraction(act.over_mg) for act in one.looked]) for one in strata), Fraction(0)
    )
    ratio_variance = sum(
        (_variance(one, [act.over_mg - ratio * act.book_mg for act in one.looked]) for one in strata),
        Fraction(0),
    )
    everything = all(len(one.looked) == one.count for one in strata)
    few, few_text = (
        (max(Fraction(0), per_unit), "every act was looked at") if everything else _few(strata, population_mg)
    )
    ratio_total = ratio * population_mg
    acts = [act for one in strata for act in one.looked]
    return Projection(
        population_mg=population_mg,
        sample=sample,
        errors=sum(act.over_mg != 0 for act in acts),
        known_mg=sum(act.over_mg for act in acts),
        mean_per_unit_mg=against_the_credit(per_unit),
        mean_per_unit_upper_mg=against_the_credit(per_unit, quantile * _root(unit_variance)),
        ratio_mg=against_the_credit(ratio_total),
        ratio_upper_mg=against_the_credit(ratio_total, quantile * _root(ratio_variance)),
        few_errors_upper_mg=against_the_credit(few),
        arithmetic=(
            f"B = {population_mg} mg in {sum(one.count for one in strata)} acts, {len(strata)} strata, n = {sample}",
            f"mean per unit: D = sum N_h mean(d) = {_shown(per_unit)} mg, s.e. {_root(unit_variance):.0f} mg",
            f"ratio: R = {_shown(per_unit)} / {_shown(book)} = {float(ratio):.6f}, D = R B = {_shown(ratio_total)} mg, "
            f"s.e. {_root(ratio_variance):.0f} mg",
            f"t(0.95; {degrees}) = {quantile:.4f}",
            f"few errors (Stringer): {few_text}: {_shown(few)} mg",
        ),
    )


def against_the_credit(exact: Fraction, statistical: float = 0.0) -> int:
    """Whole milligrams of overstatement, rounded up: the one place where a float becomes an amount."""
    assert statistical >= 0
    return ceil(exact + Fraction(statistical))


def _total(stratum: Stratum, values: Sequence[int]) -> Fraction:
    return Fraction(stratum.count * sum(values), len(values))


def _variance(stratum: Stratum, values: Sequence[Fraction]) -> Fraction:
    """N^2 (1 - n / N) s^2 / n: nothing where all were looked at."""
    drawn, count = len(values), stratum.count
    if drawn == count:
        return Fraction(0)
    mean = sum(values, Fraction(0)) / drawn
    square = sum(((value - mean) ** 2 for value in values), Fraction(0)) / (drawn - 1)
    return count * (count - drawn) * square / drawn


def _few(strata: Sequence[Stratum], population_mg: int) -> tuple[Fraction, str]:
    """Stringer's bound, at the rate of the stratum that was drawn most thinly for its milligrams."""
    rest = [one for one in strata if len(one.looked) < one.count]
    drawn = floor(min(Fraction(len(one.looked) * population_mg, one.amount_mg) for one in rest))
    acts = [act for one in strata for act in one.looked]
    parts = sorted((Fraction(act.over_mg, act.book_mg) for act in acts if act.over_mg > 0), reverse=True)
    drawn = min(drawn, len(acts))
    if len(parts) >= drawn:
        return Fraction(population_mg), f"{len(parts)} overstated acts in n = {drawn}"
    bounds = [Fraction(_share_upper(errors, drawn)) for errors in range(len(parts) + 1)]
    share = bounds[0] + sum(
        ((bounds[place] - bounds[place - 1]) * part for place, part in enumerate(parts, 1)), Fraction(0)
    )
    return (
        share * population_mg,
        f"p(0) = {float(bounds[0]):.5f}, {len(parts)} overstated acts in n = {drawn}",
    )


def _share_upper(errors: int, drawn: int) -> float:
    """The upper Clopper-Pearson bound of a share."""
    from scipy.special import betaincinv

    return float(betaincinv(errors + 1, drawn - errors, CONFIDENCE))


def _student(degrees: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(max(1, degrees), CONFIDENCE))


def _root(variance: Fraction) -> float:
    return sqrt(variance)


def _shown(value: Fraction) -> str:
    return f"{float(value):.1f}"
