"""Transfer: whole tonnes go from one company to another, with their serial numbers."""

from __future__ import annotations

from datetime import datetime

from tanpuhui.registry.refusals import SameHolder
from tanpuhui.registry.units import Range, UnitOrder, held_by, move_units

VERB = "transfer"


def transfer_units(order: UnitOrder, *, to: int, at: datetime) -> tuple[Range, ...]:
    """Move units that are not locked, in the caller's transaction; the same order again is answered as before."""
    if to == order.holder:
        raise SameHolder(holder=to)
    return move_units(VERB, order, held_by(order.holder), held_by(to), at)
