"""Retire: take whole tonnes out of circulation for good, because they were used. No verb brings them back."""

from __future__ import annotations

from datetime import datetime

from tanpuhui.registry.delegate import refuse_use_elsewhere
from tanpuhui.registry.units import Range, UnitOrder, held_by, move_units, retired_by

VERB = "retire"


def retire(order: UnitOrder, *, at: datetime) -> tuple[Range, ...]:
    """Retire a company's units that are not locked, in its name; ``order.said`` has beneficiary and purpose."""
    refuse_use_elsewhere(part.lot for part in order.parts)
    return move_units(VERB, order, held_by(order.holder), retired_by(order.holder), at)
