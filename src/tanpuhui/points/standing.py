"""Standing: how an offer stands at a moment: to be had, not yet, over, stopped, or sold out, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from tanpuhui.points.models import Offer, Stop
from tanpuhui.points.offer import left_of

OPEN, SOON, OVER, STOPPED, SOLD_OUT, DAY_FULL = "open", "soon", "over", "stopped", "sold_out", "day_full"


@dataclass(frozen=True)
class Standing:
    """An offer with its state; ``left`` and ``left_today`` are of everybody, ``None`` where there is no limit."""

    offer: Offer
    state: str
    left: int | None
    left_today: int | None

    @property
    def is_open(self) -> bool:
        """Whether it can be asked for now."""
        return self.state == OPEN


def standings(offers: Iterable[Offer], *, at: datetime, day: date) -> list[Standing]:
    """How offers stand, in the order in which they were given; ``day`` is the local one. Three queries in all."""
    found = list(offers)
    keys = [one.pk for one in found]
    left, today = left_of(keys), _left_today(keys, day)
    stopped = set(Stop.objects.filter(offer__in=keys, at__lte=at).values_list("offer_id", flat=True))
    return [
        _standing(one, at, is_stopped=one.pk in stopped, left=left.get(one.pk), today=today.get(one.pk))
        for one in found
    ]


def standing(offer: Offer, *, at: datetime, day: date) -> Standing:
    """How one offer stands."""
    return standings([offer], at=at, day=day)[0]


def _standing(
    offer: Offer, at: datetime, *, is_stopped: bool, left: int | None, today: int | None
) -> Standing:
    if offer.per_day is not None and today is None:
        today = offer.per_day
    if is_stopped:
        state = STOPPED
    elif at >= offer.ends_at:
        state = OVER
    elif at < offer.starts_at:
        state = SOON
    elif left == 0:
        state = SOLD_OUT
    else:
        state = DAY_FULL if today == 0 else OPEN
    return Standing(offer, state, left, today)


def _left_today(offers: list[int], day: date) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT offer_id, sum("left")::bigint FROM points_stripe WHERE offer_id = ANY(%s) AND day = %s GROUP BY 1',
            [offers, day],
        )
        return {int(offer): int(left) for offer, left in cursor.fetchall()}
