"""Exact numbers: decimals in, decimals out, and nothing lost when a whole is shared."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanpuhui.kit.exact import format_fraction, parse_decimal, share_out


@pytest.mark.parametrize("text", ["1e3", " 1", "1,5", "nan", "", ".5", "0x1", "1_000", "١"])
def test_only_plain_decimals_are_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="plain decimal"):
        parse_decimal(text)


@given(st.integers(-(10**30), 10**30), st.integers(0, 20))
def test_a_decimal_is_read_and_written_without_change_of_value(digits: int, places: int) -> None:
    value = Fraction(digits, 10**places)

    assert parse_decimal(format_fraction(value)) == value


def test_a_fraction_without_an_end_is_written_as_a_fraction() -> None:
    assert format_fraction(Fraction(-2, 3)) == "-2/3"


def test_a_lot_is_shared_by_largest_remainder_worked_by_hand() -> None:
    # 100 among 1, 2 and 4: 14 rest 2, 28 rest 4, 57 rest 1 (of 7); one is left and goes to the rest of 4.
    assert share_out(100, [1, 2, 4]) == [14, 29, 57]


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=40).filter(any), st.data())
def test_parts_sum_to_the_whole_and_none_exceeds_its_weight(weights: list[int], data: st.DataObject) -> None:
    whole = data.draw(st.integers(0, sum(weights)))

    parts = share_out(whole, weights)

    assert sum(parts) == whole
    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))
    assert all(
        abs(part * sum(weights) - whole * weight) < sum(weights)
        for part, weight in zip(parts, weights, strict=True)
    )
