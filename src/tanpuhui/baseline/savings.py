"""Savings: what a model says would have been used, less what was used, with a band in either convention."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from tanpuhui.baseline.arrays import Floats
from tanpuhui.baseline.fit import Fits

#: a, b and d of the fractional savings uncertainty in months (CalTRACK 2.0, 4.3.2.1).
POLYNOMIAL = {
    "caltrack-daily": (-0.00024, 0.03535, 1.00286),
    "caltrack-billing": (-0.00022, 0.03306, 0.94054),
}
DAYS_OF_MONTH = 30.0


@dataclass(frozen=True)
class Savings:
    """Savings of each meter and their two-sided band.

    ``band_baseline_energy`` is what eemeter 2.10 computes: the relative uncertainty times the energy of the whole
    baseline. ``band_reporting_energy`` is the formula as CalTRACK publishes it: the same times the energy that the
    model expects in the reporting period. A methodology names the one it uses.
    """

    amount: Floats
    expected: Floats
    observed: Floats
    band_baseline_energy: Floats
    band_reporting_energy: Floats


def metered(
    fits: Fits, expected: Floats, observed: Floats, days: Floats, *, confidence: float = 0.90
) -> Savings:
    """Expected less observed over the periods where both are known: totals of periods, (meters, periods)."""
    known = np.isfinite(expected) & np.isfinite(observed)
    expected_total = np.where(known, expected, 0.0).sum(axis=1)
    observed_total = np.where(known, observed, 0.0).sum(axis=1)
    relative = relative_uncertainty(fits, counted(fits, known, days), confidence)
    return Savings(
        amount=expected_total - observed_total,
        expected=expected_total,
        observed=observed_total,
        band_baseline_energy=relative * fits.mean_use * fits.periods,
        band_reporting_energy=relative * expected_total,
    )


def modelled(
    before: Fits, after: Fits, *, expected_before: Floats, expected_after: Floats, days: Floats
) -> Savings:
    """Savings between two models over the same weather; their bands add as squares."""
    one = metered(before, expected_before, expected_after, days)
    other = metered(after, expected_after, expected_before, days)
    return Savings(
        amount=one.amount,
        expected=one.expected,
        observed=one.observed,
        band_baseline_energy=np.hypot(one.band_baseline_energy, other.band_baseline_energy),
        band_reporting_energy=np.hypot(one.band_reporting_energy, other.band_reporting_energy),
    )


def counted(fits: Fits, known: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], days: Floats) -> Floats:
    """Periods that count for the band: days with daily reads, months of 30 days with bills."""
    if fits.method == "caltrack-daily":
        return np.asarray(known.sum(axis=1), dtype=np.float64)
    return np.asarray(np.rint(np.where(known, days, 0.0).sum(axis=1) / DAYS_OF_MONTH))


def relative_uncertainty(fits: Fits, periods: Floats, confidence: float = 0.90) -> Floats:
    """Half-width of the band as a part of energy; NaN where it is not defined.

    t (a M^2 + b M + d) CV(RMSE) sqrt(P/P' (1 + 2/P') / Q), CalTRACK 4.3.2.1 after ASHRAE Guideline 14, with M months
    and Q periods of reporting. t has the baseline's periods less the slopes as degrees of freedom, as in eemeter.
    """
    a, b, d = POLYNOMIAL[fits.method]
    months = periods / DAYS_OF_MONTH if fits.method == "caltrack-daily" else periods
    freedom = (fits.periods - fits.slopes).astype(np.float64)
    independent = fits.periods_independent
    with np.errstate(divide="ignore", invalid="ignore"):
        t = stdtrit(np.where(freedom > 0, freedom, np.nan), (1 + confidence) / 2)
        inner = fits.periods / independent * (1 + 2 / independent) / periods
        band = t * (a * months**2 + b * months + d) * fits.cvrmse_adj * np.sqrt(inner)
    return np.asarray(np.where(np.isfinite(band), band, np.nan))
