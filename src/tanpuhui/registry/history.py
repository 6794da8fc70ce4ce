"""History of a serial number: its lot, the hand and state it is in, and every move that brought it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tanpuhui.access.models import Organisation
from tanpuhui.ledger.account import FIRST_ORGANISATION
from tanpuhui.registry.lookup import Found
from tanpuhui.registry.models import Annulment, Block, Lot, Movement
from tanpuhui.registry.serial import written
from tanpuhui.registry.states import states_of


@dataclass(frozen=True)
class History:
    """One serial number (or, without one, all blocks of a lot) and how it came to be where it is."""

    found: Found
    blocks: tuple[Block, ...]
    movements: tuple[Movement, ...]
    annulment: Annulment | None

    def as_json(self) -> dict[str, Any]:
        lot = self.found.lot
        said: dict[str, Any] = {
            "lot": lot.code,
            "jurisdiction": lot.jurisdiction,
            "methodology": lot.methodology,
            "vintage": lot.vintage,
            "serials": written(lot, lot.serial_first, lot.serial_last),
            "annulled": self.annulment.reason if self.annulment else None,
            "lot_states_mg": states_of(lot.code).as_json(),
            "blocks": [_block(lot, block) for block in self.blocks],
            "history": [_movement(lot, movement) for movement in self.movements],
        }
        if self.found.serial is not None:
            (block,) = self.blocks
            said["serial"] = self.found.serial
            said["state"] = block.state
            said["holder"] = holder_name(block.owner)
        return said


def history_of(found: Found) -> History:
    """What there is to know about what was looked up; a number is in exactly one block that is not closed."""
    blocks = Block.objects.filter(lot=found.lot, closed_at__isnull=True)
    movements = Movement.objects.filter(lot=found.lot)
    if found.serial is not None:
        blocks = blocks.filter(first__lte=found.serial, last__gte=found.serial)
        movements = movements.filter(first__lte=found.serial, last__gte=found.serial)
    return History(
        found,
        tuple(blocks.order_by("first")),
        tuple(movements.order_by("id")),
        Annulment.objects.filter(pk=found.lot.pk).first(),
    )


def holder_name(owner: int) -> str | None:
    """An organisation's code; ``None`` of what is open, since residents are not named."""
    if owner < FIRST_ORGANISATION:
        return None
    known = Organisation.objects.filter(pk=owner - FIRST_ORGANISATION).first()
    return known.code if known else str(owner)


def _block(lot: Lot, block: Block) -> dict[str, Any]:
    return {
        "serials": written(lot, block.first, block.last),
        "serial_first": block.first,
        "serial_last": block.last,
        "tonnes": block.tonnes,
        "state": block.state,
        "holder": holder_name(block.owner),
    }


def _movement(lot: Lot, movement: Movement) -> dict[str, Any]:
    return {
        "verb": movement.verb,
        "at": movement.made_at.isoformat(),
        "serials": written(lot, movement.first, movement.last),
        "from": {"state": movement.from_state, "holder": holder_name(movement.from_owner)},
        "to": {"state": movement.to_state, "holder": holder_name(movement.to_owner)},
        "said": movement.said,
    }
