"""Rungs: what each certifies in made-up lists whose truth is known, as a programme is settled: through ``estimate``.

``bench/rungs.py`` does the same for 200 lists a rung.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from programme.simulated import Simulated, simulate
from tanpuhui.baseline.refusals import TooFewControls
from tanpuhui.programme.estimate import Limit

RUNGS = [
    ("L2", "all"),
    ("L3", "all"),
    ("L3", "stratified"),
    ("L3", "matched"),
    ("L4", "all"),
    ("L5", "all"),
]
LISTS = 30


def certified_parts(rung: str, comparison: str, saving: float) -> np.ndarray:
    """What is certified in each list, as a part of what its homes asked would have used."""
    parts = []
    for seed in range(LISTS):
        one = simulate(seed, saving=saving, rung=rung, comparison=comparison)
        held = np.isin(np.arange(len(one.now)), list(one.draw.held))
        parts.append(one.estimated().bound_wh / (float(one.now[~held].sum()) / (1 - saving)))
    return np.array(parts)


@pytest.mark.slow
@pytest.mark.parametrize(("rung", "comparison"), RUNGS)
def test_where_nobody_saved_hardly_anything_is_certified_in_a_mild_year(
    rung: str, comparison: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One list in twenty, give or take what 30 lists can show: no more than once in a thousand such tests."""
    monkeypatch.setattr("tanpuhui.programme.estimate.DRAWS", 200)

    parts = certified_parts(rung, comparison, 0.0)

    assert (parts > 0).sum() <= binom.ppf(0.999, LISTS, 0.05)
    assert parts.mean() < 0.004


