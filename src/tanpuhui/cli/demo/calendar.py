"""Calendar: when things happen in the demonstration; nothing in it reads the clock of the machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
#: A Monday.
FIRST_DAY = date(2026, 3, 2)
#: Days of meter readings before the first day: what a home is compared with.
HISTORY_DAYS = 7
MINUTE_US = 60_000_000
DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Calendar:
    """The days of a demonstration, and the moments at which files are taken and days are closed."""

    days: int

    def day(self, index: int) -> date:
        """The local day with this index; negative ones are days of meter history."""
        return FIRST_DAY + timedelta(days=index)

    def all_days(self) -> list[date]:
        return [self.day(index) for index in range(self.days)]

    @property
    def drawn_at(self) -> datetime:
        """When the hold-out of the saving programme is drawn and sealed: before anybody has an account."""
        return _local(date(2025, 9, 15), hour=9)

    @property
    def opened_at(self) -> datetime:
        """When accounts are opened, grants are given and homes join, before the programme's quarter begins."""
        return _local(date(2025, 9, 20), hour=9)

    @property
    def range_starts_at(self) -> datetime:
        """From when on the usual grant covers acts; before the first meter reading and billing month."""
        return _local(date(2026, 1, 1), hour=0)

    @property
    def changed_at(self) -> datetime:
        """Noon of the middle day: grants are withdrawn, and ranges begin or end, at this moment."""
        return _local(self.day(self.days // 2), hour=12)

    def taken_at(self, index: int) -> datetime:
        """When the files of a day are taken: one o'clock in the next night."""
        return _local(self.day(index + 1), hour=1)

    def closed_at(self, index: int) -> datetime:
        """When a day is closed for the first time: four o'clock in the next night."""
        return _local(self.day(index + 1), hour=4)

    @property
    def late_at(self) -> datetime:
        """When late files are taken: two days after the last day, when no entry waits for its exit any more."""
        return _local(self.day(self.days + 1), hour=10)

    @property
    def closed_again_at(self) -> datetime:
        return _local(self.day(self.days + 1), hour=12)

    @property
    def verified_at(self) -> datetime:
        """When a verifier begins to look into the first lot; the next time two hours later."""
        return _local(self.day(self.days + 1), hour=13)

    @property
    def corrected_at(self) -> datetime:
        """When the file comes that corrects what the verifier found, and its days are closed again."""
        return _local(self.day(self.days + 1), hour=14)

    @property
    def certified_at(self) -> datetime:
        return _local(self.day(self.days + 1), hour=17)

    @property
    def settled_at(self) -> datetime:
        """When the readings of the programme's quarter are there, after the last day's other work."""
        return _local(self.day(self.days + 1), hour=21)


def at_us(index: int, minute: int, second: int = 0) -> int:
    """Microseconds since 1970 (UTC) of a local minute of the day with this index."""
    return _FIRST_US + index * DAY_US + minute * MINUTE_US + second * 1_000_000


def index_of(moment_us: int) -> int:
    """The index of the local day in which a moment lies; Shanghai has no summer time."""
    return (moment_us - at_us(0, 0)) // DAY_US


def iso(moment_us: int) -> str:
    """A moment as providers write it, with its offset.

    >>> iso(at_us(0, 8 * 60 + 10))
    '2026-03-02T08:10:00+08:00'
    """
    return datetime.fromtimestamp(moment_us // 1_000_000, ZONE).isoformat()


def wall(moment_us: int) -> str:
    """A moment as the clock on the wall shows it.

    >>> wall(at_us(0, 8 * 60 + 10))
    '2026-03-02 08:10:00'
    """
    return datetime.fromtimestamp(moment_us // 1_000_000, ZONE).strftime("%Y-%m-%d %H:%M:%S")


def _local(day: date, *, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZONE)


#: Shanghai has no summer time, so every day has the same length.
_FIRST_US = int(_local(FIRST_DAY, hour=0).timestamp()) * 1_000_000
