"""Lock: set whole tonnes of several lots aside together, until they are retired, transferred or unlocked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connection

from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.capture import CaptureOrder, Take, capture
from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.ledger.release import release
from tanpuhui.registry.delegate import refuse_use_elsewhere
from tanpuhui.registry.models import Block, Movement
from tanpuhui.registry.refusals import NotLocked
from tanpuhui.registry.units import (
    Part,
    Place,
    Range,
    UnitOrder,
    answered,
    asset_of,
    held_by,
    join_neighbours,
    live_blocks,
    lock_lots,
    move_blocks,
    refuse_short,
    retired_by,
)

VERB, UNLOCK, RETIRE, TRANSFER = "lock", "unlock", "retire_locked", "transfer_locked"


@dataclass(frozen=True)
class Locked:
    """Units under one hold of the ledger."""

    hold: int
    ranges: tuple[Range, ...]


def lock(order: UnitOrder, *, at: datetime) -> Locked:
    """Lock units of a company, all of them or none; the same order again is answered as before."""
    lock_lots(part.lot for part in order.parts)
    known = answered(VERB, order.key)
    if not known:
        refuse_short(order.parts, held_by(order.holder))
    parts = sorted(order.parts, key=lambda part: part.lot)
    account = account_id(Kind.COMPANY, order.holder)
    lines = tuple(HoldLine(account, asset_of(part.lot), part.tonnes * TONNE_MG) for part in parts)
    number = hold(connection, HoldOrder(f"{VERB}:{order.key}", VERB, lines), at=at).accepted()
    target = locked_by(order.holder, number)
    return Locked(number, known or move_blocks(VERB, order, held_by(order.holder), target, at))


def unlock(hold_id: int, *, key: str, order: UnitOrder, at: datetime) -> tuple[Range, ...]:
    """Give locked units back to their holder, once."""
    parts = _parts_of(hold_id)
    known = answered(UNLOCK, key)
    if known:
        return known
    if not parts:
        raise NotLocked(hold=hold_id)
    release(connection, hold_id, at=at)
    again = replace(order, key=key, parts=parts)
    return move_blocks(UNLOCK, again, locked_by(order.holder, hold_id), held_by(order.holder), at)


def retire_locked(hold_id: int, order: UnitOrder, *, at: datetime) -> tuple[Range, ...]:
    """Retire all units under a hold, once: what was set aside is used, and no verb brings it back."""
    known = answered(RETIRE, order.key)
    if known:
        return known
    parts = _parts_of(hold_id)
    if not parts:
        raise NotLocked(hold=hold_id)
    refuse_use_elsewhere(part.lot for part in parts)
    target = account_id(Kind.RETIRED, order.holder)
    takes = tuple(Take(line, target, part.tonnes * TONNE_MG) for line, part in enumerate(parts, 1))
    taken = CaptureOrder(f"{RETIRE}:{order.key}", hold_id, RETIRE, order.effective_on, takes)
    capture(connection, taken, at=at).accepted()
    again = replace(order, parts=parts)
    return move_blocks(RETIRE, again, locked_by(order.holder, hold_id), retired_by(order.holder), at)


@dataclass(frozen=True)
class Share:
    """Whole tonnes of a hold for one company; ``ref`` is kept on the ledger's legs."""

    to: int
    tonnes: int
    ref: int = 0


@dataclass(frozen=True)
class Transferred:
    """The ledger's transaction, and for each share the ranges that it got."""

    tx: int
    ranges: tuple[tuple[Range, ...], ...]


