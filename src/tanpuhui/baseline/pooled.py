"""Pooled: how much a programme may be certified for in all, and how that is shared among its homes.

No household's good months are paid on their own. The effect of the programme is estimated against its comparison
group, its one-sided 95 % lower bound is the most that exists, and more use counts as much as less use.
"""

from __future__ import annotations

import math
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


def pooled_effect(
    *,
    baseline: Floats,
    after: Floats,
    controls_baseline: Floats,
    controls_after: Floats,
    draws: int,
    seed: int,
) -> Effect:
    """S = sum of (ratio of controls x own baseline - use), bound S - 1.645 se(S), no lower than 0, rounded down.

    ``baseline`` and ``after`` are each home's totals of the window; homes and controls are each drawn again with
    replacement, whole homes at a time, so that the error holds the controls' part and what a home's months share.
    """
    for group in (baseline, controls_baseline):
        if len(group) < LEAST_HOMES or group.sum() <= 0:
            raise TooFewControls(found=len(group), least=LEAST_HOMES)
    saved = float(controls_after.sum() / controls_baseline.sum() * baseline.sum() - after.sum())
    random = np.random.default_rng(seed)
    drawn = np.empty(draws)
    for number in range(draws):
        ours, theirs = _draw(random, len(baseline)), _draw(random, len(controls_baseline))
        ratio = theirs @ controls_after / max(float(theirs @ controls_baseline), 1e-12)
        drawn[number] = ratio * (ours @ baseline) - ours @ after
    error = float(drawn.std(ddof=1))
    return Effect(saved=saved, standard_error=error, lower_bound=max(math.floor(saved - Z_95 * error), 0))


def held_out_effect(
    *, before: Floats, after: Floats, held_before: Floats, held_after: Floats, draws: int, seed: int
) -> Effect:
    """L5: homes and a hold-out drawn at random before recruitment; use after is adjusted for use before (ANCOVA)."""
    estimate = _ancova(before, after, held_before, held_after)
    random = np.random.default_rng(seed)
    drawn = np.empty(draws)
    for number in range(draws):
        ours = random.integers(0, len(before), len(before))
        theirs = random.integers(0, len(held_before), len(held_before))
        drawn[number] = _ancova(before[ours], after[ours], held_before[theirs], held_after[theirs])
    error = float(drawn.std(ddof=1))
    return Effect(
        saved=estimate, standard_error=error, lower_bound=max(math.floor(estimate - Z_95 * error), 0)
    )


def _ancova(before: Floats, after: Floats, held_before: Floats, held_after: Floats) -> float:
    """Homes x (hold-out's mean, at the homes' own use before, less the homes' mean): the slope is common to both."""
    slope = _slope(before, after, held_before, held_after)
    expected = held_after.mean() + slope * (before.mean() - held_before.mean())
    return float(len(before) * (expected - after.mean()))


def _slope(before: Floats, after: Floats, held_before: Floats, held_after: Floats) -> float:
    """How much more is used after for each unit more before, the same in both groups; 0 where all used the same."""
    for group in (before, held_before):
        if len(group) < LEAST_HOMES:
            raise TooFewControls(found=len(group), least=LEAST_HOMES)
    x = np.concatenate([before - before.mean(), held_before - held_before.mean()])
    y = np.concatenate([after - after.mean(), held_after - held_after.mean()])
    return float(x @ y / (x @ x)) if x @ x > 0 else 0.0


def ratio_estimates(*, baseline: Floats, after: Floats, ratio: float) -> Whole:
    """What each home saved, signed, in whole units down: its own baseline times the controls' ratio, less its use."""
    return np.floor(baseline * ratio - after).astype(np.int64)


def held_out_estimates(
    *,
    before: Floats,
    after: Floats,
    held_before: Floats,
    held_after: Floats,
    of_before: Floats,
    of_after: Floats,
) -> Whole:
    """What each of some homes saved, signed, in whole units down, by the line that :func:`held_out_effect` fits."""
    slope = _slope(before, after, held_before, held_after)
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


def _draw(random: np.random.Generator, homes: int) -> Floats:
    """How often each home is drawn."""
    return np.bincount(random.integers(0, homes, homes), minlength=homes).astype(np.float64)
