"""Ranges: move serial numbers that are named, where another platform says which ones went where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connection

from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.registry.models import Annulment, Block, Movement
from tanpuhui.registry.refusals import LotAnnulled, RangeElsewhere
from tanpuhui.registry.units import (
    Place,
    Range,
    UnitOrder,
    answered,
    asset_of,
    join_neighbours,
    lock_lots,
)


@dataclass(frozen=True)
class Named:
    """Which numbers of one lot go, under which verb and order; the order's parts are not looked at."""

    verb: str
    order: UnitOrder
    range: Range


def move_named(
    named: Named, source: Place, target: Place, at: datetime, *, account: int | None = None
) -> tuple[Range, ...]:
    """Move milligrams and just these serial numbers together, in the caller's transaction; a repeat does nothing.

    ``account`` has the milligrams where it is not the source's own: of numbers that are open.
    """
    one = named.range
    lock_lots([one.lot])
    known = answered(named.verb, named.order.key)
    if known:
        return known
    if Annulment.objects.filter(pk=one.lot).exists():
        raise LotAnnulled(lot=one.lot)
    blocks = blocks_within(one, source)
    _post(named, source, target, at, account)
    for block in blocks:
        _cut(block, one, source, target, at)
    join_neighbours(one.lot, target, at)
    moved = [Range(one.lot, max(block.first, one.first), min(block.last, one.last)) for block in blocks]
    Movement.objects.bulk_create(
        Movement(
            verb=named.verb,
            key=named.order.key,
            lot_id=part.lot,
            first=part.first,
            last=part.last,
            from_state=source.state,
            from_owner=source.owner,
            to_state=target.state,
            to_owner=target.owner,
            said=named.order.said,
            made_at=at,
        )
        for part in moved
    )
    return tuple(moved)


def blocks_within(one: Range, source: Place) -> list[Block]:
    """The source's blocks that have these numbers; refuses when they do not have all of them."""
    live = Block.objects.filter(lot=one.lot, closed_at__isnull=True, first__lte=one.last, last__gte=one.first)
    mine = list(live.filter(state=source.state, owner=source.owner, hold=source.hold).order_by("first"))
    covered = sum(min(block.last, one.last) - max(block.first, one.first) + 1 for block in mine)
    if covered != one.tonnes:
        raise RangeElsewhere(first=one.first, last=one.last, lot=one.lot)
    return mine


def hands_of(lot: str, first: int, last: int) -> list[tuple[Range, Block]]:
    """Where numbers are now: the pieces of a range with the block that has each, in order."""
    live = Block.objects.filter(lot=lot, closed_at__isnull=True, first__lte=last, last__gte=first)
    return [
        (Range(lot, max(block.first, first), min(block.last, last)), block)
        for block in live.order_by("first")
    ]


def whole_ranges(ranges: Sequence[Range]) -> list[Range]:
    """The same numbers in as few ranges as there can be."""
    joined: list[Range] = []
    for one in sorted(ranges, key=lambda part: (part.lot, part.first)):
        if joined and joined[-1].lot == one.lot and joined[-1].last + 1 == one.first:
            joined[-1] = replace(joined[-1], last=one.last)
        else:
            joined.append(one)
    return joined


def _post(named: Named, source: Place, target: Place, at: datetime, account: int | None) -> None:
    one, order = named.range, named.order
    legs = move(
        source=account_id(source.kind, source.owner) if account is None else account,
        target=account_id(target.kind, target.owner),
        asset_id=asset_of(one.lot),
        amount=one.tonnes * TONNE_MG,
    )
    manifest = digest_json([named.verb, order.holder, target.owner, order.said, one.first, one.last])
    posted = TransferOrder(f"{named.verb}:{order.key}", named.verb, order.effective_on, legs, manifest)
    transfer(connection, posted, at=at).accepted()


def _cut(block: Block, one: Range, source: Place, target: Place, at: datetime) -> None:
    """Close a block; its numbers within the range go to the target, and the others stay where they were."""
    first, last = max(block.first, one.first), min(block.last, one.last)
    Block.objects.filter(pk=block.pk).update(closed_at=at)
    for low, high, place in (
        (block.first, first - 1, source),
        (first, last, target),
        (last + 1, block.last, source),
    ):
        if low <= high:
            Block.objects.create(
                lot_id=one.lot,
                first=low,
                last=high,
                state=place.state,
                owner=place.owner,
                hold=place.hold,
                opened_at=at,
            )


def open_of(kind: Kind) -> Place:
    """Numbers that are open: their milligrams are with residents, a pool, or a district."""
    return Place(Block.OPEN, 0, kind)
