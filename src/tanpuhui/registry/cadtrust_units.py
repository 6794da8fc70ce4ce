"""CAD Trust units: the serial numbers of a lot as ranges, each with one status, one hand and one reason.

Whole tonnes of organisations are ranges of their own, and those that are used up are divided as they were used. What
is with residents has no numbers: parts of it are converted, clawed back or in the buffer, to the milligram. The open
numbers are divided by the whole tonnes of each, and what is left over is ``Inactive``: nothing is called held that is
not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import FIRST_ORGANISATION, KIND_BITS, Kind
from tanpuhui.ledger.asset import lot_code
from tanpuhui.registry.history import holder_name
from tanpuhui.registry.models import Block, Lot, Movement

HELD, RETIRED, CANCELLED, BUFFER, INACTIVE = "Held", "Retired", "Cancelled", "Buffer", "Inactive"
RESIDENTS = "residents"
_STATUSES = {
    Block.OPEN: HELD,
    Block.HELD: HELD,
    Block.LOCKED: HELD,
    Block.RETIRED: RETIRED,
    Block.CANCELLED: CANCELLED,
}
#: Why whole tonnes of residents are no longer theirs.
_REASONS = {RETIRED: "converted to points", CANCELLED: "clawed back, or paid out of the buffer"}


@dataclass(frozen=True)
class Unit:
    """A range of serial numbers, both ends included; ``name`` is the same in every export."""

    name: str
    first: int
    last: int
    status: str
    owner: str
    reason: str | None
    since: datetime

    @property
    def tonnes(self) -> int:
        return self.last - self.first + 1


def units_of(lot: Lot) -> list[Unit]:
    """Every serial number of a lot once, in their order."""
    blocks = list(Block.objects.filter(lot=lot, closed_at__isnull=True).order_by("first"))
    shares = _open_shares(lot, sum(block.tonnes for block in blocks if block.state == Block.OPEN))
    units: list[Unit] = []
    for block in blocks:
        if block.state == Block.OPEN:
            units += _open(block, shares)
        elif block.state in (Block.RETIRED, Block.CANCELLED):
            units += _used(lot, block)
        else:
            units.append(_whole(block, None))
    assert sum(unit.tonnes for unit in units) == sum(block.tonnes for block in blocks)
    return units


@dataclass
class _Share:
    """So many whole tonnes of the open ones in one status, which ranges are still to be found for."""

    status: str
    tonnes: int
    reason: str | None


def _open_shares(lot: Lot, tonnes: int) -> list[_Share]:
    """The open tonnes of a lot by status, in the order in which numbers are given them.

    Numbers are delivered from the lowest on, so what is held comes first. An annulled lot has no open ones.
    """
    if not tonnes:
        return []
    held_mg, buffer_mg, retired_mg, cancelled_mg = _open_mg(lot)
    whole = {
        HELD: held_mg // TONNE_MG,
        BUFFER: buffer_mg // TONNE_MG,
        RETIRED: retired_mg // TONNE_MG,
        CANCELLED: cancelled_mg // TONNE_MG,
    }
    mixed = tonnes - sum(whole.values())
    assert mixed >= 0, "the ledger has no more than the open numbers"
    parts = ", ".join(
        f"{amount_mg % TONNE_MG} mg {word}"
        for word, amount_mg in (
            ("held", held_mg),
            ("in the buffer", buffer_mg),
            (_REASONS[RETIRED], retired_mg),
            (_REASONS[CANCELLED], cancelled_mg),
        )
        if amount_mg % TONNE_MG
    )
    return [
        _Share(HELD, whole[HELD], None),
        _Share(BUFFER, whole[BUFFER], None),
        _Share(INACTIVE, mixed, parts),
        _Share(RETIRED, whole[RETIRED], _REASONS[RETIRED]),
        _Share(CANCELLED, whole[CANCELLED], _REASONS[CANCELLED]),
    ]


def _open_mg(lot: Lot) -> tuple[int, int, int, int]:
    """Milligrams of a lot that no organisation has: held, in the buffer, retired, cancelled."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.account_id & 15, sum(b.available::numeric + b.held)::bigint FROM ledger_balance b "
            "JOIN ledger_asset a ON a.id = b.asset_id "
            "WHERE a.code = %s AND (b.account_id & 15 IN (%s, %s) OR b.account_id >> %s < %s) GROUP BY 1",
            [lot_code(lot.code), int(Kind.POOL), int(Kind.BUFFER), KIND_BITS, FIRST_ORGANISATION],
        )
        found = {Kind(kind): int(amount) for kind, amount in cursor.fetchall()}
    return (
        found.get(Kind.RESIDENT_CERTIFIED, 0) + found.get(Kind.POOL, 0),
        found.get(Kind.BUFFER, 0),
        found.get(Kind.RETIRED, 0),
        found.get(Kind.CANCELLED, 0),
    )


def _open(block: Block, shares: list[_Share]) -> Iterator[Unit]:
    """An open block divided by what is left of the shares; what it takes is taken from them."""
    first = block.first
    for share in shares:
        taken = min(share.tonnes, block.last - first + 1)
        if taken:
            share.tonnes -= taken
            name = f"{block.pk}" if share.status == HELD else f"{block.pk}:{share.status}"
            last = first + taken - 1
            yield Unit(name, first, last, share.status, RESIDENTS, share.reason, block.opened_at)
            first += taken
    assert first == block.last + 1, "open numbers are all in some status"


def _used(lot: Lot, block: Block) -> list[Unit]:
    """A block that is used up, as it was used: two retirements side by side are two units, each with its reason."""
    inside = lot.movements.filter(to_state=block.state, first__gte=block.first, last__lte=block.last)
    moved = list(inside.order_by("first"))
    starts = [*(one.first for one in moved), block.last + 1]
    if starts != [block.first, *(one.last + 1 for one in moved)]:
        return [_whole(block, block.state)]
    return [
        Unit(
            f"movement:{one.pk}",
            one.first,
            one.last,
            _STATUSES[block.state],
            _owner(block),
            _said(one) or block.state,
            one.made_at,
        )
        for one in moved
    ]


def _whole(block: Block, reason: str | None) -> Unit:
    return Unit(
        str(block.pk), block.first, block.last, _STATUSES[block.state], _owner(block), reason, block.opened_at
    )


def _said(movement: Movement) -> str:
    """What whoever moved it said: a reason by itself, other words by their names."""
    said = {name: text for name, text in movement.said.items() if text}
    if set(said) == {"reason"}:
        return str(said["reason"])
    return ", ".join(f"{name}: {text}" for name, text in sorted(said.items()))


def _owner(block: Block) -> str:
    return holder_name(block.owner) or ("annulled" if block.state == Block.CANCELLED else RESIDENTS)
