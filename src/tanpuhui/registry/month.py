"""Month: one that is over and closed, whose statistics may be released, once."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db.models import Min

from tanpuhui.close.due import due
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.kit.moment import day_bounds_us, local_day, to_us
from tanpuhui.registry.closes import named
from tanpuhui.registry.models import PrivateRelease, StatisticsRelease
from tanpuhui.registry.refusals import (
    MonthBehind,
    MonthNotOver,
    MonthUnclosed,
    MonthUnknown,
    ReleasedOtherwise,
)

#: More than any month has, and less than two.
DAYS_A_MONTH = 32
MONTH_LENGTH = len("2026-02")
#: The reason of :class:`tanpuhui.close.due.Due` of a day that has no close at all.
NEVER_CLOSED = "never_closed"


def days_of(month: str) -> tuple[date, date]:
    """The first and the last day of a month (``2026-02``), from 0001-02 to 9999-11; refuses what is none.

    The first and the last month of the calendar have no day before or after them, which bounds of days need.
    """
    try:
        first = date.fromisoformat(f"{month}-01")
        _, after = first - timedelta(days=1), first + timedelta(days=DAYS_A_MONTH)
    except (ValueError, OverflowError) as error:
        raise MonthUnknown(given=month) from error
    return first, after.replace(day=1) - timedelta(days=1)


def last_month(at: datetime, zone: str) -> str:
    """The last month that is over in a place."""
    first = local_day(to_us(at), zone).replace(day=1)
    return f"{first - timedelta(days=1):%Y-%m}"


def refuse_unfinished(month: str, *, at: datetime, zone: str, places: Places) -> None:
    """A month is released once: not before it is over, and every day of it closed with all that there is.

    Days before the installation's first close are history that came along, of which nothing is credited. A day that a
    lot certified is not closed again, whatever comes.
    """
    first, last = days_of(month)
    if to_us(at) < day_bounds_us(last, zone)[1]:
        raise MonthNotOver(month=month)
    began = Manifest.objects.aggregate(first=Min("day"))["first"] or first
    mine = [one for one in due(at, zone, places) if max(first, began) <= one.day <= last and one.lot is None]
    unclosed = [one.day for one in mine if one.reason == NEVER_CLOSED]
    if unclosed:
        raise MonthUnclosed(month=month, count=len(unclosed), days=named(unclosed))
    if mine:
        raise MonthBehind(month=month, count=len(mine), days=named([one.day for one in mine]))


def refuse_released_otherwise(month: str, other: type[StatisticsRelease | PrivateRelease]) -> None:
    """A month is released exactly or with noise, never both, and not again if a release of all months was of it too.

    Such releases are from before releases had months: of all closes from one day through another. The one that an
    installation publishes next could be subtracted from them.
    """
    known = other.objects.filter(month=month).first()
    if known is not None:
        raise ReleasedOtherwise(month=month, digest=known.digest)
    for earlier in StatisticsRelease.objects.filter(month__isnull=True):
        if _covers(earlier, month):
            raise ReleasedOtherwise(month=month, digest=earlier.digest)


def _covers(earlier: StatisticsRelease, month: str) -> bool:
    """Whether a release of all months was of this one: by its days, or where it says none, up to when it was made."""
    if "first_day" not in earlier.body or "last_day" not in earlier.body:
        return month <= f"{earlier.published_at + timedelta(days=1):%Y-%m}"
    first, last = earlier.body["first_day"], earlier.body["last_day"]
    return first is not None and first[:MONTH_LENGTH] <= month <= last[:MONTH_LENGTH]


def standing(month: str) -> list[Manifest]:
    """The closes of a month that stand: the last one of each day."""
    return list(
        Manifest.objects.filter(day__range=days_of(month)).order_by("day", "-sequence").distinct("day")
    )
