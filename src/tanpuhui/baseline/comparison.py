"""Comparison: the same months of homes that did not take part, so that weather, prices and fashion cancel.

Each function takes consumption as (homes, months) and works on what the programme did not touch: controls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tanpuhui.baseline.arrays import Floats, Whole
from tanpuhui.baseline.refusals import TooFewControls

#: Controls that a ratio to peers rests on, at least; a shrunk estimate needs more (ladder L2).
LEAST_CONTROLS, LEAST_CONTROLS_SHRUNK = 5, 30
#: How homes are compared with controls (:func:`peers_of`).
ALL, STRATIFIED, MATCHED = "all", "stratified", "matched"
COMPARISONS = (ALL, STRATIFIED, MATCHED)


def ratio_to_peers(before: Floats, after: Floats) -> float:
    """What controls used in the reporting period for each unit of their baseline: 1 when nothing changed (L3, L4).

    >>> ratio_to_peers(np.full(5, 100.0), np.full(5, 94.0))
    0.94
    """
    if len(before) < LEAST_CONTROLS or before.sum() <= 0:
        raise TooFewControls(found=len(before), least=LEAST_CONTROLS)
    return float(after.sum() / before.sum())


def strata(homes: Floats, pool: Floats, *, bins: int = 8) -> tuple[Whole, Whole]:
    """The stratum of each home and of each of the pool: one number for a combination of quantile bins of the pool.

    Features are columns, such as summer and winter use; homes beyond the pool's range are in its outermost bins.
    """
    edges = np.quantile(pool, np.linspace(0, 1, bins + 1)[1:-1], axis=0)
    numbers = []
    for group in (homes, pool):
        binned = [np.searchsorted(edges[:, n], group[:, n], side="right") for n in range(pool.shape[1])]
        numbers.append(
            sum((one * bins**n for n, one in enumerate(binned)), np.zeros(len(group), dtype=np.int64))
        )
    return numbers[0], numbers[1]


def own_times_comparison(
    own: Floats, stratum: Whole, *, controls_before: Floats, controls_after: Floats, control_stratum: Whole
) -> Floats:
    """Each home's own baseline (same-month mean, L3, or weather-normalised, L4) times its stratum's ratio."""
    ratio = {
        int(s): ratio_to_peers(controls_before[control_stratum == s], controls_after[control_stratum == s])
        for s in np.unique(stratum)
    }
    return np.asarray(own * np.array([ratio[int(s)] for s in stratum]))


def matched(homes: Floats, pool: Floats, *, each: int = 1) -> Whole:
    """For each home the places of its nearest controls by features (homes, features), in the pool's deviations.

    A control may serve several homes; equal distances go to the earlier one, so the pool's order decides.
    """
    if len(pool) < max(each, LEAST_CONTROLS):
        raise TooFewControls(found=len(pool), least=max(each, LEAST_CONTROLS))
    spread = pool.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    found = [np.argsort((((pool - home) / scale) ** 2).sum(axis=1), kind="stable")[:each] for home in homes]
    return np.array(found, dtype=np.int64).reshape(len(homes), each)


@dataclass(frozen=True)
class Peers:
    """Which controls each home is compared with: the group of each home, and the places of each group's controls."""

    of_home: Whole
    members: tuple[Whole, ...]

    def ratios(self, controls_before: Floats, controls_after: Floats) -> Floats:
        """What became of each home's controls: after over before, (homes,)."""
        found = [ratio_to_peers(controls_before[one], controls_after[one]) for one in self.members]
        return np.array(found)[self.of_home]

    def weights(self, homes: Floats, controls: Floats) -> Floats:
        """How much each control counts, (controls,), so that weighted sums of controls are those of the groups.

        A control has, of each group that it is in, the baselines of the group's homes over those of its controls.
        """
        found = np.zeros(len(controls))
        wholes = np.bincount(self.of_home, weights=homes, minlength=len(self.members))
        for whole, places in zip(wholes, self.members, strict=True):
            found[places] += whole / controls[places].sum()
        return found


