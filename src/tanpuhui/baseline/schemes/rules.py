"""Rules: how schemes in use, two controls of this benchmark, and this platform issue from the same readings."""

from __future__ import annotations

import numpy as np

from tanpuhui.baseline.arrays import Floats, Whole
from tanpuhui.baseline.pooled import allocate, pooled_effect
from tanpuhui.baseline.schemes.scheme import MONTHS, Readings, Scheme
from tanpuhui.baseline.unknown import Effect

#: Bootstrap draws of a bound.
DRAWS = 200
#: Two-sided 0.1 % of the normal distribution: joined homes and peers that differ by more before are not comparable.
COMPARABLE_Z = 3.29
#: Lower ends of the bands of Korea's Carbon Neutral Point, per cent of the baseline.
BANDS = (15, 10, 5)


def korean_bands(readings: Readings) -> Whole:
    """Each half-year against the mean of the same months of two years, paid at the lower end of its band.

    The most favourable reading for the scheme: 9 % saved is issued as 5 %.
    """
    halves = (len(readings.home), 2, MONTHS // 2)
    two_years = readings.before_wh[:, :MONTHS] + readings.before_wh[:, MONTHS:]
    baseline_twice = two_years.reshape(halves).sum(axis=2)
    saved_twice = baseline_twice - 2 * readings.after_wh.reshape(halves).sum(axis=2)
    issued = np.zeros_like(saved_twice)
    for band in reversed(BANDS):
        reached = saved_twice * 100 >= baseline_twice * band
        issued = np.where(reached, baseline_twice * band // 200, issued)
    return np.asarray(issued.sum(axis=1))


def own_seven_days(readings: Readings) -> Whole:
    """Each day below the mean of the home's own seven days before it is issued; a day above it costs nothing."""
    days = np.concatenate([readings.days_before_wh, readings.days_wh], axis=1)
    sums = np.concatenate([np.zeros((len(days), 1), dtype=np.int64), days.cumsum(axis=1)], axis=1)
    seven = sums[:, 7:-1] - sums[:, :-8]
    return np.asarray((np.maximum(seven - 7 * readings.days_wh, 0) // 7).sum(axis=1))


def own_last_year(readings: Readings) -> Whole:
    """Each month below the same month of last year is issued; a month above it costs nothing."""
    return np.asarray(np.maximum(readings.before_wh[:, MONTHS:] - readings.after_wh, 0).sum(axis=1))


def own_history_bound(readings: Readings) -> Whole:
    """Control: the pooled bound against the mean of the home's own two years, without peers."""
    baseline = readings.before_wh.sum(axis=1) / 2
    unmoved = np.ones(5)
    effect = pooled_effect(
        baseline=baseline,
        after=readings.after_wh.sum(axis=1).astype(np.float64),
        controls_baseline=unmoved,
        controls_after=unmoved,
        draws=DRAWS,
        seed=readings.seed,
    )
    return _shared(effect, baseline - readings.after_wh.sum(axis=1))


def unchecked_bound(readings: Readings) -> Whole:
    """Control: the pooled bound with peers, whoever they are."""
    effect, saved = _against_peers(readings)
    return _shared(effect, saved)


def peers_bound(readings: Readings) -> Whole:
    """Ours: the pooled bound with peers, and nothing where those who joined were no such homes before."""
    if not comparable(readings):
        return np.zeros(len(readings.home), dtype=np.int64)
    return unchecked_bound(readings)


def comparable(readings: Readings) -> bool:
    """Whether joined homes and peers agree in last year's use and in its change from the year before (logarithms)."""
    return all(abs(z) <= COMPARABLE_Z for z in differences(readings))


def differences(readings: Readings) -> tuple[float, float]:
    """How many standard errors joined homes and peers lie apart before: in level, and in trend."""
    pairs = []
    for months in (readings.before_wh, readings.peers_before_wh):
        # A home without any use has no logarithm: it counts as using 1 Wh.
        years = [np.log(np.maximum(part.sum(axis=1), 1)) for part in (months[:, :MONTHS], months[:, MONTHS:])]
        pairs.append((years[1], years[1] - years[0]))
    level, trend = (_z(ours, theirs) for ours, theirs in zip(*pairs, strict=True))
    return level, trend


def _z(ours: Floats, theirs: Floats) -> float:
    error = np.sqrt(ours.var(ddof=1) / len(ours) + theirs.var(ddof=1) / len(theirs))
    apart = float(ours.mean() - theirs.mean())
    if error > 0:
        return float(apart / error)
    return 0.0 if apart == 0 else float("inf")


def pooled(readings: Readings, draws: int = DRAWS) -> Effect:
    """The effect against peers; homes are taken in the order of their numbers, whatever order they came in."""
    order = np.argsort(readings.home, kind="stable")
    last, now = readings.before_wh[:, MONTHS:].sum(axis=1), readings.after_wh.sum(axis=1)
    return pooled_effect(
        baseline=last[order].astype(np.float64),
        after=now[order].astype(np.float64),
        controls_baseline=readings.peers_before_wh[:, MONTHS:].sum(axis=1).astype(np.float64),
        controls_after=readings.peers_after_wh.sum(axis=1).astype(np.float64),
        draws=draws,
        seed=readings.seed,
    )


def _against_peers(readings: Readings) -> tuple[Effect, Floats]:
    """The pooled effect, and each home's own estimate: last year x the peers' ratio, less what it used."""
    ratio = float(readings.peers_after_wh.sum() / readings.peers_before_wh[:, MONTHS:].sum())
    return pooled(readings), readings.before_wh[:, MONTHS:].sum(axis=1) * ratio - readings.after_wh.sum(
        axis=1
    )


def _shared(effect: Effect, saved: Floats) -> Whole:
    """The bound in proportion to what homes saved; equal remainders go to the earlier home."""
    estimate = np.floor(saved).astype(np.int64)
    shares = allocate(effect.lower_bound, estimate, np.zeros(len(estimate), dtype=np.int64)).share
    return np.array(shares, dtype=np.int64)


OURS = Scheme("peers_bound", "Tanpuhui", peers_bound)
OWN_BOUND = Scheme("own_history_bound", "control: bound, no peers", own_history_bound)
UNCHECKED = Scheme("unchecked_bound", "control: bound, any peers", unchecked_bound)
SCHEMES = (
    Scheme("korean_bands", "Korean bands", korean_bands),
    Scheme("own_seven_days", "own 7 days before", own_seven_days),
    Scheme("own_last_year", "own month of last year", own_last_year),
    OWN_BOUND,
    UNCHECKED,
    OURS,
)
