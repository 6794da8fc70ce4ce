"""Fit: CalTRACK daily and billing models of thousands of meters, with what their bands are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tanpuhui.baseline.arrays import Flags, Floats, Whole, correlation, packed
from tanpuhui.baseline.candidates import (
    BALANCE_POINTS_F,
    BOTH,
    COOLING,
    HEATING,
    LEAST_DAYS_WITH_ANY,
    Choice,
    DegreeDays,
    choose,
)

#: Meters solved together: few, so that their tables stay in the cache and the products on one core.
AT_ONCE = 16


@dataclass(frozen=True)
class Fits:
    """One model a meter, a place in each array; temperatures in F, use in the meter's unit (kWh, therm).

    A slope that a model does not have is 0 and its balance point NaN. ``residual`` is predicted less observed,
    (meters, periods), as a total of each period.
    """

    method: str
    kind: Whole
    intercept: Floats
    beta_hdd: Floats
    beta_cdd: Floats
    heating_f: Floats
    cooling_f: Floats
    r_squared_adj: Floats
    periods: Whole
    slopes: Whole
    mean_use: Floats
    rmse_adj: Floats
    autocorrelation: Floats
    interquartile: Floats
    residual: Floats

    @property
    def cvrmse_adj(self) -> Floats:
        """RMSE over the mean; NaN where the mean is not positive, never infinite."""
        return _ratio(self.rmse_adj, self.mean_use)

    @property
    def pnrmse_adj(self) -> Floats:
        """RMSE over the interquartile range; NaN where that is 0."""
        return _ratio(self.rmse_adj, self.interquartile)

    @property
    def periods_independent(self) -> Floats:
        """P' of CalTRACK 4.3.2: the periods that would tell as much if they did not follow one another."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.periods * (1 - self.autocorrelation) / (1 + self.autocorrelation))


