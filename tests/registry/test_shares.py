"""Shares: whole tonnes of what is pending, split by largest remainder, with what is netted taken off first."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.registry.certify import Order, Shares, decide_shares, refuse_dependent_verifier
from tanpuhui.registry.refusals import LessThanATonne, NobodyVerifies, VerifierIsOperator

ORDER = Order(
    methodology="shanghai/rooftop-pv",
    version=1,
    vintage=2026,
    through=date(2026, 3, 2),
    operator="Platform operator",
    verifier="Green Audit",
    at=datetime(2026, 3, 12, tzinfo=timezone(timedelta(hours=8))),
)


def named(verifier: str, operator: str = "Platform operator") -> Order:
    return Order(**{**vars(ORDER), "verifier": verifier, "operator": operator})


def test_a_tonne_among_three_equals_gives_the_odd_milligram_to_the_first() -> None:
    shares = decide_shares(ORDER, dict.fromkeys((4, 7, 9), 500_000_000))

    # 1e9 / 3 = 333,333,333.33: three equal remainders, one milligram left.
    assert shares == Shares([4, 7, 9], [333_333_334, 333_333_333, 333_333_333], 1)


def test_largest_remainders_get_what_is_left() -> None:
    shares = decide_shares(ORDER, {1: 1_000_000_000, 2: 300_000_001, 3: 200_000_000})

    # 1e9 * (1000000000, 300000001, 200000000) / 1500000001 =
    # 666666666.222, 200000000.533, 133333333.244: one is left for the largest remainder, the second.
    assert shares.amounts_mg == [666_666_666, 200_000_001, 133_333_333]
    assert shares.tonnes == 1


def test_nobody_gives_more_than_they_have_and_a_share_of_nothing_is_left_out() -> None:
    shares = decide_shares(ORDER, {1: TONNE_MG, 2: 1})

    # The second one's part of 1e9 is 0.999999999, the larger remainder: it gives its milligram.
    assert shares == Shares([1, 2], [TONNE_MG - 1, 1], 1)
    # 499,999,999.75, 0.50 and 499,999,999.75: two are left, and the one of 0.50 gets none.
    uneven = decide_shares(ORDER, {1: TONNE_MG - 1, 2: 1, 3: TONNE_MG - 1})
    assert uneven == Shares([1, 3], [500_000_000, 500_000_000], 1)


@pytest.mark.parametrize(("pending_mg", "tonnes"), [(TONNE_MG, 1), (2 * TONNE_MG - 1, 1), (2 * TONNE_MG, 2)])
def test_only_whole_tonnes_are_certified(pending_mg: int, tonnes: int) -> None:
    shares = decide_shares(ORDER, {1: pending_mg})

    assert (shares.tonnes, shares.amounts_mg) == (tonnes, [tonnes * TONNE_MG])


@pytest.mark.parametrize("pending_mg", [{}, {1: TONNE_MG - 1}])
def test_less_than_a_tonne_is_refused(pending_mg: dict[int, int]) -> None:
    with pytest.raises(LessThanATonne):
        decide_shares(ORDER, pending_mg)


def test_negative_results_make_the_lot_smaller() -> None:
    assert decide_shares(ORDER, {1: 3 * TONNE_MG}, below_mg=1).tonnes == 2
    with pytest.raises(LessThanATonne) as refused:
        decide_shares(ORDER, {1: TONNE_MG}, below_mg=2 * TONNE_MG)
    assert refused.value.facts["pending_mg"] == 0


@pytest.mark.parametrize(
    "verifier",
    ["Platform operator", "PLATFORM OPERATOR", "  platform   operator ", "Ｐｌａｔｆｏｒｍ　operator"],
)
def test_the_operator_in_another_spelling_cannot_verify(verifier: str) -> None:
    with pytest.raises(VerifierIsOperator):
        refuse_dependent_verifier(named(verifier))


@pytest.mark.parametrize("verifier", ["", " ", "　"])
def test_nobody_cannot_verify(verifier: str) -> None:
    with pytest.raises(NobodyVerifies):
        refuse_dependent_verifier(named(verifier))
    with pytest.raises(NobodyVerifies):
        refuse_dependent_verifier(named("Green Audit", operator=verifier))


def test_somebody_else_verifies() -> None:
    refuse_dependent_verifier(named("Green Audit"))
