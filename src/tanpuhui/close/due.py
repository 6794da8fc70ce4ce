"""Due: which days need to be closed, for the first time or again, and why; a year of days in a handful of queries."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tanpuhui.close import yearly
from tanpuhui.close.balance import Window, confirmed_digest, confirmed_now, confirmed_of
from tanpuhui.close.evidence_of import linked_now, subjects_in
from tanpuhui.close.models import FrozenDay
from tanpuhui.close.places import Places
from tanpuhui.close.seen import Standing, standing_closes, unseen_evidence
from tanpuhui.evidence.contract import must_balance
from tanpuhui.evidence.lake import days_with_records
from tanpuhui.evidence.weighing import newest_marks
from tanpuhui.integrity import held
from tanpuhui.kit.moment import day_bounds_us, to_us

DAY_US = 86_400_000_000
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Due:
    """A day and why it is due, and the lot that certified any of it already.

    Reasons: ``never_closed``, ``new_evidence``, ``earlier_day_changed`` (acts that began then may now be lost to one
    that ended then), ``people_linked`` (whose records were nobody's), ``room_freed`` (a cap of the year took something
    from somebody to whom another day has given back room since), ``holds_changed`` (acts were held or released since),
    ``weighings_changed`` (what hauliers weighed, whose stations must balance, or what is held for good there),
    ``entries_waited`` (for their exits).
    """

    day: date
    reason: str
    lot: str | None = None


def due(at: datetime, zone: str, places: Places) -> list[Due]:
    """Days that are over and whose standing close has not seen all there is, in order."""
    standing = standing_closes()
    lots = dict(FrozenDay.objects.order_by("-id").values_list("day", "lot"))
    now_us = to_us(at)
    days = sorted({*days_with_records(), *standing})
    over = [day for day in days if day_bounds_us(day, zone)[1] <= now_us]
    reasons = _reasons(over, standing, now_us, places)
    return [Due(day, reasons[day], lots.get(day)) for day in over if day in reasons]


def behind(days: Collection[date], places: Places) -> list[date]:
    """Those closed days whose close has not seen all that decides its credits, in order.

    That is evidence, how an earlier day ends now, what is held, what hauliers weighed, and what room a cap of the year
    leaves now.
    """
    standing = standing_closes()
    unseen = unseen_evidence(sorted(days))
    freed = yearly.room_freed({day: close.year for day, close in standing.items()}, places)
    changed = _holds_changed(standing) | _weighings_changed(standing)
    return [
        day
        for day in sorted(days)
        if unseen.get(day, date.max) <= day
        or day in freed
        or day in changed
        or _earlier_changed(standing[day], standing)
    ]


def held_otherwise() -> list[date]:
    """Closed days on which other acts are held now than their close held, in order."""
    return sorted(_holds_changed(standing_closes()))


def _reasons(
    days: Collection[date], standing: Mapping[date, Standing], now_us: int, places: Places
) -> dict[date, str]:
    """The first reason of each day that has one. What takes the most reading is asked last, of fewer days."""
    unseen = unseen_evidence()
    reasons = {day: "never_closed" for day in days if day not in standing}
    closed = {day: standing[day] for day in days if day in standing}
    for day, close in closed.items():
        if _has_unseen(close, unseen):
            reasons[day] = "new_evidence"
        elif _earlier_changed(close, standing):
            reasons[day] = "earlier_day_changed"
    rest = [close for day, close in closed.items() if day not in reasons]
    reasons |= dict.fromkeys(_people_linked(rest, places), "people_linked")
    freed = yearly.room_freed({day: close.year for day, close in standing.items()}, places)
    changed, weighed = _holds_changed(standing), _weighings_changed(standing)
    for day, close in closed.items():
        if day in freed:
            reasons.setdefault(day, "room_freed")
        elif day in changed:
            reasons.setdefault(day, "holds_changed")
        elif day in weighed:
            reasons.setdefault(day, "weighings_changed")
        elif close.waiting and to_us(close.as_of) + DAY_US <= now_us:
            reasons.setdefault(day, "entries_waited")
    return reasons


def _holds_changed(standing: Mapping[date, Standing]) -> set[date]:
    """Closed days on which other acts are held now than their close held."""
    now = held.digests()
    return {day for day, close in standing.items() if close.held != now.get(day, "")}


def _weighings_changed(standing: Mapping[date, Standing]) -> set[date]:
    """Closed days of which hauliers declared a weighing since, whose contracts say otherwise now, or of whose
    stations' acts others are held for good now."""
    now = must_balance(standing)
    changed = {day for day, close in standing.items() if close.balancing != now[day]}
    for provider, first, last, mark in newest_marks():
        for number in range((last - first).days + 1):
            close = standing.get(first + ONE_DAY * number)
            if close and provider in close.balancing and mark > close.weighed:
                changed.add(close.day)
    confirmed = confirmed_now()
    for day, close in standing.items():
        if close.balancing and close.confirmed != confirmed_digest(
            confirmed_of(_windows_of(close), confirmed)
        ):
            changed.add(day)
    return changed


def _windows_of(close: Standing) -> list[Window]:
    """The stretches whose reports a close summed: those that were weighed as one, and the day itself."""
    longer = [Window(provider, first, last) for provider, first, last in close.stretches]
    return [*longer, *(Window(provider, close.day, close.day) for provider in close.balancing)]


def _has_unseen(close: Standing, unseen: Mapping[date, date]) -> bool:
    """The next day's taps decide no credit of a day, and are news only to an entry without its exit."""
    through = date.max if close.waiting + close.unpaired else close.day
    return close.day in unseen and unseen[close.day] <= through


def _earlier_changed(close: Standing, standing: Mapping[date, Standing]) -> bool:
    """Whether a day on which acts of this one began ends otherwise now, or was closed only afterwards."""
    days = (close.earlier_from + ONE_DAY * number for number in range((close.day - close.earlier_from).days))
    return any(day in standing and standing[day].results != close.earlier.get(day) for day in days)


def _people_linked(closes: Collection[Standing], places: Places) -> set[date]:
    """Days with records of somebody who was nobody when they were closed and has an account now."""
    nobody = {
        close.day: subjects_in(places.frozen.checked(close.unknown)) for close in closes if close.unknown
    }
    linked = linked_now(frozenset().union(*nobody.values())) if nobody else frozenset()
    return {day for day, subjects in nobody.items() if subjects & linked}
