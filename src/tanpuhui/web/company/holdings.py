"""Holdings: what a company has of each lot, with serial numbers and states; for reading."""

from __future__ import annotations

from dataclasses import dataclass

from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.models import Ending, Reservation
from tanpuhui.offsetting.replace import Due, due_of
from tanpuhui.registry.models import Annulment, Block, Lot
from tanpuhui.registry.serial import written

#: In which order states are shown: what can still be used first.
ORDER = (Block.HELD, Block.LOCKED, Block.RETIRED, Block.CANCELLED)


@dataclass(frozen=True)
class Range:
    """Serial numbers of a lot in one state."""

    state: str
    serials: str
    tonnes: int


@dataclass(frozen=True)
class Holding:
    """What a company has or had of a lot."""

    lot: Lot
    ranges: tuple[Range, ...]
    annulled: str | None

    @property
    def tonnes(self) -> int:
        return sum(one.tonnes for one in self.ranges)


@dataclass(frozen=True)
class Holdings:
    """A company's lots, the oldest vintage first, and its tonnes by state."""

    lots: tuple[Holding, ...]
    tonnes: dict[str, int]

    @property
    def held_mg(self) -> int:
        return self.tonnes.get(Block.HELD, 0) * TONNE_MG

    @property
    def locked_mg(self) -> int:
        return self.tonnes.get(Block.LOCKED, 0) * TONNE_MG

    @property
    def retired_mg(self) -> int:
        return self.tonnes.get(Block.RETIRED, 0) * TONNE_MG

    @property
    def cancelled_mg(self) -> int:
        return self.tonnes.get(Block.CANCELLED, 0) * TONNE_MG


def holdings(owner: int) -> Holdings:
    """What the ledger's owner has, from the blocks of the registry."""
    blocks = Block.objects.filter(owner=owner, closed_at__isnull=True).select_related("lot")
    by_lot: dict[Lot, list[Block]] = {}
    tonnes: dict[str, int] = {}
    for block in blocks.order_by("lot__vintage", "first"):
        by_lot.setdefault(block.lot, []).append(block)
        tonnes[block.state] = tonnes.get(block.state, 0) + block.tonnes
    annulled = dict(Annulment.objects.filter(lot__in=by_lot).values_list("pk", "reason"))
    lots = tuple(Holding(lot, _ranges(lot, found), annulled.get(lot.code)) for lot, found in by_lot.items())
    return Holdings(lots, tonnes)


def dues_of(owner: int) -> list[tuple[Reservation, Due]]:
    """What the company has to replace, of all of its surrenders."""
    surrendered = Reservation.objects.filter(company=owner, ending__outcome=Ending.SURRENDERED).order_by("id")
    return [(one, due) for one in surrendered for due in due_of(one)]


def _ranges(lot: Lot, blocks: list[Block]) -> tuple[Range, ...]:
    ordered = sorted(blocks, key=lambda block: (ORDER.index(block.state), block.first))
    return tuple(Range(one.state, written(lot, one.first, one.last), one.tonnes) for one in ordered)
