"""Stations: where residents bring what they sorted, and what the haulier weighed when it fetched it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from tanpuhui.cli.demo.calendar import Calendar, index_of
from tanpuhui.cli.demo.plan import Delivery, Fetched

#: Who weighs; the stations' provider is somebody else.
HAULIER = "demo-haulier"
PROVIDER = "waste_weighings"
STATIONS = 4
#: Whose scales show 13 where 10 were fetched, every day.
CLAIMS_TOO_MUCH, CLAIMED, THERE = "sorting-3", 13, 10
#: Whose first day is weighed late, and whose last day nobody weighs.
WEIGHED_LATE, NEVER_WEIGHED = "sorting-2", "sorting-4"
#: Percent of what honest stations report that the haulier finds, from day to day.
FOUND_PERCENT = (98, 99, 100, 101, 102)


def station_of(resident: int) -> str:
    """The station to which a resident goes."""
    return f"sorting-{resident % STATIONS + 1}"


def fetched(deliveries: Iterable[Delivery], calendar: Calendar) -> tuple[Fetched, ...]:
    """What the haulier weighed at each station on each day, and when it says so."""
    sums: Counter[tuple[str, int]] = Counter()
    in_time: set[tuple[str, int]] = set()
    for delivery in deliveries:
        for row in delivery.rows:
            if row.act is None or not row.act.station:
                continue
            key = (row.act.station, index_of(row.act.ended_us))
            sums[key] += row.act.measures["mass_g"]
            if delivery.received_at <= calendar.taken_at(key[1]):
                in_time.add(key)
    return tuple(
        Fetched(
            station,
            index,
            _found_g(station, index, sorted_g),
            _declared_at(station, index, calendar, in_time=(station, index) in in_time),
        )
        for (station, index), sorted_g in sorted(sums.items())
        if (station, index) != (NEVER_WEIGHED, calendar.days - 1)
    )


def _found_g(station: str, index: int, sorted_g: int) -> int:
    if station == CLAIMS_TOO_MUCH:
        return sorted_g * THERE // CLAIMED
    return sorted_g * FOUND_PERCENT[index % len(FOUND_PERCENT)] // 100


def _declared_at(station: str, index: int, calendar: Calendar, *, in_time: bool) -> datetime:
    """With the files of the day; late, with late files, where it is weighed late or reported nothing in time."""
    if not in_time or (station, index) == (WEIGHED_LATE, 0):
        return calendar.late_at
    return calendar.taken_at(index)
