"""Surrender: what a company reserved is used against its year's emissions, once; its units are retired for good."""

from __future__ import annotations

from datetime import datetime

from tanpuhui.kit.moment import local_day, to_us
from tanpuhui.offsetting.certificate import certify_surrender
from tanpuhui.offsetting.deadline import SURRENDER, refuse_late
from tanpuhui.offsetting.models import Ending, Reservation
from tanpuhui.offsetting.refusals import ReservationEnded, ReservationLost
from tanpuhui.offsetting.year import ending_of, get_reservation, lock_year
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.lock import retire_locked
from tanpuhui.registry.models import Annulment
from tanpuhui.registry.refusals import NotLocked
from tanpuhui.registry.units import UnitOrder


def surrender(number: int, *, key: str, at: datetime) -> Reservation:
    """Retire a reservation's units, in the caller's transaction; the same key again is answered as before.

    A certificate is issued with it, so that neither exists without the other. After the year's last day of surrender
    nothing is taken: what is reserved still can be released.
    """
    reservation = get_reservation(number)
    lock_year(reservation.jurisdiction, reservation.year)
    ended = ending_of(reservation)
    if ended is not None:
        if (ended.outcome, ended.key) == (Ending.SURRENDERED, key):
            return reservation
        raise ReservationEnded(number=number, outcome=ended.outcome, day=ended.ended_at.date())
    place = load_jurisdiction(reservation.jurisdiction)
    on = local_day(to_us(at), place.zone)
    refuse_late(place, reservation.year, SURRENDER, on)
    purpose = {
        "purpose": "surrender",
        "jurisdiction": reservation.jurisdiction,
        "year": str(reservation.year),
    }
    order = UnitOrder(f"surrender:{number}", reservation.company, (), on, purpose)
    try:
        retire_locked(reservation.hold, order, at=at)
    except NotLocked:
        raise ReservationLost(number=number, lots=annulled_lots(reservation)) from None
    Ending.objects.create(reservation=reservation, outcome=Ending.SURRENDERED, key=key, ended_at=at)
    certify_surrender(reservation, at=at)
    return reservation


def annulled_lots(reservation: Reservation) -> str:
    lots = {one["lot"] for one in reservation.ranges}
    return ", ".join(sorted(Annulment.objects.filter(pk__in=lots).values_list("pk", flat=True)))
