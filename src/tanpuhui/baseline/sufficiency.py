"""Sufficiency: whether reads and temperatures can carry a baseline, asked before any model, for many meters at once.

Each rule gives a count for each meter, (meters,); ``finding.RULES`` says which of them forbid. Reads are
(meters, days) with NaN where missing, on one row of days.
"""

from __future__ import annotations

import math

import numpy as np

from tanpuhui.baseline.arrays import Flags, Floats, Whole, correlation, packed, ranks

LEAST_DAYS, LEAST_PART = 329, 0.9
#: Spread over mean above which a series without rhythm is noise.
NOISE_SPREAD = 0.5
LEAST_NEGATIVE_DAYS = 5
LEAST_DISTINCT = 0.1

Counts = dict[str, Whole]


def without_zeros(use: Floats) -> tuple[Floats, Whole]:
    """Zeros of electricity meters are missing (2.2.1.4); how many there were."""
    zero = use == 0
    return np.where(zero, np.nan, use), zero.sum(axis=1)


def examine_reads(use: Floats, temperature_f: Floats, *, covered: Flags, gas: bool) -> Counts:
    """The rules for daily reads, ``covered`` being the days with temperatures enough, (days,)."""
    return _of_days(use, extremes(use), covered=covered, gas=gas) | series_kind(use, temperature_f)


def examine_bills(
    use: Floats, temperature_f: Floats, lengths: Floats, *, covered: Flags, gas: bool
) -> Counts:
    """The rules for bills (meters, bills), ``lengths`` being their days and ``covered`` those with temperatures enough.

    Bills are looked at day by day: each day of a bill has its mean. What bills are like among each other is not.
    """
    days = np.rint(lengths).astype(np.int64)
    a_day = np.repeat(use / np.maximum(lengths, 1e-9), days, axis=1)
    none = np.zeros(len(use), dtype=np.int64)
    return _of_days(a_day, extremes(use), covered=np.repeat(covered, days), gas=gas) | {
        "baseline.constant": series_kind(use, temperature_f)["baseline.constant"],
        "baseline.few_distinct": none,
        "baseline.noise": none,
        "baseline.negative_gas" if gas else "baseline.negative_reads": (use < 0).sum(axis=1),
        "baseline.missing_reads": (~np.isfinite(use)).sum(axis=1),
    }


def _of_days(use: Floats, extreme: Whole, *, covered: Flags, gas: bool) -> Counts:
    """How much of the days there is, (meters, days), and whether the home feeds the grid."""
    days = use.shape[1]
    known = np.isfinite(use)
    none = np.zeros(len(use), dtype=np.int64)
    reads = known.sum(axis=1)
    counts = {
        "baseline.no_reads": (reads == 0).astype(np.int64),
        "baseline.too_short": none + max(LEAST_DAYS - days, 0),
        "baseline.missing_reads": days - reads,
        "baseline.meter_coverage": _missing(reads, days),
        "baseline.temperature_coverage": none + _missing(np.array([covered.sum()]), days),
        "baseline.joint_coverage": _missing((known & covered).sum(axis=1), days),
        "baseline.negative_gas" if gas else "baseline.negative_reads": (use < 0).sum(axis=1),
        "baseline.extreme_reads": extreme,
    }
    if not gas:
        counts["baseline.net_metering_change"] = net_metering_change(use)
    return counts


def series_kind(use: Floats, temperature_f: Floats) -> Counts:
    """Whether reads are constant, of few values, or noise; only what is there is looked at."""
    ordered = np.sort(use, axis=1)
    reads = np.isfinite(use).sum(axis=1)
    distinct = (np.diff(ordered, axis=1) > 0).sum(axis=1) + (reads > 0)
    constant = (distinct == 1) & (reads > 1)
    few = (distinct > 1) & (distinct < LEAST_DISTINCT * reads)
    return {
        "baseline.constant": np.where(constant, reads, 0),
        "baseline.few_distinct": np.where(few, distinct, 0),
        "baseline.noise": np.where(_noise(use, temperature_f) & ~constant, reads, 0),
    }


