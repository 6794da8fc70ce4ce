"""Unknown: no readings of missing homes, tried one by one, give a bound below ours."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tanpuhui.baseline.pooled import held_out_effect, pooled_effect
from tanpuhui.baseline.unknown import Z_95, Effect, Part, Unknown, least, line_part

DRAWS, SEED = 25, 3
Homes = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def l5(homes: Homes, unknown: Unknown | None = None) -> Effect:
    before, after, held_before, held_after = homes
    return held_out_effect(
        before=before,
        after=after,
        held_before=held_before,
        held_after=held_after,
        draws=DRAWS,
        seed=SEED,
        unknown=unknown,
    )


def l3(homes: Homes, unknown: Unknown | None = None) -> Effect:
    before, after, held_before, held_after = homes
    return pooled_effect(
        baseline=before,
        after=after,
        controls_baseline=held_before,
        controls_after=held_after,
        draws=DRAWS,
        seed=SEED,
        unknown=unknown,
    )


def bound(effect: Effect) -> float:
    """Below 0 as well."""
    return effect.saved - Z_95 * effect.standard_error


def village(seed: int, size: int) -> Homes:
    """Homes of very different size, so that one moves the slope; those that are asked use a third less."""
    chance = np.random.default_rng(seed)
    before = chance.lognormal(0, 0.5, 2 * size)
    after = before * chance.lognormal(0, 0.2, 2 * size)
    return before[:size], after[:size] * 0.67, before[size:], after[size:]


def with_use(homes: Homes, asked: int, held: int, use: Any) -> Homes:
    """The first homes of each group with the given use, pairs of before and after; NaN leaves a baseline as it is."""
    made = tuple(one.copy() for one in homes)
    for place, (before, after) in enumerate(use):
        x, y, home = (made[0], made[1], place) if place < asked else (made[2], made[3], place - asked)
        x[home], y[home] = x[home] if np.isnan(before) else before, after
    return made[0], made[1], made[2], made[3]


# Asked, held out, and of these with a frozen baseline (the first of them).
MISSING = [(1, 0, 0), (0, 1, 0), (1, 1, 0), (2, 1, 0), (1, 2, 0), (2, 1, 1)]


@pytest.mark.parametrize("rung", [l5, l3])
def test_no_use_of_missing_homes_gives_a_lower_bound(rung: Callable[..., Effect]) -> None:
    """One to three homes of 16 to 40: every grid of what they may have used before and after, and places between."""
    closest = 0.0
    for number, (asked, held, frozen) in enumerate(MISSING * 2):
        homes = village(number, 8 if number % 2 else 20)
        count = asked + held
        most = max(float(one.max()) for one in homes)
        chance = np.random.default_rng([1, number])
        grid = (
            list(itertools.product((0.0, 0.5, 1.0), repeat=2))
            if count < 3
            else [(0, 0), (0, 1), (1, 0), (1, 1)]
        )
        uses = [*itertools.product(grid, repeat=count), *chance.random((60, count, 2))]
        nothing = with_use(
            homes, asked, held, [(np.nan if home < frozen else 0.0, 0.0) for home in range(count)]
        )
        unknown = Unknown(
            homes=np.arange(asked),
            controls=np.arange(held),
            most=np.full(count, most),
            most_before=np.where(np.arange(count) < frozen, 0.0, most),
        )

        found = rung(nothing, unknown)
        worlds = []
        for use in uses:
            placed = np.array(use) * most
            placed[:frozen, 0] = np.nan
            worlds.append(rung(with_use(homes, asked, held, placed)))

        assert min(map(bound, worlds)) >= bound(found) - 1e-9, (number, asked, held)
        assert min(world.saved for world in worlds) >= found.saved - 1e-9, (number, asked, held)
        whole = bound(rung(homes))
        closest = max(closest, (min(map(bound, worlds)) - whole) / (bound(found) - whole))
    # The rule is no excuse to certify nothing: somewhere most of what it takes is there to be taken.
    assert closest > (0.35 if rung is l5 else 0.9)


def test_the_line_alone_is_not_the_worst() -> None:
    """On L5 a home far from the mean moves the slope: without what lies beyond the line one world is below it."""
    homes = village(19, 20)
    most = max(float(one.max()) for one in homes)
    nothing = with_use(homes, 1, 0, [(0.0, 0.0)])
    unknown = Unknown(np.array([0]), np.zeros(0, dtype=np.int64), np.array([most]), np.array([most]))
    chance = np.random.default_rng(SEED)
    names = ("before", "after", "held_before", "held_after")

    def part(times: np.ndarray, held_times: np.ndarray) -> Part:
        whole: Any = dict(zip(names, nothing, strict=True))
        found = line_part(**whole, times=times, held_times=held_times, unknown=unknown)
        return Part(found.value, found.slope)

    drawn = []
    for _ in range(DRAWS):
        ours, theirs = chance.integers(0, 20, 20), chance.integers(0, 20, 20)
        drawn.append(part(np.bincount(ours, minlength=20) * 1.0, np.bincount(theirs, minlength=20) * 1.0))
    line = least(part(np.ones(20), np.ones(20)), drawn, unknown.ranges)
    worlds = [
        bound(l5(with_use(homes, 1, 0, [(x * most, y * most)])))
        for x, y in itertools.product(np.linspace(0, 1, 9), (0.0, 1.0))
    ]

    assert min(worlds) < bound(line)
    assert min(worlds) >= bound(l5(nothing, unknown))


def test_homes_that_all_used_the_same_before_say_nothing_of_a_slope() -> None:
    """Groups that differ and have no spread: a missing home makes any slope, so nothing is certified."""
    homes = (np.full(8, 100.0), np.full(8, 50.0), np.full(8, 101.0), np.full(8, 100.0))
    nothing = with_use(homes, 1, 0, [(0.0, 0.0)])
    unknown = Unknown(np.array([0]), np.zeros(0, dtype=np.int64), np.array([101.0]), np.array([101.0]))

    found = l5(nothing, unknown)

    assert found.lower_bound == 0 and np.isfinite(found.saved) and np.isfinite(found.standard_error)
