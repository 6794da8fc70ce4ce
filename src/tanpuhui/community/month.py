"""Month: the local month that a goal, a group's sum and the board are about."""

from __future__ import annotations

from datetime import date, timedelta


def first_of(day: date) -> date:
    """The first day of a day's month."""
    return day.replace(day=1)


def last_of(month: date) -> date:
    """The last day of the month that begins on a day.

    >>> last_of(date(2028, 2, 1))
    datetime.date(2028, 2, 29)
    """
    return first_of(month + timedelta(days=31)) - timedelta(days=1)
