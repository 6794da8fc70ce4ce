"""Moments and days: a day is local, an instant is not."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanpuhui.kit.moment import day_bounds_us, from_us, local_day, to_us


def test_midnight_in_shanghai_begins_a_day() -> None:
    midnight = to_us(datetime(2018, 8, 31, 16, 0, tzinfo=UTC))

    assert local_day(midnight, "Asia/Shanghai") == date(2018, 9, 1)
    assert local_day(midnight - 1, "Asia/Shanghai") == date(2018, 8, 31)


def test_a_day_with_a_change_of_clock_is_as_long_as_it_is() -> None:
    # 2026-03-29: clocks in Zurich go forward by an hour.
    first, after = day_bounds_us(date(2026, 3, 29), "Europe/Zurich")

    assert after - first == 23 * 3600 * 1_000_000


def test_an_instant_without_a_zone_is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="zone"):
        to_us(datetime(2026, 1, 1))  # noqa: DTZ001


@given(st.integers(-(10**15), 10**16))
def test_microseconds_survive_the_way_through_a_datetime(at_us: int) -> None:
    assert to_us(from_us(at_us)) == at_us
