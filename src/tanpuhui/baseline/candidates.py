"""Candidates: every degree-day model of CalTRACK 2.0 for many meters at once, and the one that fits each best.

A candidate is ``use per day = intercept + beta_hdd x HDD(h) + beta_cdd x CDD(c)`` with balance points 30 to 90 F in
steps of 1 F (3.2.1, 3.2.3) and h <= c (3.2.2.1). Sums of squares and products of all balance points come from a few
matrix products; the 2,014 candidates of a meter are then solved from them in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tanpuhui.baseline.arrays import Flags, Floats, Whole

BALANCE_POINTS_F: Floats = np.arange(30.0, 91.0)
#: Degree days that a candidate needs over its baseline (3.2.2.2.2).
LEAST_DEGREE_DAYS = 20.0
#: Days with any, for daily reads; bills need none (3.2.2.2.1).
LEAST_DAYS_WITH_ANY = 10
#: Two R2 closer than this are one; then the simpler model, and the lower balance point, is taken.
SAME_R2 = 1e-11

INTERCEPT_ONLY, HEATING, COOLING, BOTH = 0, 1, 2, 3
KINDS = ("intercept_only", "hdd_only", "cdd_only", "cdd_hdd")

_POINTS = len(BALANCE_POINTS_F)
#: Pairs in the order in which CalTRACK's reference implementation tries them.
_COOLING_OF_PAIR, _HEATING_OF_PAIR = np.tril_indices(_POINTS)


@dataclass(frozen=True)
class DegreeDays:
    """Mean degree days a day for each period and balance point, of one place (periods, points) or of each meter
    (meters, periods, points).

    On a single day there is never heating at h and cooling at c >= h, so ``apart`` saves the products of the pairs.
    """

    heating: Floats
    cooling: Floats
    apart: bool = False

    @classmethod
    def of_days(cls, temperature_f: Floats) -> DegreeDays:
        """Of the mean temperature of each day, one row of days for all meters or a row for each."""
        above = temperature_f[..., None] - BALANCE_POINTS_F
        return cls(heating=np.maximum(-above, 0.0), cooling=np.maximum(above, 0.0), apart=True)


@dataclass(frozen=True)
class Moments:
    """Weighted sums over a meter's periods, about their means: one row a meter."""

    use: Floats
    use_mean: Floats
    heating_mean: Floats
    cooling_mean: Floats
    heating_days: Floats
    cooling_days: Floats
    heating: Floats
    cooling: Floats
    heating_use: Floats
    cooling_use: Floats
    heating_cooling: Floats


@dataclass(frozen=True)
class Choice:
    """The candidate of each meter: its kind and its balance points as places in ``BALANCE_POINTS_F``."""

    kind: Whole
    heating_point: Whole
    cooling_point: Whole
    r_squared_adj: Floats


def choose(
    use_per_day: Floats, weight: Floats, degree_days: DegreeDays, *, least_days: int, cooling: bool
) -> Choice:
    """The best candidate for each meter by adjusted R2 (3.4.3.3), of those without a negative coefficient.

    ``use_per_day`` and ``weight`` are (meters, periods); a weight of 0 leaves a period out, otherwise it is its days.
    Without ``cooling`` (gas) only heating models are tried.
    """
    sums = moments(use_per_day, weight, degree_days)
    periods = (weight > 0).sum(axis=1)
    total = weight.sum(axis=1, keepdims=True)
    enough_h = (total * sums.heating_mean >= LEAST_DEGREE_DAYS) & (sums.heating_days >= least_days)
    enough_c = (total * sums.cooling_mean >= LEAST_DEGREE_DAYS) & (sums.cooling_days >= least_days) & cooling
    scores = [np.zeros((len(use_per_day), 1))]
    scores.append(_score_one(sums, periods, enough_h, heating=True))
    scores.append(_score_one(sums, periods, enough_c, heating=False))
    if cooling:
        scores.append(_score_two(sums, periods, enough_h, enough_c))
    score = np.concatenate(scores, axis=1)
    place = np.argmax(score >= score.max(axis=1, keepdims=True) - SAME_R2, axis=1)
    return _choice(place, np.take_along_axis(score, place[:, None], axis=1)[:, 0])


def moments(use_per_day: Floats, weight: Floats, degree_days: DegreeDays) -> Moments:
    """Sums of squares and products about the weighted means."""
    total = np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    use = np.where(weight > 0, use_per_day, 0.0)
    use_mean = (weight * use).sum(axis=1, keepdims=True) / total
    use = np.where(weight > 0, use - use_mean, 0.0)
    weighted = weight * use
    shared = degree_days.heating.ndim == 2
    products = _products_of_one_place if shared else _products_of_each
    heating_mean, cooling_mean, h, c, hu, cu, hc, heating_days, cooling_days = products(
        weight, total, weighted, degree_days
    )
    if hc is None:
        hc = -total * heating_mean[:, _HEATING_OF_PAIR] * cooling_mean[:, _COOLING_OF_PAIR]
    return Moments(
        use=(weighted * use).sum(axis=1, keepdims=True),
        use_mean=use_mean,
        heating_mean=heating_mean,
        cooling_mean=cooling_mean,
        heating_days=heating_days,
        cooling_days=cooling_days,
        heating=h,
        cooling=c,
        heating_use=hu,
        cooling_use=cu,
        heating_cooling=hc,
    )


