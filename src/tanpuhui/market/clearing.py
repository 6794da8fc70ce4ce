"""Clearing: who gets how much in an auction, and at which one price. Plain values in, plain values out; no database.

The price is the highest at which bids want all that is offered; where they never do, it is the reserve price. Who bid
more gets everything that was bid for; at the price itself what is left is shared in proportion to the tonnes bid for,
rounded down, and the tonnes left over go to the largest remainders, the earlier bid first where two are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

ABOVE, SHARED, BELOW, UNDER_RESERVE = "above_price", "at_price", "below_price", "under_reserve"


class AuctionBid(NamedTuple):
    """So many tonnes at most at a price of a tonne; numbers are in the order in which bids came."""

    number: int
    price_minor: int
    tonnes: int


class Fill(NamedTuple):
    """What a bid gets, and why: ``rest`` over ``of`` was lost by rounding down; ``rounded_up`` where it came back."""

    number: int
    tonnes: int
    why: str
    rest: int = 0
    of: int = 0
    rounded_up: bool = False

    def as_json(self) -> dict[str, Any]:
        return self._asdict()


@dataclass(frozen=True)
class Clearing:
    """One price for all, and a fill for every bid in the order of their numbers."""

    price_minor: int
    supply_t: int
    sold_t: int
    #: Tonnes that bids above the price and at the price want.
    above_t: int
    at_price_t: int
    fills: tuple[Fill, ...]


def clear(bids: Sequence[AuctionBid], supply_t: int, reserve_minor: int) -> Clearing:
    """Clear an auction. The same bids give the same answer, in whichever order they are given.

    >>> found = clear([AuctionBid(1, 80, 6), AuctionBid(2, 70, 6), AuctionBid(3, 70, 3)], 10, 60)
    >>> found.price_minor, [fill.tonnes for fill in found.fills]
    (70, [6, 3, 1])
    """
    assert supply_t >= 1
    assert reserve_minor >= 1
    assert all(bid.tonnes >= 1 for bid in bids)
    assert len({bid.number for bid in bids}) == len(bids), "bids are numbered"
    valid = [bid for bid in bids if bid.price_minor >= reserve_minor]
    price = _price(valid, supply_t, reserve_minor)
    above_t = sum(bid.tonnes for bid in valid if bid.price_minor > price)
    marginal = [bid for bid in valid if bid.price_minor == price]
    at_price_t = sum(bid.tonnes for bid in marginal)
    shared = {fill.number: fill for fill in _share(marginal, min(supply_t - above_t, at_price_t))}
    fills = [shared.get(bid.number) or _whole(bid, price, reserve_minor) for bid in bids]
    return Clearing(
        price_minor=price,
        supply_t=supply_t,
        sold_t=sum(fill.tonnes for fill in fills),
        above_t=above_t,
        at_price_t=at_price_t,
        fills=tuple(sorted(fills, key=lambda fill: fill.number)),
    )


def _price(valid: list[AuctionBid], supply_t: int, reserve_minor: int) -> int:
    wanted = 0
    for bid in sorted(valid, key=lambda bid: -bid.price_minor):
        wanted += bid.tonnes
        if wanted >= supply_t:
            return bid.price_minor
    return reserve_minor


def _whole(bid: AuctionBid, price: int, reserve_minor: int) -> Fill:
    if bid.price_minor > price:
        return Fill(bid.number, bid.tonnes, ABOVE)
    return Fill(bid.number, 0, UNDER_RESERVE if bid.price_minor < reserve_minor else BELOW)


def _share(marginal: list[AuctionBid], left_t: int) -> list[Fill]:
    """What is left for bids at the price: rounded down, since it is all there is; then the largest remainders."""
    wanted_t = sum(bid.tonnes for bid in marginal)
    parts = [(bid, *divmod(bid.tonnes * left_t, wanted_t)) for bid in marginal]
    over = left_t - sum(whole for _, whole, _ in parts)
    by_rest = sorted(parts, key=lambda part: (-part[2], part[0].number))
    up = {bid.number for bid, _, _ in by_rest[:over]}
    return [
        Fill(bid.number, whole + (bid.number in up), SHARED, rest, wanted_t, bid.number in up)
        for bid, whole, rest in parts
    ]
