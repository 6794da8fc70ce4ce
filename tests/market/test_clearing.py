"""Clearing an auction: by hand, against a slow oracle, and fast enough."""

from __future__ import annotations

import random
import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanpuhui.market.clearing import AuctionBid, Clearing, clear


def bids_of(*bids: tuple[int, int]) -> list[AuctionBid]:
    return [AuctionBid(number, price, tonnes) for number, (price, tonnes) in enumerate(bids, 1)]


def got(found: Clearing) -> list[int]:
    return [fill.tonnes for fill in found.fills]


@pytest.mark.parametrize(
    ("bids", "price", "fills"),
    [
        ([], 60, []),
        ([(59, 10)], 60, [0]),
        ([(60, 1)], 60, [1]),
        ([(90, 10)], 90, [10]),
        # 9 t are wanted and 10 offered: all get what they bid for, at the reserve price.
        ([(90, 4), (61, 5)], 60, [4, 5]),
        # Exactly all: the lowest price that is needed for it.
        ([(90, 4), (61, 6)], 61, [4, 6]),
        ([(90, 4), (61, 7)], 61, [4, 6]),
        ([(90, 4), (80, 6), (70, 9)], 80, [4, 6, 0]),
        # 4 t left for 3 + 3 + 3 at 70: 1 1/3 each, one tonne over, to the earliest.
        ([(90, 6), (70, 3), (70, 3), (70, 3)], 70, [6, 2, 1, 1]),
        # 4 t left for 1 + 5 + 2: 0.5, 2.5, 1 exactly: one tonne over, the first of the two halves.
        ([(90, 6), (70, 1), (70, 5), (70, 2)], 70, [6, 1, 2, 1]),
        # 7 t left for 2 + 5 + 4 (of 11): 14/11, 35/11, 28/11: 1, 3, 2 and one over to 28/11's rest of 6.
        ([(90, 3), (70, 2), (70, 5), (70, 4)], 70, [3, 1, 3, 3]),
    ],
)
def test_ten_tonnes_at_sixty_at_least(bids: list[tuple[int, int]], price: int, fills: list[int]) -> None:
    found = clear(bids_of(*bids), 10, 60)

    assert (found.price_minor, got(found)) == (price, fills)
    assert found.sold_t == sum(fills)


def test_a_fill_says_why() -> None:
    found = clear(bids_of((90, 6), (70, 3), (70, 3), (70, 3), (65, 1), (50, 1)), 10, 60)

    assert [fill.why for fill in found.fills] == [
        "above_price",
        "at_price",
        "at_price",
        "at_price",
        "below_price",
        "under_reserve",
    ]
    assert (found.above_t, found.at_price_t) == (6, 9)
    assert [(fill.rest, fill.of, fill.rounded_up) for fill in found.fills[1:3]] == [
        (3, 9, True),
        (3, 9, False),
    ]


def slow_price(bids: list[AuctionBid], supply_t: int, reserve: int) -> int:
    """The highest price from the reserve price on, tried one by one, at which bids want everything."""
    top = max([reserve, *(bid.price_minor for bid in bids)])
    for price in range(top, reserve, -1):
        if sum(bid.tonnes for bid in bids if bid.price_minor >= price) >= supply_t:
            return price
    return reserve


def slow_fills(bids: list[AuctionBid], supply_t: int, reserve: int) -> dict[int, int]:
    """Tonnes given out one at a time: at the price, to whoever is furthest behind its exact share."""
    price = slow_price(bids, supply_t, reserve)
    fills = {bid.number: bid.tonnes if bid.price_minor > price else 0 for bid in bids}
    at_price = [bid for bid in bids if bid.price_minor == price]
    wanted = sum(bid.tonnes for bid in at_price)
    left = min(supply_t - sum(fills.values()), wanted)
    exact = {bid.number: Fraction(bid.tonnes * left, wanted) for bid in at_price}
    for bid in at_price:
        while fills[bid.number] + 1 <= exact[bid.number]:
            fills[bid.number] += 1
    for _ in range(supply_t if left else 0):
        if sum(fills[bid.number] for bid in at_price) == left:
            break
        behind = {bid.number: exact[bid.number] - fills[bid.number] for bid in at_price}
        fills[min(behind, key=lambda number: (-behind[number], number))] += 1
    return fills


@given(
    st.lists(st.tuples(st.integers(55, 75), st.integers(1, 12)), max_size=14),
    st.integers(1, 60),
    st.integers(56, 70),
    st.randoms(use_true_random=False),
)
@settings(max_examples=400, deadline=None)
def test_it_is_what_a_slow_oracle_says_in_whichever_order_bids_are_given(
    given_bids: list[tuple[int, int]], supply_t: int, reserve: int, shuffle: random.Random
) -> None:
    bids = bids_of(*given_bids)
    mixed = list(bids)
    shuffle.shuffle(mixed)

    found = clear(mixed, supply_t, reserve)

    assert found == clear(bids, supply_t, reserve)
    assert found.price_minor == slow_price(bids, supply_t, reserve)
    assert {fill.number: fill.tonnes for fill in found.fills} == slow_fills(bids, supply_t, reserve)
    valid_t = sum(bid.tonnes for bid in bids if bid.price_minor >= reserve)
    assert found.sold_t == min(supply_t, valid_t)
    by_number = {bid.number: bid for bid in bids}
    for fill in found.fills:
        assert 0 <= fill.tonnes <= by_number[fill.number].tonnes
        assert fill.tonnes == 0 or by_number[fill.number].price_minor >= found.price_minor >= reserve


def test_a_hundred_thousand_bids_clear_in_two_seconds() -> None:
    dice = random.Random(7)
    bids = [AuctionBid(n, dice.randint(5_000, 9_000), dice.randint(1, 500)) for n in range(100_000)]
    started = time.perf_counter()

    found = clear(bids, 10_000_000, 5_500)

    assert time.perf_counter() - started < 2
    assert found.sold_t == 10_000_000
