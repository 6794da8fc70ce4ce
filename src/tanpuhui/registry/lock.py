"""Lock: set whole tonnes of several lots aside together, until they are retired or unlocked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connection

from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.capture import CaptureOrder, Take, capture
from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.ledger.release import release
from tanpuhui.registry.models import Block
from tanpuhui.registry.refusals import NotLocked
from tanpuhui.registry.units import (
    Part,
    Place,
    Range,
    UnitOrder,
    answered,
    asset_of,
    held_by,
    lock_lots,
    move_blocks,
    refuse_short,
    retired_by,
)

VERB, UNLOCK, RETIRE = "lock", "unlock", "retire_locked"


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
    target = account_id(Kind.RETIRED, order.holder)
    takes = tuple(Take(line, target, part.tonnes * TONNE_MG) for line, part in enumerate(parts, 1))
    taken = CaptureOrder(f"{RETIRE}:{order.key}", hold_id, RETIRE, order.effective_on, takes)
    capture(connection, taken, at=at).accepted()
    again = replace(order, parts=parts)
    return move_blocks(RETIRE, again, locked_by(order.holder, hold_id), retired_by(order.holder), at)


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
