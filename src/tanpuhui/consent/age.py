"""Age: until which local day a guardian decides (PIPL article 31: under fourteen)."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

ZONE = "Asia/Shanghai"
AGE = 14
ADULT = 18


def birthday(born: date, age: int) -> date:
    """The day on which someone reaches an age; born on 29 February, that is 1 March in a common year.

    >>> birthday(date(2012, 2, 29), 14)
    datetime.date(2026, 3, 1)
    """
    year = born.year + age
    if (born.month, born.day) == (2, 29) and not _is_leap(year):
        return date(year, 3, 1)
    return born.replace(year=year)


def is_under(born: date | None, age: int, day: date) -> bool:
    """Whether someone is under an age on a day; a birth date that is not known says no."""
    return born is not None and day < birthday(born, age)


def first_moment(day: date, zone: str = ZONE) -> datetime:
    """The first moment of a local day."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def day_of(at: datetime, zone: str = ZONE) -> date:
    """The local day of a moment."""
    return at.astimezone(ZoneInfo(zone)).date()


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
