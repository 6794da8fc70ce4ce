"""Moments and days: instants are UTC microseconds since 1970; a day is a local day of a named time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MICROSECONDS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(instant: datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z; the instant must carry its zone.

    >>> to_us(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    assert instant.tzinfo is not None, "an instant without a zone is not an instant"
    return (instant - _EPOCH) // timedelta(microseconds=1)


def from_us(at_us: int) -> datetime:
    """The UTC instant of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=at_us)


def local_day(at_us: int, zone: str) -> date:
    """The local calendar day of an instant.

    >>> local_day(to_us(datetime(2018, 8, 31, 16, 0, tzinfo=UTC)), "Asia/Shanghai")
    datetime.date(2018, 9, 1)
    """
    return from_us(at_us).astimezone(ZoneInfo(zone)).date()


def day_bounds_us(day: date, zone: str) -> tuple[int, int]:
    """First microsecond of a local day, and of the next one."""
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    after = day + timedelta(days=1)
    return to_us(start), to_us(datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(zone)))


def utc_now() -> datetime:
    """The clock of the machine: called at the edges only, and passed in from there."""
    return datetime.now(UTC)