def peers_of(comparison: str, homes: Floats, controls: Floats, *, bins: int = 8) -> Peers:
    """Peers by baselines alone, (homes,) and (controls,): ``all``, those of a home's stratum, or its nearest five.

    Strata are quantiles of the controls' baselines, so few that each with a home has five controls that used something;
    nearest ones that used nothing are no peers, and their home is compared with all.
    """
    everybody = np.arange(len(controls))
    if comparison == STRATIFIED:
        for number in range(min(bins, max(len(controls) // LEAST_CONTROLS, 1)), 1, -1):
            ours, theirs = strata(homes[:, None], controls[:, None], bins=number)
            found, of_home = np.unique(ours, return_inverse=True)
            members = tuple(np.flatnonzero(theirs == one) for one in found)
            if all(len(one) >= LEAST_CONTROLS and controls[one].sum() > 0 for one in members):
                return Peers(np.asarray(of_home), members)
    if comparison == MATCHED:
        nearest = matched(homes[:, None], controls[:, None], each=LEAST_CONTROLS)
        used = controls[nearest].sum(axis=1) > 0
        members = tuple(np.sort(row) if uses else everybody for row, uses in zip(nearest, used, strict=True))
        return Peers(np.arange(len(homes)), members)
    return Peers(np.zeros(len(homes), dtype=np.int64), (everybody,))


@dataclass(frozen=True)
class Shrinkage:
    """How far a home's own log ratio to its peers is believed, by empirical Bayes (L2)."""

    mean: float
    between: float
    within: float

    def weight(self, months: Whole) -> Floats:
        """w = tau2 / (tau2 + sigma2 / n): 0 without a month, near 1 with many."""
        within = self.within / np.maximum(months, 1)
        weight = (
            self.between / (self.between + within)
            if self.between + self.within > 0
            else np.zeros(len(months))
        )
        return np.where(months > 0, weight, 0.0)


def learn_shrinkage(controls: Floats) -> Shrinkage:
    """Variance between and within controls of the log ratio to the concurrent mean of their stratum.

    One-way analysis of variance with as many months for each control: within = mean of the variances of months (n - 1),
    between = variance of the means less within / n, not below 0.
    """
    if len(controls) < LEAST_CONTROLS_SHRUNK:
        raise TooFewControls(found=len(controls), least=LEAST_CONTROLS_SHRUNK)
    ratios = np.log(controls / controls.mean(axis=0))
    means, months = ratios.mean(axis=1), controls.shape[1]
    within = float(ratios.var(axis=1, ddof=1).mean()) if months > 1 else 0.0
    between = max(float(means.var(ddof=1)) - within / months, 0.0)
    return Shrinkage(mean=float(means.mean()), between=between, within=within)


def shrunk_baseline(own: Floats, peers_then: Floats, peers_now: Floats, learned: Shrinkage) -> Floats:
    """B = peers now x exp(w l + (1 - w) l of the stratum), l being the mean log ratio of the months that a home has.

    ``own`` is (homes, months), NaN where a home has no month; ``peers_then`` (months), ``peers_now`` (later months).
    """
    known = np.isfinite(own)
    months = known.sum(axis=1)
    ratios = np.log(np.where(known, own, 1.0) / peers_then)
    level = np.where(known, ratios, 0.0).sum(axis=1) / np.maximum(months, 1)
    weight = learned.weight(months)
    return np.asarray(np.exp(weight * level + (1 - weight) * learned.mean)[:, None] * peers_now)


def conformal_factor(placebo_ratio: Floats, alpha: float = 0.10) -> float:
    """q: the floor(alpha (n + 1))-th smallest of post / baseline on controls, which no programme touched.

    A home that did nothing falls below q times its baseline in at most ``alpha`` of cases. For badges, not for issue.
    """
    rank = int(np.floor(alpha * (len(placebo_ratio) + 1)))
    if rank < 1:
        raise TooFewControls(found=len(placebo_ratio), least=int(np.ceil(1 / alpha)) - 1)
    return float(np.sort(placebo_ratio)[rank - 1])
