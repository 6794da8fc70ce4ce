"""Replayed: where movements left each serial number, computed again, against the blocks that say where it is now.

Movements are sealed in the log and blocks are not, since they change: a block that somebody moved by hand would let a
number that is retired be used again, with every sum as it should be.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from tanpuhui.ledger.invariants import Finding
from tanpuhui.registry.models import Block, Lot, Movement

#: Blocks that are named.
MOST = 20
#: A state and an owner.
Hand = tuple[str, int]
#: The first number of each run, the last one, and the hand that has it.
Run = tuple[int, int, Hand]


def misplaced() -> list[Finding]:
    """Blocks whose numbers the movements, in their order, left in another hand or state; up to 20 of them."""
    return [finding for _, finding in zip(range(MOST), _misplaced(), strict=False)]


def _misplaced() -> Iterator[Finding]:
    left = {code: [(first, last, (Block.OPEN, 0))] for code, first, last in _lots()}
    moved = Movement.objects.order_by("lot_id", "pk").values_list(
        "lot_id", "first", "last", "to_state", "to_owner"
    )
    for lot, rows in groupby(moved.iterator(chunk_size=10_000), key=itemgetter(0)):
        for _, first, last, state, owner in rows:
            move(left.setdefault(lot, []), first, last, (state, owner))
    live = Block.objects.filter(closed_at__isnull=True).order_by("lot_id", "first")
    for block in live.iterator(chunk_size=10_000):
        found = _hand_of(left.get(block.lot_id, []), block.first, block.last)
        if found != (block.state, block.owner):
            whose = "{} of {}".format(*found) if found else "in several hands"
            yield Finding(
                "blocks_are_where_movements_left_them",
                "registry_block",
                f"id={block.pk} {block.lot_id} {block.first} to {block.last}",
                f"{block.state} of {block.owner}; movements left it {whose}",
            )


def _lots() -> Iterator[tuple[str, int, int]]:
    yield from Lot.objects.order_by("pk").values_list("code", "serial_first", "serial_last").iterator()


def move(runs: list[Run], first: int, last: int, hand: Hand) -> None:
    """Let ``hand`` have the numbers from first to last; runs stay in order and do not overlap.

    >>> runs = [(1, 9, ("open", 0))]
    >>> move(runs, 4, 5, ("held", 7))
    >>> runs
    [(1, 3, ('open', 0)), (4, 5, ('held', 7)), (6, 9, ('open', 0))]
    """
    begin = max(bisect_right(runs, first, key=itemgetter(0)) - 1, 0)
    end = bisect_right(runs, last, key=itemgetter(0))
    kept: list[Run] = []
    for low, high, before in runs[begin:end]:
        if low < first:
            kept.append((low, min(high, first - 1), before))
        if high > last:
            kept.append((max(low, last + 1), high, before))
    runs[begin:end] = sorted([*kept, (first, last, hand)])


def _hand_of(runs: list[Run], first: int, last: int) -> Hand | None:
    """The one hand that has all numbers of a range; ``None`` where there are several, or a number is in no run."""
    place, at, hand = bisect_right(runs, first, key=itemgetter(0)) - 1, first, None
    while place >= 0 and place < len(runs) and at <= last:
        low, high, found = runs[place]
        if not low <= at <= high or hand not in (None, found):
            return None
        hand, at, place = found, high + 1, place + 1
    return hand if at > last else None
