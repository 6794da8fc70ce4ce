"""Month: one that is over and closed, whose statistics may be released, once."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from tanpuhui.close.models import Manifest
from tanpuhui.evidence.lake import days_with_records
from tanpuhui.kit.moment import day_bounds_us, local_day, to_us
from tanpuhui.registry.closes import named
from tanpuhui.registry.refusals import MonthNotOver, MonthUnclosed, MonthUnknown


def days_of(month: str) -> tuple[date, date]:
    """The first and the last day of a month (``2026-02``); refuses what is none."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise MonthUnknown(given=month) from error
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first, following - timedelta(days=1)


def last_month(at: datetime, zone: str) -> str:
    """The last month that is over in a place."""
    first = local_day(to_us(at), zone).replace(day=1)
    return f"{first - timedelta(days=1):%Y-%m}"


def refuse_unfinished(month: str, *, at: datetime, zone: str) -> None:
    """A month is released once: not before it is over and every day of it with records is closed.

    Where no day of the month before was closed the platform began in this one: days before its first close are history
    that came along, of which nothing is credited.
    """
    first, last = days_of(month)
    if to_us(at) < day_bounds_us(last, zone)[1]:
        raise MonthNotOver(month=month)
    earlier = days_of(f"{first - timedelta(days=1):%Y-%m}")[0]
    closed = set(Manifest.objects.filter(day__range=(earlier, last)).values_list("day", flat=True))
    began = first if any(day < first for day in closed) else min(closed, default=first)
    unclosed = [day for day in days_with_records() if began <= day <= last and day not in closed]
    if unclosed:
        raise MonthUnclosed(month=month, count=len(unclosed), days=named(unclosed))


def standing(month: str) -> list[Manifest]:
    """The closes of a month that stand: the last one of each day."""
    return list(
        Manifest.objects.filter(day__range=days_of(month)).order_by("day", "-sequence").distinct("day")
    )