def fit_days(use: Floats, temperature_f: Floats, *, cooling: bool = True) -> Fits:
    """Fit daily reads: ``use`` (meters, days) with NaN where missing, ``temperature_f`` (days) of one place for all
    meters or (meters, days). Ordinary least squares (3.4.1)."""
    fits = []
    for first in range(0, len(use), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        temperature = temperature_f if temperature_f.ndim == 1 else temperature_f[some]
        known = np.isfinite(use[some]) & np.isfinite(temperature)
        degree_days = DegreeDays.of_days(np.where(np.isfinite(temperature), temperature, 0.0))
        weight = known.astype(np.float64)
        choice = choose(use[some], weight, degree_days, least_days=LEAST_DAYS_WITH_ANY, cooling=cooling)
        fits.append(_fits("caltrack-daily", use[some], weight, degree_days, choice))
    return _joined(fits)


def fit_bills(use_per_day: Floats, days: Floats, degree_days: DegreeDays, *, cooling: bool = True) -> Fits:
    """Fit bills: mean use a day and days of each bill (meters, bills), and their degree days (meters, bills, points).

    Weighted least squares by days (3.4.2); a bill that is missing has NaN for its use.
    """
    known = np.isfinite(use_per_day) & np.isfinite(degree_days.heating[:, :, 0])
    weight = np.where(known, days, 0.0)
    clean = DegreeDays(
        heating=np.where(known[:, :, None], degree_days.heating, 0.0),
        cooling=np.where(known[:, :, None], degree_days.cooling, 0.0),
    )
    fits = []
    for first in range(0, len(use_per_day), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        own = DegreeDays(heating=clean.heating[some], cooling=clean.cooling[some])
        choice = choose(use_per_day[some], weight[some], own, least_days=0, cooling=cooling)
        fits.append(_fits("caltrack-billing", use_per_day[some], weight[some], own, choice))
    return _joined(fits)


def is_weak(fits: Fits) -> Flags:
    """Models whose error is larger than the mean use, and than 1.6 interquartile ranges, or not defined (4.3.2.1)."""
    return ~((fits.cvrmse_adj <= 1.0) | (fits.pnrmse_adj <= 1.6))


def predict(fits: Fits, heating: Floats, cooling: Floats) -> Floats:
    """Use a day of each meter from its mean degree days (meters, periods) at its own balance points."""
    return fits.intercept[:, None] + fits.beta_hdd[:, None] * heating + fits.beta_cdd[:, None] * cooling


def degree_days_of(fits: Fits, temperature_f: Floats) -> tuple[Floats, Floats]:
    """Heating and cooling degree days of days at each meter's balance points, (meters, days); NaN stays NaN."""
    days = np.broadcast_to(temperature_f, (len(fits.kind), temperature_f.shape[-1]))
    heating = np.where(np.isfinite(fits.heating_f), fits.heating_f, -np.inf)[:, None] - days
    cooling = days - np.where(np.isfinite(fits.cooling_f), fits.cooling_f, np.inf)[:, None]
    return np.maximum(heating, 0.0), np.maximum(cooling, 0.0)


def _fits(method: str, use: Floats, weight: Floats, degree_days: DegreeDays, choice: Choice) -> Fits:
    """The coefficients of the chosen candidates, solved again from their own columns, and their residuals."""
    has_h = np.isin(choice.kind, (HEATING, BOTH))
    has_c = np.isin(choice.kind, (COOLING, BOTH))
    h = np.where(has_h[:, None], _column(degree_days.heating, choice.heating_point), 0.0)
    c = np.where(has_c[:, None], _column(degree_days.cooling, choice.cooling_point), 0.0)
    intercept, beta_h, beta_c = _solved(use, weight, h, c, has_h & has_c)
    predicted = intercept[:, None] + beta_h[:, None] * h + beta_c[:, None] * c
    total = np.where(weight > 0, use * weight, np.nan)
    residual = np.where(weight > 0, predicted * weight, np.nan) - total
    periods = (weight > 0).sum(axis=1)
    slopes = has_h.astype(np.int64) + has_c
    squares = np.where(weight > 0, residual, 0.0) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        rmse_adj = np.sqrt(squares.sum(axis=1) / np.where(periods > slopes, periods - slopes, np.nan))
        mean_use = np.where(weight > 0, total, 0.0).sum(axis=1) / np.where(periods > 0, periods, np.nan)
    following = packed(residual)
    return Fits(
        method=method,
        kind=choice.kind,
        intercept=intercept,
        beta_hdd=beta_h,
        beta_cdd=beta_c,
        heating_f=np.where(has_h, BALANCE_POINTS_F[choice.heating_point], np.nan),
        cooling_f=np.where(has_c, BALANCE_POINTS_F[choice.cooling_point], np.nan),
        r_squared_adj=choice.r_squared_adj,
        periods=periods,
        slopes=slopes,
        mean_use=mean_use,
        rmse_adj=rmse_adj,
        autocorrelation=correlation(following[:, 1:], following[:, :-1]),
        interquartile=_interquartile(total),
        residual=residual,
    )


def _column(degree_days: Floats, point: Whole) -> Floats:
    """The column of each meter's balance point, (meters, periods)."""
    if degree_days.ndim == 2:
        return degree_days[:, point].T
    return np.take_along_axis(degree_days, point[:, None, None], axis=2)[:, :, 0]


def _solved(
    use: Floats, weight: Floats, h: Floats, c: Floats, both: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> tuple[Floats, Floats, Floats]:
    """Weighted least squares on the columns about their means."""
    total = np.maximum(weight.sum(axis=1), np.finfo(float).tiny)
    means = [(weight * np.where(weight > 0, x, 0.0)).sum(axis=1) / total for x in (use, h, c)]
    u, h0, c0 = (np.where(weight > 0, x - m[:, None], 0.0) for x, m in zip((use, h, c), means, strict=True))
    hh, cc, hc = (
        (weight * h0 * h0).sum(axis=1),
        (weight * c0 * c0).sum(axis=1),
        (weight * h0 * c0).sum(axis=1),
    )
    hu, cu = (weight * h0 * u).sum(axis=1), (weight * c0 * u).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        determinant = hh * cc - hc * hc
        beta_h = np.where(both, (hu * cc - cu * hc) / determinant, np.where(hh > 0, hu / hh, 0.0))
        beta_c = np.where(both, (cu * hh - hu * hc) / determinant, np.where(cc > 0, cu / cc, 0.0))
    return means[0] - beta_h * means[1] - beta_c * means[2], beta_h, beta_c


def _interquartile(total: Floats) -> Floats:
    """Upper less lower quartile of each row, between the two nearest values in proportion; NaN for an empty row."""
    ordered = np.sort(total, axis=1)
    last = np.isfinite(total).sum(axis=1) - 1
    quartiles = []
    for part in (0.25, 0.75):
        place = np.maximum(last, 0) * part
        below = np.floor(place).astype(np.int64)
        low, high = (_at(ordered, np.minimum(at, np.maximum(last, 0))) for at in (below, below + 1))
        quartiles.append(low + (high - low) * (place - below))
    return np.asarray(quartiles[1] - quartiles[0])


def _at(rows: Floats, place: Whole) -> Floats:
    return np.take_along_axis(rows, place[:, None], axis=1)[:, 0]


def _ratio(over: Floats, under: Floats) -> Floats:
    return np.asarray(np.where(under > 0, over / np.where(under > 0, under, 1.0), np.nan))


def _joined(fits: list[Fits]) -> Fits:
    names = [name for name in Fits.__dataclass_fields__ if name != "method"]
    columns = {name: np.concatenate([getattr(some, name) for some in fits]) for name in names}
    return Fits(method=fits[0].method, **columns)
