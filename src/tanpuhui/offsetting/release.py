"""Release: a reservation is given up; its units are the company's again, and its part of cap and pool is free."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from tanpuhui.offsetting.models import Ending, Reservation
from tanpuhui.offsetting.refusals import ReservationEnded
from tanpuhui.offsetting.year import ending_of, get_reservation, lock_year
from tanpuhui.registry.lock import unlock
from tanpuhui.registry.refusals import NotLocked
from tanpuhui.registry.units import UnitOrder


def release(number: int, *, key: str, at: datetime) -> Reservation:
    """Give a reservation up, in the caller's transaction; the same key again is answered as before."""
    reservation = get_reservation(number)
    lock_year(reservation.jurisdiction, reservation.year)
    ended = ending_of(reservation)
    if ended is not None:
        if (ended.outcome, ended.key) == (Ending.RELEASED, key):
            return reservation
        raise ReservationEnded(number=number, outcome=ended.outcome, day=ended.ended_at.date())
    order = UnitOrder(f"offset:release:{number}", reservation.company, (), at.date())
    # Where a lot was annulled meanwhile, its lock was let go then.
    with suppress(NotLocked):
        unlock(reservation.hold, key=order.key, order=order, at=at)
    Ending.objects.create(reservation=reservation, outcome=Ending.RELEASED, key=key, ended_at=at)
    return reservation
