"""Missing after: a home with a frozen baseline that is left out costs less, and whoever leaves it out gains nothing."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from programme.simulated import Simulated, simulate
from tanpuhui.programme.estimate import Estimated, Limit

RUNGS = [
    ("L5", "all"),
    ("L3", "all"),
    ("L3", "stratified"),
    ("L3", "matched"),
    ("L4", "all"),
    ("L2", "all"),
]
TWICE = Limit(percent=250, energy_wh=600_000)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tanpuhui.programme.estimate.DRAWS", 150)


def village(seed: int, rung: str, comparison: str, limit: Limit) -> Simulated:
    """A hundred homes; twice as many where thirty held out have to have a whole year."""
    homes = 200 if rung == "L2" else 100
    return simulate(seed, homes=homes, percent=40, saving=0.5, rung=rung, comparison=comparison, limit=limit)


@pytest.mark.parametrize("limit", [Limit(), TWICE])
@pytest.mark.parametrize(("rung", "comparison"), RUNGS)
def test_no_home_that_is_left_out_raises_what_is_certified(rung: str, comparison: str, limit: Limit) -> None:
    """One; and up to the limit those that saved least, or used least of those held out."""
    one = village(3, rung, comparison, limit)
    gone = one.now.sum(axis=1) - one.then[:, :3].sum(axis=1)
    held = sorted(one.draw.held, key=lambda home: gone[home])
    asked = sorted(set(one.draw.listed) - set(held), key=lambda home: -gone[home])
    sets = [{home} for home in sorted(one.draw.listed)[::4]]
    sets += [{*asked[:ours], *held[:theirs]} for ours in (0, 3, 6) for theirs in (0, 2, 4)]

    whole = one.estimated()
    others = [one.estimated(left_out) for left_out in sets]

    assert whole.bound_wh > 0 and whole.above_limit == 0
    for left_out, other in zip(sets, others, strict=True):
        assert (other.left_out, other.limited) == (len(left_out), len(left_out))
        assert other.bound_wh <= whole.bound_wh, left_out
        assert other.saved_wh <= whole.saved_wh, left_out
        assert other.shared_mg <= whole.shared_mg, left_out
        assert other.comparison == comparison


@pytest.mark.parametrize(("rung", "comparison"), RUNGS)
def test_the_bound_is_no_higher_than_with_any_readings_of_the_homes_left_out(
    rung: str, comparison: str
) -> None:
    """All corners of what two homes asked and two held out may have used, and places between them."""
    one = village(5, rung, comparison, TWICE)
    left_out = [*sorted(one.draw.held)[:2], *sorted(set(one.draw.listed) - set(one.draw.held))[:2]]
    most = [max(0.0, 3 * TWICE.energy_wh) for _ in left_out]
    chance = np.random.default_rng(1)
    parts = [*itertools.product([0.0, 1.0], repeat=4), *chance.random((8, 4))]

    found = one.estimated(left_out)
    worlds: list[Estimated] = []
    for part in parts:
        world = one
        for home, energy_wh, of in zip(left_out, most, part, strict=True):
            world = world.using(home, energy_wh * of)
        worlds.append(world.estimated())

    assert all(found.bound_wh <= world.bound_wh for world in worlds)
    assert all(found.saved_wh <= world.saved_wh for world in worlds)
    assert found.bound_wh > 0


@pytest.mark.parametrize(
    ("rung", "limit", "left_out", "saved_wh"),
    [
        # 60 homes of 100 kWh a month, three months; 36 that were asked use a quarter less: 36 x 75 kWh = 2,700.
        # M is 300 kWh. One asked at 300 + 300: 2,700 - 75 - 300.
        ("L5", Limit(), "asked", 2_325_000),
        ("L3", Limit(), "asked", 2_325_000),
        # At 150 % of its own 300 kWh: 2,700 - 75 - 150.
        ("L5", Limit(percent=150), "asked", 2_475_000),
        ("L3", Limit(percent=150), "asked", 2_475_000),
        # Of two limits the higher one: 3 x 170 kWh, 210 above its baseline.
        ("L5", Limit(percent=150, energy_wh=170_000), "asked", 2_415_000),
        # One of 24 held out at 0: their mean is 287.5 kWh, so each of 36 saves 62.5.
        ("L5", Limit(), "held", 2_250_000),
        ("L3", Limit(percent=150), "held", 2_250_000),
    ],
)
def test_a_home_that_is_left_out_counts_as_the_worst_that_its_baseline_and_the_limit_allow(
    rung: str, limit: Limit, left_out: str, saved_wh: int
) -> None:
    one = simulate(1, homes=60, percent=40, rung=rung, limit=limit)
    held = sorted(one.draw.held)
    now = np.full((60, 3), 75_000)
    now[held] = 100_000
    one = replace(one, then=np.full((60, 12), 100_000), now=now)
    home = held[0] if left_out == "held" else min(set(range(60)) - set(held))

    found = one.estimated([home])

    assert abs(found.saved_wh - saved_wh) <= 1
    assert (found.left_out, found.limited, found.above_limit) == (1, 1, 0)


def test_it_costs_less_than_where_nothing_was_frozen() -> None:
    """A home held out and two asked of five hundred."""
    frozen = simulate(3, saving=0.2, rung="L5", limit=TWICE)
    open_ = replace(frozen, asked=replace(frozen.asked, frozen=frozenset(), limit=Limit()))
    left_out = [*sorted(frozen.draw.held)[:1], *sorted(set(frozen.draw.listed) - set(frozen.draw.held))[:2]]

    whole, milder, severe = frozen.estimated(), frozen.estimated(left_out), open_.estimated(left_out)

    assert open_.estimated().bound_wh == whole.bound_wh
    assert severe.bound_wh < milder.bound_wh < whole.bound_wh
    assert severe.limited == 0


def test_a_limit_that_a_home_is_seen_above_is_not_used() -> None:
    """One home used more than 250 % and 600 kWh a month: homes left out count as without any limit."""
    one = village(3, "L5", "all", TWICE).using(7, 3_000_000)
    left_out = [next(home for home in sorted(one.draw.listed) if home != 7)]
    without = replace(one, asked=replace(one.asked, limit=Limit()))

    found = one.estimated(left_out)

    assert found.above_limit == 1
    assert (found.bound_wh, found.saved_wh) == (
        without.estimated(left_out).bound_wh,
        without.estimated(left_out).saved_wh,
    )


@pytest.mark.parametrize("comparison", ["stratified", "matched"])
@pytest.mark.parametrize("group", ["held out", "asked"])
def test_weights_are_given_up_where_a_home_has_no_baseline(comparison: str, group: str) -> None:
    """And then the bound does not depend on where among the others such a home would have been put."""
    one = village(3, "L3", comparison, Limit())
    home = min(one.draw.held if group == "held out" else set(one.draw.listed) - set(one.draw.held))
    then = one.then.copy()
    then[home, 0] = -1
    one = replace(one, then=then)

    found = one.estimated()

    assert found.comparison == "all"
    assert (found.left_out, found.limited) == (1, 0)
    with_all = replace(one, asked=replace(one.asked, comparison="all")).estimated()
    assert found.bound_wh == with_all.bound_wh