def _products_of_one_place(
    weight: Floats, total: Floats, weighted_use: Floats, degree_days: DegreeDays
) -> tuple[Any, ...]:
    """All meters share their degree days: products of (meters, periods) with (periods, points)."""
    h0, c0 = degree_days.heating.mean(axis=0), degree_days.cooling.mean(axis=0)
    h, c = degree_days.heating - h0, degree_days.cooling - c0
    off_h, off_c = weight @ h / total, weight @ c / total
    used = (weight > 0).astype(np.float64)
    crossed = None
    if not degree_days.apart:
        pairs = h[:, _HEATING_OF_PAIR] * c[:, _COOLING_OF_PAIR]
        crossed = weight @ pairs - total * off_h[:, _HEATING_OF_PAIR] * off_c[:, _COOLING_OF_PAIR]
    return (
        h0 + off_h,
        c0 + off_c,
        weight @ (h * h) - total * off_h**2,
        weight @ (c * c) - total * off_c**2,
        weighted_use @ h,
        weighted_use @ c,
        crossed,
        used @ (degree_days.heating > 0),
        used @ (degree_days.cooling > 0),
    )


def _products_of_each(
    weight: Floats, total: Floats, weighted_use: Floats, degree_days: DegreeDays
) -> tuple[Any, ...]:
    """Each meter has degree days of its own, as with bills."""
    w = weight[:, :, None]
    kept_h = np.where(w > 0, degree_days.heating, 0.0)
    kept_c = np.where(w > 0, degree_days.cooling, 0.0)
    mean_h, mean_c = (w * kept_h).sum(axis=1) / total, (w * kept_c).sum(axis=1) / total
    h, c = kept_h - mean_h[:, None, :], kept_c - mean_c[:, None, :]
    crossed = None
    if not degree_days.apart:
        crossed = np.matmul((w * h).transpose(0, 2, 1), c)[:, _HEATING_OF_PAIR, _COOLING_OF_PAIR]
    return (
        mean_h,
        mean_c,
        (w * h * h).sum(axis=1),
        (w * c * c).sum(axis=1),
        np.matmul(weighted_use[:, None, :], h)[:, 0],
        np.matmul(weighted_use[:, None, :], c)[:, 0],
        crossed,
        (kept_h > 0).sum(axis=1),
        (kept_c > 0).sum(axis=1),
    )


def _score_one(sums: Moments, periods: Whole, enough: Flags, *, heating: bool) -> Floats:
    """Adjusted R2 of candidates with one slope; minus infinity where a candidate is not qualified."""
    square = sums.heating if heating else sums.cooling
    product = sums.heating_use if heating else sums.cooling_use
    mean = sums.heating_mean if heating else sums.cooling_mean
    with np.errstate(invalid="ignore", divide="ignore"):
        beta = product / square
        score = _adjusted(beta * product / sums.use, periods, slopes=1)
        qualified = enough & (square > 0) & (beta >= 0) & (sums.use_mean - beta * mean >= 0)
    return np.where(qualified & np.isfinite(score), score, -np.inf)


def _score_two(sums: Moments, periods: Whole, enough_h: Flags, enough_c: Flags) -> Floats:
    """Adjusted R2 of the pairs; a pair whose two columns are one and the same up to a factor is not tried."""
    h, c = _HEATING_OF_PAIR, _COOLING_OF_PAIR
    hh, cc, hc = sums.heating[:, h], sums.cooling[:, c], sums.heating_cooling
    hu, cu = sums.heating_use[:, h], sums.cooling_use[:, c]
    determinant = hh * cc - hc * hc
    with np.errstate(invalid="ignore", divide="ignore"):
        beta_h = (hu * cc - cu * hc) / determinant
        beta_c = (cu * hh - hu * hc) / determinant
        score = _adjusted((beta_h * hu + beta_c * cu) / sums.use, periods, slopes=2)
        intercept = sums.use_mean - beta_h * sums.heating_mean[:, h] - beta_c * sums.cooling_mean[:, c]
        qualified = enough_h[:, h] & enough_c[:, c] & (determinant > 1e-10 * hh * cc)
        qualified &= (beta_h >= 0) & (beta_c >= 0) & (intercept >= 0)
    return np.where(qualified & np.isfinite(score), score, -np.inf)


def _adjusted(r_squared: Floats, periods: Whole, *, slopes: int) -> Floats:
    """R2 adjusted for the number of slopes; undefined where no degree of freedom is left."""
    left = (periods - slopes - 1).astype(np.float64)[:, None]
    inflation = np.where(left > 0, (periods[:, None] - 1) / np.where(left > 0, left, 1), np.nan)
    return 1 - (1 - r_squared) * inflation


def _choice(place: Whole, score: Floats) -> Choice:
    one = place - 1
    two = np.clip(place - 1 - 2 * _POINTS, 0, len(_COOLING_OF_PAIR) - 1)
    kind = np.select(
        [place == 0, place <= _POINTS, place <= 2 * _POINTS], [INTERCEPT_ONLY, HEATING, COOLING], BOTH
    )
    heating = np.where(kind == HEATING, one, np.where(kind == BOTH, _HEATING_OF_PAIR[two], 0))
    cooling = np.where(kind == COOLING, one - _POINTS, np.where(kind == BOTH, _COOLING_OF_PAIR[two], 0))
    return Choice(kind=kind, heating_point=heating, cooling_point=cooling, r_squared_adj=score)
