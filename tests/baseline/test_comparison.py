"""Comparison groups, shrinkage and conformal bounds, by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tanpuhui.baseline.comparison import (
    Shrinkage,
    conformal_factor,
    learn_shrinkage,
    matched,
    own_times_comparison,
    peers_of,
    ratio_to_peers,
    shrunk_baseline,
    strata,
)
from tanpuhui.baseline.refusals import TooFewControls


def test_own_history_is_multiplied_by_what_became_of_the_controls_of_its_stratum() -> None:
    """Stratum 1 went from 500 to 450 (0.9), stratum 2 from 1000 to 1100 (1.1): 100 becomes 90, 200 becomes 220."""
    expected = own_times_comparison(
        np.array([100.0, 200.0]),
        np.array([1, 2]),
        controls_before=np.array([100.0] * 5 + [200.0] * 5),
        controls_after=np.array([90.0] * 5 + [220.0] * 5),
        control_stratum=np.array([1] * 5 + [2] * 5),
    )

    assert expected == pytest.approx([90, 220])


def test_strata_are_quantiles_of_the_pool_and_their_combinations() -> None:
    """The median of 1 to 4 is 2.5: 2 is below, 3 above; 0 and 9 are in the outermost bins."""
    pool = np.array([[1.0, 4.0], [2.0, 3.0], [3.0, 2.0], [4.0, 1.0]])
    ours, theirs = strata(np.array([[0.0, 9.0], [9.0, 0.0], [2.0, 2.0]]), pool, bins=2)

    assert theirs.tolist() == [2, 2, 1, 1]
    assert ours.tolist() == [2, 1, 0]


def test_comstock_s_twelve_hundred_meters_make_eight_strata_of_a_hundred_and_fifty(shared_data: Path) -> None:
    features = np.loadtxt(
        shared_data / "opendsm_samples/comstock/features.csv", delimiter=",", skiprows=1, usecols=3
    )
    _, stratum = strata(features[:1, None], features[:, None])

    assert np.bincount(stratum).tolist() == [150] * 8


@pytest.mark.parametrize("homes", [0, 4])
def test_fewer_than_five_controls_are_no_comparison(homes: int) -> None:
    with pytest.raises(TooFewControls, match="5 are needed"):
        ratio_to_peers(np.full(homes, 10.0), np.full(homes, 9.0))


def test_a_home_is_matched_with_the_controls_most_like_it_in_units_of_their_spread() -> None:
    """Both features have the same spread after scaling, so (1, 100) is nearer to (1, 100) than to (2, 100)."""
    pool = np.array([[0.0, 0.0], [1.0, 100.0], [2.0, 200.0], [3.0, 300.0], [4.0, 400.0]])

    assert matched(np.array([[1.1, 110.0], [3.9, 390.0]]), pool, each=2).tolist() == [[1, 2], [4, 3]]


def test_controls_weigh_as_much_as_the_homes_that_are_compared_with_them() -> None:
    """Strata below and above 150: homes of 60 and of 600 in them over controls of 500 and of 1,000 (0.12 and 0.6).

    Five nearest of the home of 60: the small ones; of 600 (nearer to 200 than to 100): the large ones: the same.
    """
    homes, controls = np.array([60.0, 600.0]), np.array([100.0] * 5 + [200.0] * 5)
    after = np.array([90.0] * 5 + [220.0] * 5)

    for comparison in ("stratified", "matched"):
        peers = peers_of(comparison, homes, controls, bins=2)
        assert peers.weights(homes, controls) == pytest.approx([0.12] * 5 + [0.6] * 5)
        assert peers.ratios(controls, after) == pytest.approx([0.9, 1.1])
    everybody = peers_of("all", homes, controls)
    assert everybody.weights(homes, controls) == pytest.approx([660 / 1500] * 10)
    assert everybody.ratios(controls, after) == pytest.approx([1550 / 1500] * 2)


def test_strata_are_as_few_as_give_each_five_controls() -> None:
    """Nine controls of which five used nothing: strata of four would be too few, and of none nothing is known."""
    controls = np.array([0.0] * 5 + [100.0] * 4)

    peers = peers_of("stratified", np.array([0.0, 50.0]), controls)

    assert [one.tolist() for one in peers.members] == [list(range(9))]


def test_three_months_are_believed_by_half_where_months_vary_three_times_as_much_as_homes() -> None:
    """w = 0.04 / (0.04 + 0.12 / 3) = 0.5; a home 0.2 above its peers in logs is taken to be 0.1 above."""
    learned = Shrinkage(mean=0.0, between=0.04, within=0.12)
    peers = np.array([100.0, 200.0, 50.0, 80.0])
    own = np.array([[*(peers[:3] * math.exp(0.2)), np.nan], [np.nan] * 4])

    baseline = shrunk_baseline(own, peers, np.array([60.0]), learned)

    assert learned.weight(np.array([0, 3])) == pytest.approx([0, 0.5])
    assert baseline[:, 0] == pytest.approx([60 * math.exp(0.1), 60])


def test_the_spread_of_homes_and_of_months_is_learned_from_controls() -> None:
    """Simulated with log-sd 0.34 between homes and 0.20 within: 0.1156 and 0.04."""
    random = np.random.default_rng(1)
    controls = np.exp(random.normal(0, 0.34, (3000, 1)) + random.normal(0, 0.20, (3000, 12)))

    learned = learn_shrinkage(controls)

    assert learned.between == pytest.approx(0.1156, rel=0.08)
    assert learned.within == pytest.approx(0.04, rel=0.03)


def test_homes_that_never_vary_are_believed_wholly() -> None:
    controls = np.exp(np.linspace(-1, 1, 30))[:, None] * np.ones((30, 12))

    assert learn_shrinkage(controls).weight(np.array([1])) == pytest.approx([1])


def test_fewer_than_thirty_controls_teach_no_shrinkage() -> None:
    with pytest.raises(TooFewControls, match="30"):
        learn_shrinkage(np.ones((29, 12)))


def test_the_conformal_factor_is_the_second_smallest_of_nineteen() -> None:
    """floor(0.10 x 20) = 2; with 9 it is the smallest, and with 8 there is none."""
    ratios = np.array([1.0 + 0.01 * n for n in range(19)])[::-1]

    assert conformal_factor(ratios) == pytest.approx(1.01)
    assert conformal_factor(ratios[:9]) == pytest.approx(1.10)
    with pytest.raises(TooFewControls, match="9 are needed"):
        conformal_factor(ratios[:8])


def test_homes_that_did_nothing_fall_below_the_conformal_bound_in_a_tenth_of_cases() -> None:
    """V7: 90 % coverage, give or take 2 points, over 400 placebo programmes."""
    random = np.random.default_rng(11)
    ratios = np.exp(random.normal(0, 0.3, (400, 200)))
    below = [(one[100:] < conformal_factor(one[:100])).mean() for one in ratios]

    assert abs(float(np.mean(below)) - 0.10) < 0.02
