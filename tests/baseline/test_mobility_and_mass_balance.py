"""Mobility and mass balance, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanpuhui.baseline.deduction import deduction
from tanpuhui.baseline.mass_balance import Station, balance, incineration_avoided_mg, of_act
from tanpuhui.baseline.mobility import Mode, avoided
from tanpuhui.baseline.refusals import SharesDoNotSum

MODES = {"car": Mode(200), "bus": Mode(50), "metro": Mode(40), "walk": Mode(0)}
SPLIT = {"car": 0.3, "bus": 0.3, "metro": 0.2, "walk": 0.2}
REPLACED = {"car": 0.1, "bus": 0.4, "metro": 0.3, "walk": 0.2}


@pytest.mark.parametrize(("half_width", "part"), [(0.10, 0.0), (0.20, 0.0638), (0.50, 0.1594)])
def test_deductions_are_those_of_art_trees(half_width: float, part: float) -> None:
    assert round(deduction(half_width), 4) == part
    assert round(deduction(0.10, free_up_to=0.0), 4) == 0.0319


def test_the_smaller_of_the_two_methods_is_credited() -> None:
    """Split 60 + 15 + 8 = 83, replaced 20 + 20 + 12 = 52; less 2 for the bicycle: 81 and 50. With very many asked
    nothing is uncertain."""
    result = avoided(Mode(2), MODES, split=SPLIT, replaced=REPLACED, asked=10_000_000)

    assert (result.mean.avoided_g_pkm, result.substitution.avoided_g_pkm) == pytest.approx((81, 50))
    assert result.credited_g_pkm == pytest.approx(50)


def test_shares_that_are_rounded_up_credit_no_more_than_a_whole() -> None:
    """0.75 of cars and 0.251 of buses are 162.55 of 1.001, so 162.388 of 1; with 0.249 there lacks 0.001: 162.45."""

    def credited(bus: float) -> float:
        shares = {"car": 0.75, "bus": bus}
        return avoided(Mode(0), MODES, split={"car": 1}, replaced=shares, asked=0).credited_g_pkm

    assert credited(0.251) == pytest.approx(162.55 / 1.001)
    assert credited(0.249) == pytest.approx(162.45)


def test_fewer_people_asked_cost_a_deduction() -> None:
    """Variance of one answer: .1 x 148^2 + .4 x 2^2 + .3 x 12^2 + .2 x 52^2 = 2776; of a hundred 27.76, error 5.269.
    1.645 x 5.269 / 50 = 17.33 %; 0.524417 x 17.33 % / 1.645006 = 5.526 %: 47.24 is left."""
    result = avoided(Mode(2), MODES, split=SPLIT, replaced=REPLACED, asked=100)

    assert result.substitution.half_width_90 == pytest.approx(0.1733, abs=1e-4)
    assert result.credited_g_pkm == pytest.approx(47.24, abs=0.005)


def test_walking_is_left_out_of_the_split_where_the_methodology_says_so_and_stays_among_the_answers() -> None:
    """83 / 0.8 = 103.75, less 2."""
    result = avoided(
        Mode(2), MODES, split=SPLIT, replaced=REPLACED, asked=10_000_000, excluded=frozenset({"walk"})
    )

    assert result.mean.avoided_g_pkm == pytest.approx(101.75)
    assert result.credited_g_pkm == pytest.approx(50)


def test_uncertain_factors_cost_a_deduction_and_rebound_is_taken_off() -> None:
    """Only cars are replaced, 200 with 20 % error: half-width 1.645 x 40 / 200 = 32.9 %, deduction 10.49 %. Half is
    rebound: 100 x 0.8951 = 89.51."""
    cars = {"car": Mode(200, relative_error=0.20)}
    result = avoided(Mode(0), cars, split={"car": 1}, replaced={"car": 1}, asked=0, rebound=0.5)

    assert result.mean.half_width_90 == pytest.approx(0.329)
    assert result.credited_g_pkm == pytest.approx(89.51, abs=0.005)


def test_the_method_with_less_left_after_its_deduction_is_credited_though_its_mean_is_larger() -> None:
    """Replaced: half cars, 100, from four answers: error 100 / 2 = 50, half-width 82.25 %, deduction 26.22 %: 73.78 is
    left of 100. The split gives 90, counted and not asked."""
    modes = {"car": Mode(200), "none": Mode(0)}
    result = avoided(
        Mode(0), modes, split={"car": 0.45, "none": 0.55}, replaced={"car": 0.5, "none": 0.5}, asked=4
    )

    assert result.mean.credited_g_pkm == pytest.approx(90)
    assert result.credited_g_pkm == pytest.approx(73.78, abs=0.005)


def test_a_split_that_was_asked_for_has_an_error_too() -> None:
    """The same the other way round."""
    modes = {"car": Mode(200), "none": Mode(0)}
    half = {"car": 0.5, "none": 0.5}
    result = avoided(Mode(0), modes, split=half, replaced=half, asked=0, split_asked=4)

    assert result.credited_g_pkm == result.mean.credited_g_pkm == pytest.approx(73.78, abs=0.005)


def test_a_mode_that_is_worse_than_what_it_replaces_is_credited_nothing() -> None:
    result = avoided(Mode(60), MODES, split=SPLIT, replaced=REPLACED, asked=100)

    assert result.substitution.avoided_g_pkm == pytest.approx(-8)
    assert result.credited_g_pkm == 0


@pytest.mark.parametrize("shares", [{"car": 0.9}, {"car": 1.2, "bus": -0.2}])
def test_shares_that_do_not_sum_to_one_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(SharesDoNotSum):
        avoided(Mode(0), MODES, split=shares, replaced=REPLACED, asked=100)


@pytest.mark.parametrize(
    ("sorted_g", "fetched_g", "counted_g", "score", "reason"),
    [
        (105_000, 100_000, 100_000, 1000, "balances"),
        # 100,000 / 105,001 = 0.95237
        (105_001, 100_000, 100_000, 952, "over"),
        (100_000, 80_000, 80_000, 800, "over"),
        (80_000, 100_000, 80_000, 800, "under"),
        (95_000, 100_000, 95_000, 1000, "balances"),
        (94_999, 100_000, 94_999, 949, "under"),
        (50_000, 0, 0, 0, "over"),
        (0, 0, 0, 1000, "balances"),
        (0, 50_000, 0, 0, "under"),
        (50_000, None, 0, 0, "not_weighed"),
    ],
)
def test_a_station_counts_no_more_than_was_fetched_and_less_where_it_does_not_balance(
    sorted_g: int, fetched_g: int | None, counted_g: int, score: int, reason: str
) -> None:
    result = balance(Station("north", sorted_g, fetched_g))

    assert (result.counted_g, result.score_permille, result.reason) == (counted_g, score, reason)


@given(
    masses_g=st.lists(st.integers(0, 10**9), max_size=20),
    fetched_g=st.one_of(st.none(), st.integers(0, 10**12)),
)
def test_the_acts_of_a_station_never_count_more_than_the_station_and_lose_less_than_a_gram_each(
    masses_g: list[int], fetched_g: int | None
) -> None:
    sorted_g = sum(masses_g)
    whole = balance(Station("north", sorted_g, fetched_g))

    parts = [of_act(mass_g, counted_g=whole.counted_g, sorted_g=sorted_g) for mass_g in masses_g]

    assert whole.counted_g <= min(sorted_g, fetched_g or 0)
    assert sum(parts) <= whole.counted_g <= sum(parts) + len(parts)
    assert all(0 <= part <= mass_g for part, mass_g in zip(parts, masses_g, strict=True))


def test_burning_less_than_recycling_costs_counts_against() -> None:
    assert incineration_avoided_mg(1000, incinerated_mg_g=500, recycled_mg_g=200) == 300_000
    assert incineration_avoided_mg(1000, incinerated_mg_g=100, recycled_mg_g=200) == -100_000
