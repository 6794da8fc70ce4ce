"""Replace: a lot was annulled after tonnes of it were surrendered; as many others are retired in their place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tanpuhui.kit.moment import local_day, to_us
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.eligible import candidates, choose
from tanpuhui.offsetting.models import Ending, Replacement, Reservation
from tanpuhui.offsetting.refusals import KeyReused, NothingToReplace
from tanpuhui.offsetting.year import cap_of_company, get_reservation, lock_year
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.models import Annulment
from tanpuhui.registry.retire import retire
from tanpuhui.registry.units import UnitOrder, ranges_as_json


@dataclass(frozen=True)
class Due:
    """Tonnes of an annulled lot that a reservation has surrendered and that nothing stands in for yet."""

    reservation: int
    lot: str
    tonnes: int
    reason: str


def replace(number: int, lot: str, *, key: str, at: datetime) -> Replacement:
    """Retire other eligible units, in the caller's transaction, once for each annulled lot. The cap is not used again.

    Replacements of a replacement are owed in the same way, and are not reserved first.
    """
    reservation = get_reservation(number)
    lock_year(reservation.jurisdiction, reservation.year)
    known = Replacement.objects.filter(key=key).first()
    if known is not None:
        if (known.reservation_id, known.lot) != (number, lot):
            raise KeyReused(key=key)
        return known
    due = next((one for one in due_of(reservation) if one.lot == lot), None)
    if due is None:
        raise NothingToReplace(number=number, lot=lot)
    place = load_jurisdiction(reservation.jurisdiction)
    on = local_day(to_us(at), place.zone)
    cap = cap_of_company(reservation.company, place, reservation.year)
    found = candidates(reservation.company, place, cap.rule, year=reservation.year, on=on)
    parts = choose(found, due.tonnes, cap.least_local_percent)
    said = {"purpose": "replacement", "reservation": str(number), "annulled": lot}
    ranges = retire(UnitOrder(f"offset:replace:{key}", reservation.company, parts, on, said), at=at)
    return Replacement.objects.create(
        key=key,
        reservation=reservation,
        lot=lot,
        amount_mg=due.tonnes * TONNE_MG,
        ranges=ranges_as_json(ranges),
        replaced_at=at,
    )


def due_of(reservation: Reservation) -> list[Due]:
    """What has to be replaced of a surrendered reservation, its own replacements included."""
    if not Ending.objects.filter(pk=reservation.pk, outcome=Ending.SURRENDERED).exists():
        return []
    replacements = list(Replacement.objects.filter(reservation=reservation))
    tonnes: dict[str, int] = {}
    for ranges in (reservation.ranges, *(one.ranges for one in replacements)):
        for one in ranges:
            tonnes[one["lot"]] = tonnes.get(one["lot"], 0) + one["tonnes"]
    replaced = {one.lot for one in replacements}
    annulled = Annulment.objects.filter(pk__in=tonnes).exclude(pk__in=replaced).order_by("pk")
    return [Due(reservation.pk, one.pk, tonnes[one.pk], one.reason) for one in annulled]
