"""Size: the numbers of the CDM's sampling standard, the design effect, and small populations."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tanpuhui.verification.plan import wanted_of
from tanpuhui.verification.refusals import BadPlan
from tanpuhui.verification.size import Wanted, allocate, size_of

MANY = 10**12


@pytest.mark.parametrize(
    ("precision", "share", "acts"),
    # 1.645^2 * 1 / 0.1^2 = 270.6; 1.645^2 * 0.25 / 0.1^2 = 67.7; 1.96^2 / 0.05^2 = 1536.6; a quarter of it 384.2.
    [("90/10", "0.5", 271), ("90/10", "0.8", 68), ("95/5", "0.5", 1537), ("95/5", "0.8", 385)],
)
def test_a_large_population_needs_what_the_standard_says(precision: str, share: str, acts: int) -> None:
    assert size_of(Wanted(precision, Fraction(share)), MANY).acts == acts


def test_acts_that_come_in_clusters_count_for_less() -> None:
    # 1 + (21 - 1) * 0.05 = 2: 541.2 acts instead of 270.6.
    assert size_of(wanted_of("90/10", cluster="21", icc="0.05"), MANY).acts == 542


@pytest.mark.parametrize(("population", "acts"), [(1, 1), (2, 2), (100, 74), (1000, 214)])
def test_of_a_small_population_fewer_are_needed_and_never_more_than_there_are(
    population: int, acts: int
) -> None:
    # 270.6025 * 100 / (270.6025 + 99) = 73.2; 270.6025 * 1000 / 1269.6025 = 213.1.
    assert size_of(Wanted("90/10"), population).acts == acts


def test_the_arithmetic_is_shown_with_its_numbers() -> None:
    shown = "\n".join(size_of(Wanted("90/10", Fraction("0.8")), 1000).arithmetic)

    assert "1.645^2 * 0.25 / 0.1^2 = 67.6506" in shown
    assert "rounded up to 64" in shown  # 67.650625 * 1000 / 1066.650625 = 63.42


def test_strata_are_drawn_in_proportion_to_their_milligrams_two_at_least_all_at_most() -> None:
    assert allocate(100, [1000, 1000, 1000], [50, 30, 20]) == [50, 30, 20]
    assert allocate(10, [1000, 1000, 1], [990, 5, 5]) == [10, 2, 1]
    # Ten of the two large acts' shares go to the small ones.
    assert allocate(14, [100, 2], [50, 50]) == [12, 2]
    assert allocate(24, [14, 6, 4], [100, 100, 100]) == [14, 6, 4]


@pytest.mark.parametrize(
    "given", [{"share": "0"}, {"share": "1"}, {"share": "half"}, {"cluster": "0.5"}, {"icc": "1.1"}]
)
def test_what_makes_no_sense_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(BadPlan):
        wanted_of("90/10", **given)


def test_another_precision_is_refused() -> None:
    with pytest.raises(BadPlan):
        wanted_of("80/20")
