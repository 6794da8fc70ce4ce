"""Pooled: how much a programme may be certified for in all, and how that is shared among its homes.

No household's good months are paid on their own. The effect of the programme is estimated against its comparison
group, its one-sided 95 % lower bound is the most that exists, and more use counts as much as less use.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tanpuhui.baseline.arrays import Floats, Whole
from tanpuhui.baseline.refusals import TooFewControls
from tanpuhui.kit.exact import share_out

LEAST_HOMES = 5
#: One-sided 95 % of the normal distribution.
Z_95 = 1.645


@dataclass(frozen=True)
class Effect:
    """What a programme saved in all, signed, its error, and the most that may be certified (whole units, down)."""

    saved: float
    standard_error: float
    lower_bound: int

    @property
    def certifies(self) -> bool:
        return self.lower_bound > 0


@dataclass(frozen=True)
class Unknown:
    """Homes and controls whose use after is not known, by their places; each used 0 to ``most`` (homes, then controls).

    Their use after is given as 0 where the effect is asked for.
    """

    homes: Whole
    controls: Whole
    most: Floats


def pooled_effect(
    *,
    baseline: Floats,
    after: Floats,
    controls_baseline: Floats,
    controls_after: Floats,
    draws: int,
    seed: int,
    weights: Floats | None = None,
    unknown: Unknown | None = None,
) -> Effect:
    """S = sum of (ratio of controls x own baseline - use), bound S - 1.645 se(S), no lower than 0, rounded down.

    ``baseline`` and ``after`` are each home's totals of the window; homes and controls are each drawn again with
    replacement, whole homes at a time, so that the error holds the controls' part and what a home's months share.
    ``weights`` of controls make the comparison one of strata or matches: they rest on baselines alone and stay as they
    are when controls are drawn again, so that what differs between strata counts as error too. With ``unknown`` it is
    one that no use of theirs goes below (:func:`_least`).
    """
    for group in (baseline, controls_baseline):
        if len(group) < LEAST_HOMES or group.sum() <= 0:
            raise TooFewControls(found=len(group), least=LEAST_HOMES)
    weigh = np.ones(len(controls_baseline)) if weights is None else weights

    def one(ours: Floats, theirs: Floats) -> tuple[float, Floats]:
        theirs = theirs if weights is None else theirs * weigh
        under = max(float(theirs @ controls_baseline), 1e-12)
        whole = float(ours @ baseline)
        saved = float(theirs @ controls_after / under * whole - ours @ after)
        if unknown is None:
            return saved, np.zeros(0)
        return saved, np.concatenate([-ours[unknown.homes], theirs[unknown.controls] * (whole / under)])

    saved, slope = one(np.ones(len(baseline)), np.ones(len(controls_baseline)))
    if weights is None:
        saved = float(controls_after.sum() / controls_baseline.sum() * baseline.sum() - after.sum())
    drawn, slopes = np.empty(draws), np.empty((draws, len(slope)))
    for number, (ours, theirs) in enumerate(_drawn(seed, len(baseline), len(controls_baseline), draws)):
        drawn[number], slopes[number] = one(
            _times(ours, len(baseline)), _times(theirs, len(controls_baseline))
        )
    return _effect(saved, drawn) if unknown is None else _least(saved, drawn, slope, slopes, unknown.most)


def held_out_effect(
    *,
    before: Floats,
    after: Floats,
    held_before: Floats,
    held_after: Floats,
    draws: int,
    seed: int,
    unknown: Unknown | None = None,
) -> Effect:
    """L5: homes and a hold-out drawn at random before recruitment; use after is adjusted for use before (ANCOVA).

    With ``unknown`` it is one that no use of theirs goes below (:func:`_least`).
    """
    estimate = _ancova(before, after, held_before, held_after)
    drawn, slopes = np.empty(draws), np.empty((draws, 0 if unknown is None else len(unknown.most)))
    for number, (ours, theirs) in enumerate(_drawn(seed, len(before), len(held_before), draws)):
        drawn[number] = _ancova(before[ours], after[ours], held_before[theirs], held_after[theirs])
        if unknown is not None:
            slopes[number] = _ancova_slopes(before, held_before, ours, theirs, unknown)
    if unknown is None:
        return _effect(estimate, drawn)
    slope = _ancova_slopes(before, held_before, np.arange(len(before)), np.arange(len(held_before)), unknown)
    return _least(estimate, drawn, slope, slopes, unknown.most)


def _effect(saved: float, drawn: Floats) -> Effect:
    error = float(drawn.std(ddof=1))
    return Effect(saved=saved, standard_error=error, lower_bound=max(math.floor(saved - Z_95 * error), 0))


def _least(saved: float, drawn: Floats, slope: Floats, slopes: Floats, most: Floats) -> Effect:
    """An effect and an error whose bound is no higher than with any use of unknown homes between 0 and ``most``.

    Once baselines are known the effect is linear in use after, and so is each draw: ``saved`` and ``drawn`` are those
    for a use of 0, ``slope`` (unknown) and ``slopes`` (draws, unknown) what a unit more of each adds. Begin where the
    effect is least: each home at the end of its range that its slope points away from. On a way t from there the effect
    is S + a t, with a not below 0, and the variance of draws is v + 2 g t + t'Ct, C being the covariance of slopes;
    t'Ct <= L sum(C_ii t_i^2), L being the largest eigenvalue of their correlations. For any s above 0 the root of w is
    at most (s + w / s) / 2, its tangent, so the bound is no lower than

        S - z / 2 (s + v / s) + sum of (a_i t_i - z / (2 s) (2 g_i t_i + L C_ii t_i^2)).

    Each term is concave in one home's t_i and 0 where it begins: it is least there, or at the other end. Of the two s
    that are tried, the one with the higher bound counts; both hold.
    """
    at = np.where(slope < 0, most, 0.0)
    least = saved + float(slope @ at)
    reached = drawn + slopes @ at
    turn = most - 2 * at
    centred, free = slopes - slopes.mean(axis=0), len(drawn) - 1
    own = (centred**2).sum(axis=0) / free
    with_drawn = centred.T @ (reached - reached.mean()) / free
    varies = own > 0
    scaled = centred[:, varies] / np.sqrt(own[varies] * free)
    narrow = scaled.T @ scaled if scaled.shape[1] < scaled.shape[0] else scaled @ scaled.T
    largest = float(np.linalg.eigvalsh(narrow)[-1]) if varies.any() else 0.0
    variance = float(reached.var(ddof=1))
    more = 2 * with_drawn * turn + largest * own * turn**2
    tried = [math.sqrt(variance), math.sqrt(variance + float(np.maximum(more, 0.0).sum()))]
    bounds = [
        least
        - Z_95 / 2 * (s + variance / s)
        + float(np.minimum(slope * turn - Z_95 / (2 * s) * more, 0.0).sum())
        for s in tried
        if s > 0
    ]
    bound = max(bounds, default=least)
    return Effect(saved=least, standard_error=(least - bound) / Z_95, lower_bound=max(math.floor(bound), 0))


def _ancova(before: Floats, after: Floats, held_before: Floats, held_after: Floats) -> float:
    """Homes x (hold-out's mean, at the homes' own use before, less the homes' mean): the slope is common to both."""
    slope = common_slope(before, after, held_before, held_after)
    expected = held_after.mean() + slope * (before.mean() - held_before.mean())
    return float(len(before) * (expected - after.mean()))


def common_slope(before: Floats, after: Floats, held_before: Floats, held_after: Floats) -> float:
    """How much more is used after for each unit more before, the same in both groups; 0 where all used the same."""
    for group in (before, held_before):
        if len(group) < LEAST_HOMES:
            raise TooFewControls(found=len(group), least=LEAST_HOMES)
    x = np.concatenate([before - before.mean(), held_before - held_before.mean()])
    y = np.concatenate([after - after.mean(), held_after - held_after.mean()])
    return float(x @ y / (x @ x)) if x @ x > 0 else 0.0


def _ancova_slopes(
    before: Floats, held_before: Floats, ours: Whole, theirs: Whole, unknown: Unknown
) -> Floats:
    """What :func:`_ancova` of drawn homes gains for a unit more use after of each unknown one, (unknown,)."""
    x, held_x = before[ours], held_before[theirs]
    x_mean, held_mean = x.mean(), held_x.mean()
    spread = float(((x - x_mean) ** 2).sum() + ((held_x - held_mean) ** 2).sum())
    lever = len(before) * (x_mean - held_mean) / spread if spread > 0 else 0.0
    times = _times(ours, len(before))[unknown.homes]
    held_times = _times(theirs, len(held_before))[unknown.controls]
    return np.concatenate(
        [
            times * (lever * (before[unknown.homes] - x_mean) - 1),
            held_times
            * (lever * (held_before[unknown.controls] - held_mean) + len(before) / len(held_before)),
        ]
    )


def ratio_estimates(*, baseline: Floats, after: Floats, ratio: float | Floats) -> Whole:
    """What each home saved, signed, in whole units down: its own baseline times its controls' ratio, less its use."""
    return np.floor(baseline * ratio - after).astype(np.int64)


def held_out_estimates(
    *,
    before: Floats,
    after: Floats,
    held_before: Floats,
    held_after: Floats,
    of_before: Floats,
    of_after: Floats,
    slope: float | None = None,
) -> Whole:
    """What each of some homes saved, signed, in whole units down, by the line that :func:`held_out_effect` fits.

    ``slope`` is that of other homes, where some of these are only taken to have used what they did.
    """
    slope = common_slope(before, after, held_before, held_after) if slope is None else slope
    expected = held_after.mean() + slope * (of_before - held_before.mean())
    return np.asarray(np.floor(expected - of_after).astype(np.int64))


@dataclass(frozen=True)
class Certifiable:
    """What may be certified of a window, and what the programme carries into the next: a negative number, or 0."""

    amount: int
    carried: int


def certifiable(effect: Effect, carried: int = 0) -> Certifiable:
    """The lower bound less what earlier windows lost; a window that lost is carried until later ones make it good."""
    assert carried <= 0
    return Certifiable(
        amount=max(effect.lower_bound + carried, 0), carried=min(math.floor(effect.saved) + carried, 0)
    )


@dataclass(frozen=True)
class Allocation:
    """Whole units for each home, and what each carries into the next window: a negative number, or 0."""

    share: tuple[int, ...]
    carried: tuple[int, ...]


def allocate(bound: int, estimate: Whole, carried: Whole, *, each: Fraction = Fraction(1)) -> Allocation:
    """Share the bound in proportion to what homes saved after what they carry; negatives are carried, not forgotten.

    The shares never exceed the bound, nor any home its own estimate; equal remainders go to the earlier home. Shares
    are in units of which ``each`` are one unit of the bound (mg for a Wh), rounded down once, in all.
    """
    assert bound >= 0
    assert each > 0
    assert (carried <= 0).all(), "only what is owed is carried"
    net = [int(one) + int(owed) for one, owed in zip(estimate, carried, strict=True)]
    weights = [max(one, 0) for one in net]
    whole = math.floor(min(bound, sum(weights)) * each)
    shares = share_out(whole, weights) if sum(weights) else [0] * len(net)
    return Allocation(share=tuple(shares), carried=tuple(min(one, 0) for one in net))


def _drawn(seed: int, homes: int, controls: int, draws: int) -> Iterator[tuple[Whole, Whole]]:
    """Places of homes and of controls, drawn again with replacement."""
    random = np.random.default_rng(seed)
    for _ in range(draws):
        yield random.integers(0, homes, homes), random.integers(0, controls, controls)


def _times(places: Whole, homes: int) -> Floats:
    """How often each home is drawn."""
    return np.bincount(places, minlength=homes).astype(np.float64)
