"""Pooled: how much a programme may be certified for in all, and how that is shared among its homes.

No household's good months are paid on their own. The effect of the programme is estimated against its comparison
group, its one-sided 95 % lower bound is the most that exists, and more use counts as much as less use.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from tanpuhui.baseline.arrays import Floats, Whole
from tanpuhui.baseline.refusals import TooFewControls
from tanpuhui.baseline.unknown import Z_95, Effect, Part, Unknown, least, line_part, ratio_part
from tanpuhui.kit.exact import share_out

LEAST_HOMES = 5
_NONE = Unknown(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))


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
    one that no use of theirs goes below (:func:`tanpuhui.baseline.unknown.least`).
    """
    for group in (baseline, controls_baseline):
        if len(group) < LEAST_HOMES or group.sum() <= 0:
            raise TooFewControls(found=len(group), least=LEAST_HOMES)
    weigh = np.ones(len(controls_baseline)) if weights is None else weights

    def one(ours: Floats, theirs: Floats) -> Part:
        return ratio_part(
            baseline=baseline,
            after=after,
            controls_baseline=controls_baseline,
            controls_after=controls_after,
            times=ours,
            controls_times=theirs if weights is None else theirs * weigh,
            unknown=unknown or _NONE,
        )

    whole = one(np.ones(len(baseline)), np.ones(len(controls_baseline)))
    drawn = [
        one(_times(ours, len(baseline)), _times(theirs, len(controls_baseline)))
        for ours, theirs in _drawn(seed, len(baseline), len(controls_baseline), draws)
    ]
    if weights is None:
        saved = float(controls_after.sum() / controls_baseline.sum() * baseline.sum() - after.sum())
        whole = replace(whole, value=saved)
    if unknown is not None:
        lowest = None
        if unknown.most_before is not None:
            # More before raises it (homes) or lowers it (controls), more after the other way round.
            split = len(unknown.homes)
            after, controls_baseline = after.copy(), controls_baseline.copy()
            after[unknown.homes] = unknown.most[:split]
            controls_baseline[unknown.controls] += unknown.most_before[split:]
            lowest = (
                float((weigh @ controls_after) / (weigh @ controls_baseline) * baseline.sum()) - after.sum()
            )
        return least(whole, drawn, unknown.ranges, lowest=lowest)
    return _effect(whole.value, np.array([one.value for one in drawn]))


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

    With ``unknown`` it is one that no use of theirs goes below (:func:`tanpuhui.baseline.unknown.least`).
    """
    places = _drawn(seed, len(before), len(held_before), draws)
    if unknown is None:
        drawn = [
            _ancova(before[ours], after[ours], held_before[theirs], held_after[theirs])
            for ours, theirs in places
        ]
        return _effect(_ancova(before, after, held_before, held_after), np.array(drawn))
    refuse_few(before, held_before)

    def one(ours: Whole, theirs: Whole) -> Part:
        if not unknown.is_open:
            value = _ancova(before[ours], after[ours], held_before[theirs], held_after[theirs])
            return Part(value, _ancova_slopes(before, held_before, ours, theirs, unknown))
        return line_part(
            before=before,
            after=after,
            held_before=held_before,
            held_after=held_after,
            times=_times(ours, len(before)),
            held_times=_times(theirs, len(held_before)),
            unknown=unknown,
        )

    whole = one(np.arange(len(before)), np.arange(len(held_before)))
    most = unknown.ranges if unknown.is_open else unknown.most
    return least(whole, [one(*some) for some in places], most)


def _effect(saved: float, drawn: Floats) -> Effect:
    error = float(drawn.std(ddof=1))
    return Effect(saved=saved, standard_error=error, lower_bound=max(math.floor(saved - Z_95 * error), 0))


def _ancova(before: Floats, after: Floats, held_before: Floats, held_after: Floats) -> float:
    """Homes x (hold-out's mean, at the homes' own use before, less the homes' mean): the slope is common to both."""
    slope = common_slope(before, after, held_before, held_after)
    expected = held_after.mean() + slope * (before.mean() - held_before.mean())
    return float(len(before) * (expected - after.mean()))


def common_slope(before: Floats, after: Floats, held_before: Floats, held_after: Floats) -> float:
    """How much more is used after for each unit more before, the same in both groups; 0 where all used the same."""
    refuse_few(before, held_before)
    x = np.concatenate([before - before.mean(), held_before - held_before.mean()])
    y = np.concatenate([after - after.mean(), held_after - held_after.mean()])
    return float(x @ y / (x @ x)) if x @ x > 0 else 0.0


def refuse_few(*groups: Floats) -> None:
    """An effect needs some homes of each group."""
    for group in groups:
        if len(group) < LEAST_HOMES:
            raise TooFewControls(found=len(group), least=LEAST_HOMES)


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