def transfer_locked(
    hold_id: int, order: UnitOrder, shares: tuple[Share, ...], *, at: datetime
) -> Transferred:
    """Give units of one lot that are under a hold to companies, once; the rest is its holder's again, not locked.

    Shares get the lowest numbers in the order in which they are given. They are at most what is locked.
    """
    assert shares
    assert all(share.tonnes >= 1 and share.to != order.holder for share in shares)
    known = answered(TRANSFER, order.key)
    if not known:
        parts = _parts_of(hold_id)
        if not parts:
            raise NotLocked(hold=hold_id)
        (part,) = parts
        assert sum(share.tonnes for share in shares) <= part.tonnes
    takes = tuple(
        Take(1, account_id(Kind.COMPANY, share.to), share.tonnes * TONNE_MG, share.ref) for share in shares
    )
    taken = CaptureOrder(f"{TRANSFER}:{order.key}", hold_id, TRANSFER, order.effective_on, takes)
    tx = capture(connection, taken, at=at).accepted()
    if not known:
        known = _hand_over(hold_id, part.lot, order, shares, at)
    return Transferred(tx, dealt(known, [share.tonnes for share in shares]))


def dealt(ranges: Iterable[Range], tonnes: Sequence[int]) -> tuple[tuple[Range, ...], ...]:
    """Ranges dealt out in their order: to each so many tonnes; what is left over is nobody's.

    >>> dealt([Range("A", 1, 5)], [2, 3])
    ((Range(lot='A', first=1, last=2),), (Range(lot='A', first=3, last=5),))
    """
    rest = deque(ranges)
    hands = []
    for each in tonnes:
        wanted, hand = each, []
        while wanted:
            one = rest.popleft()
            taken = min(wanted, one.tonnes)
            hand.append(Range(one.lot, one.first, one.first + taken - 1))
            if taken < one.tonnes:
                rest.appendleft(Range(one.lot, one.first + taken, one.last))
            wanted -= taken
        hands.append(tuple(hand))
    return tuple(hands)


def _hand_over(
    hold_id: int, lot: str, order: UnitOrder, shares: tuple[Share, ...], at: datetime
) -> tuple[Range, ...]:
    """Move the serial numbers under a hold, many hands at a time; answers the ranges that were handed over."""
    blocks = live_blocks(lot, locked_by(order.holder, hold_id))
    ranges = [Range(lot, block.first, block.last) for block in blocks]
    left = sum(one.tonnes for one in ranges) - sum(share.tonnes for share in shares)
    *hands, kept = dealt(ranges, [*(share.tonnes for share in shares), left])
    given = [(one, share.to) for share, hand in zip(shares, hands, strict=True) for one in hand]
    Block.objects.filter(pk__in=[block.pk for block in blocks]).update(closed_at=at)
    Block.objects.bulk_create(
        Block(lot_id=lot, first=one.first, last=one.last, state=Block.HELD, owner=owner, opened_at=at)
        for one, owner in [*given, *((one, order.holder) for one in kept)]
    )
    moves = [(TRANSFER, order.key, one, owner) for one, owner in given]
    moves += [(UNLOCK, f"{TRANSFER}:{order.key}", one, order.holder) for one in kept]
    Movement.objects.bulk_create(
        Movement(
            verb=verb,
            key=key,
            lot_id=lot,
            first=one.first,
            last=one.last,
            from_state=Block.LOCKED,
            from_owner=order.holder,
            to_state=Block.HELD,
            to_owner=owner,
            said=order.said,
            made_at=at,
        )
        for verb, key, one, owner in moves
    )
    for owner in sorted({share.to for share in shares} | ({order.holder} if kept else set())):
        join_neighbours(lot, held_by(owner), at)
    return tuple(one for one, _ in given)


def locked_by(owner: int, hold_id: int) -> Place:
    return Place(Block.LOCKED, owner, Kind.COMPANY, hold_id)


def _parts_of(hold_id: int) -> tuple[Part, ...]:
    """What is locked under a hold now, by lot in the order of the hold's lines."""
    lots = sorted(
        set(Block.objects.filter(hold=hold_id, closed_at__isnull=True).values_list("lot", flat=True))
    )
    lock_lots(lots)
    tonnes: dict[str, int] = {}
    for block in Block.objects.filter(hold=hold_id, closed_at__isnull=True).order_by("lot"):
        tonnes[block.lot_id] = tonnes.get(block.lot_id, 0) + block.tonnes
    return tuple(Part(lot, tonnes[lot]) for lot in sorted(tonnes))
