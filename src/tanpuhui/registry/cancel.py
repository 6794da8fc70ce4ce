"""Cancel: take whole tonnes out of circulation because they should not be there. No verb brings them back."""

from __future__ import annotations

from datetime import datetime

from tanpuhui.registry.delegate import refuse_use_elsewhere
from tanpuhui.registry.refusals import ReasonMissing
from tanpuhui.registry.units import Range, UnitOrder, cancelled_of, held_by, move_units

VERB = "cancel"


def cancel(order: UnitOrder, *, at: datetime) -> tuple[Range, ...]:
    """Cancel a company's units that are not locked; ``order.said`` has the reason."""
    if not order.said.get("reason", "").strip():
        raise ReasonMissing()
    refuse_use_elsewhere(part.lot for part in order.parts)
    return move_units(VERB, order, held_by(order.holder), cancelled_of(order.holder), at)