@pytest.mark.slow
@pytest.mark.parametrize("saving", [0.03, 0.08])
@pytest.mark.parametrize(("rung", "comparison"), RUNGS)
def test_no_more_than_the_truth_is_certified_on_average(
    rung: str, comparison: str, saving: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tanpuhui.programme.estimate.DRAWS", 200)

    parts = certified_parts(rung, comparison, saving)

    assert parts.mean() < saving
    if saving > 0.05:
        assert (parts > 0).mean() > 0.5


def plain(rung: str, comparison: str = "all") -> Simulated:
    """100 homes, 40 of them held out."""
    return simulate(1, homes=100, percent=40, rung=rung, comparison=comparison)


def test_short_histories_are_taken_up_to_the_year_by_those_held_out() -> None:
    """L2, without any noise: a home is 1, 2 or 3 times a profile, so its level is believed wholly from one month.

    Months 1 to 3 of the profile are 100, 200 and 300 kWh. Everybody uses a tenth less after, the 60 asked a fifth less
    than that: each saves 0.2 x 0.9 x 600 = 108 kWh times its size, 20 homes of each size: 108 x 20 x (1 + 2 + 3).
    """
    one = plain("L2")
    profile = np.array([100, 200, 300, 50, 60, 70, 80, 90, 110, 120, 130, 140]) * 1_000
    size = np.ones(100, dtype=np.int64)
    held = np.array(sorted(one.draw.held))
    asked = np.setdiff1d(np.arange(100), held)
    size[asked], size[held] = np.arange(60) % 3 + 1, np.arange(40) % 3 + 1
    then = size[:, None] * profile
    now = then[:, :3] * 9 // 10
    now[asked] = now[asked] * 8 // 10
    then[asked, :11] = -1

    found = replace(one, then=then, now=now).estimated()

    assert abs(found.saved_wh - 12_960_000) <= 1
    assert (found.modelled, found.left_out) == (60, 0)


def test_a_history_is_shrunk_from_thirty_homes_held_out_on() -> None:
    one = plain("L2")
    then = one.then.copy()
    then[sorted(one.draw.held)[:11], 5] = 0

    with pytest.raises(TooFewControls, match="30 are needed"):
        replace(one, then=then).estimated()


def weathered(saving: float) -> Simulated:
    """Each home uses size x (8 + 0.5 kWh for each degree F below 60) a day; the second winter is 10 F colder."""
    one = plain("L4")
    assert one.temperature is not None
    mean_f = [20.0, 24.0, 36.0, 48.0, 58.0, 66.0, 70.0, 68.0, 60.0, 50.0, 38.0, 26.0, 10.0, 14.0, 26.0]
    rows = one.temperature.to_pylist()
    months = sorted({row["day"][:7] for row in rows})
    by_month = dict(zip(months, mean_f, strict=True))
    temperature = one.temperature.set_column(
        1, "mean_mf", [[round(by_month[row["day"][:7]] * 1000) for row in rows]]
    )
    days = np.array([sum(row["day"][:7] == month for row in rows) for month in months])
    size = 1 + np.arange(100) % 5
    used = size[:, None] * days * (8 + 0.5 * np.maximum(60 - np.array(mean_f), 0)) * 1_000
    held = np.isin(np.arange(100), list(one.draw.held))
    now = np.where(held[:, None], used[:, 12:], used[:, 12:] * (1 - saving))
    return replace(
        one,
        then=np.rint(used[:, :12]).astype(np.int64),
        now=np.rint(now).astype(np.int64),
        temperature=temperature,
    )


def test_a_colder_winter_is_in_the_baseline_of_each_home_before_it_is_compared() -> None:
    """L4, without noise: January 31 x (8 + 25), February 28 x (8 + 23), March 31 x (8 + 17) kWh a size: 2,666 kWh.

    Sizes 1 to 5 sum to 300 over 100 homes; a tenth of what those asked would have used is saved.
    """
    one = weathered(0.1)
    sizes = sum(1 + home % 5 for home in set(one.draw.listed) - set(one.draw.held))

    found = one.estimated()

    assert found.modelled == 100
    assert found.saved_wh == pytest.approx(0.1 * 2_666_000 * sizes, rel=1e-6)


def test_a_home_without_a_model_is_compared_by_its_same_months() -> None:
    """One that used the same in every month (a constant series forbids a model), and held out: 3 x 100 kWh both times.

    Without it the ratio of the others is 1: with it nothing but its own 300 kWh is added on both sides.
    """
    one = weathered(0.1)
    home = min(one.draw.held)
    then, now = one.then.copy(), one.now.copy()
    then[home], now[home] = 100_000, 100_000

    found = replace(one, then=then, now=now).estimated()

    assert found.modelled == 99
    assert found.left_out == 0
    assert found.saved_wh == pytest.approx(one.estimated().saved_wh, rel=1e-6)


def test_a_home_without_one_of_the_twelve_months_has_no_model() -> None:
    """Whoever froze eleven of them chose which: it counts as missing, as without any."""
    one = weathered(0.1)
    then = one.then.copy()
    then[min(one.draw.held), 7] = -1

    found = replace(one, then=then).estimated()

    assert (found.modelled, found.left_out, found.limited) == (99, 1, 0)


def test_strata_and_matches_compare_like_with_like() -> None:
    """Small homes used 100 kWh a month and halve by themselves, large ones used 1,000 and stay.

    30 small and 30 large were asked, and 30 small and 10 large held out. Nobody saved anything: of peers in all the
    ratio is (30 x 50 + 10 x 1,000) / (30 x 100 + 10 x 1,000) = 11,500 / 13,000, so 60 homes of 33,000 kWh a month would
    have used 29,192.3 and used 31,500.
    """
    apart = {}
    for comparison in ("all", "stratified", "matched"):
        one = plain("L3", comparison)
        held = np.array(sorted(one.draw.held))
        small = np.zeros(100, dtype=bool)
        small[held[:30]] = True
        small[np.setdiff1d(np.arange(100), held)[:30]] = True
        then = np.where(small[:, None], 100_000, 1_000_000) * np.ones((1, 12), dtype=np.int64)
        now = np.where(small[:, None], 50_000, 1_000_000) * np.ones((1, 3), dtype=np.int64)
        apart[comparison] = replace(one, then=then, now=now).estimated().saved_wh

    assert apart["all"] == pytest.approx(3 * (33_000_000 * 11_500 / 13_000 - 31_500_000), abs=1)
    assert abs(apart["stratified"]) <= 1
    assert abs(apart["matched"]) <= 1


def test_a_declared_limit_changes_nothing_where_every_home_is_there() -> None:
    one = simulate(2, homes=100, percent=40, saving=0.2, rung="L5")
    limited = replace(one, asked=replace(one.asked, limit=Limit(percent=300)))

    assert limited.estimated().bound_wh == one.estimated().bound_wh