def extremes(use: Floats) -> Whole:
    """Reads beyond three interquartile ranges from the quartiles (2.3.6)."""
    if not np.isfinite(use).any() or not use.shape[1]:
        return np.zeros(len(use), dtype=np.int64)
    filled = np.where(np.isfinite(use).any(axis=1, keepdims=True), use, 0.0)
    low, high = np.nanquantile(filled, (0.25, 0.75), axis=1)[:, :, None]
    beyond = (filled < low - 3 * (high - low)) | (filled > high + 3 * (high - low))
    return np.asarray(beyond.sum(axis=1))


def net_metering_change(use: Floats) -> Whole:
    """Days below 0 of the half that has more, where the other half has a fifth of them or fewer (2.2.6)."""
    half = use.shape[1] // 2
    one, other = (use[:, :half] < 0).sum(axis=1), (use[:, half:] < 0).sum(axis=1)
    more, fewer = np.maximum(one, other), np.minimum(one, other)
    return np.where((more >= LEAST_NEGATIVE_DAYS) & (5 * fewer <= more), more, 0)


def months_below(present: Flags, month: Whole) -> list[int]:
    """Months of the year, 1 to 12, in which fewer than nine periods in ten are present."""
    found = []
    for number in range(1, 13):
        days = present[month == number]
        if len(days) and days.mean() < LEAST_PART:
            found.append(number)
    return found


def level_step(residual: Floats, mean_use: Floats) -> tuple[Whole, Floats]:
    """The place at which residuals step to another level, or -1, and by how much use rose there.

    The step is where the partial sum is largest, 45 days or more from either end; it counts when it is 1 % significant
    (Kolmogorov; days are counted by what is left of their autocorrelation about the two levels) and a quarter of use.
    """
    rows = packed(residual)
    reads = np.isfinite(rows).sum(axis=1)
    place, size = np.full(len(rows), -1, dtype=np.int64), np.zeros(len(rows))
    for number, row in enumerate(rows):
        values = row[: reads[number]]
        if len(values) < 120:
            continue
        sums = np.abs(np.cumsum(values - values.mean()))[45:-45]
        at = int(np.argmax(sums)) + 46
        levels = np.where(np.arange(len(values)) < at, values[:at].mean(), values[at:].mean())
        about = (values - levels)[None]
        rho = min(max(float(np.nan_to_num(correlation(about[:, 1:], about[:, :-1])[0])), 0.0), 0.95)
        noise = about.std() * math.sqrt(len(values) * (1 + rho) / (1 - rho))
        step = float(levels[0] - levels[-1])
        if sums.max() > 1.63 * noise and abs(step) > abs(0.25 * mean_use[number]):
            place[number], size[number] = np.flatnonzero(np.isfinite(residual[number]))[at], step
    return place, size


def _missing(days: Whole, of: int) -> Whole:
    """Days missing where more than a tenth is."""
    return np.where(days < LEAST_PART * of, of - days, 0)


def _noise(use: Floats, temperature_f: Floats) -> Flags:
    """Widely spread reads whose ranks correlate with nothing: three standard errors for each of four correlations."""
    days = use.shape[1]
    reads = np.isfinite(use).sum(axis=1)
    if days < 30:
        return np.zeros(len(use), dtype=np.bool_)
    order = ranks(use)
    temperature = np.broadcast_to(temperature_f, use.shape)
    links = [correlation(order[:, lag:], order[:, :-lag]) for lag in (1, 7)]
    links += [correlation(order, weather) for weather in (temperature, np.abs(temperature - 65.0))]
    quiet = np.all([~(np.abs(link) >= 3 / np.sqrt(np.maximum(reads, 1))) for link in links], axis=0)
    values = np.where(np.isfinite(use), use, 0.0)
    mean = values.sum(axis=1) / np.maximum(reads, 1)
    spread = np.sqrt(
        (np.where(np.isfinite(use), use - mean[:, None], 0.0) ** 2).sum(axis=1) / np.maximum(reads, 1)
    )
    return np.asarray(quiet & (spread > NOISE_SPREAD * np.abs(mean)) & (reads >= 30))
