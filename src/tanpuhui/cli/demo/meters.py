"""Meters: half hours of every metered home: some with gaps, some with photovoltaics, some empty, some late."""

from __future__ import annotations

from dataclasses import dataclass

from tanpuhui.cli.demo import rows, truth
from tanpuhui.cli.demo.calendar import HISTORY_DAYS, at_us
from tanpuhui.cli.demo.draft import LATE, Draft, day_name
from tanpuhui.cli.demo.plan import HISTORY, Act, Row

SLOTS = 48
#: Load by hour of the day, to be scaled: low at night, a peak in the evening.
PROFILE = (2, 2, 2, 2, 2, 3, 4, 5, 4, 3, 3, 4, 5, 4, 3, 3, 4, 6, 8, 9, 9, 8, 5, 3)
#: Of each dozen homes one has a gap and one a late reading; of each fifteen one has PV; of 25 one is empty.
GAP_OF_12, LATE_OF_12, PV_OF_15, EMPTY_OF_25 = 5, 9, 3, 7
LATE_SLOTS = frozenset({20, 21, 40})


@dataclass(frozen=True)
class Home:
    """A metered home: its readings by day, and what is the matter with it (days as indices, -2 for none)."""

    resident: int
    meter: str
    readings_wh: dict[int, list[int]]
    has_pv: bool
    gap_day: int
    late_day: int
    missing: frozenset[int]

    def measures(self, index: int) -> dict[str, int] | None:
        """What the truth makes of a day of this home."""
        whole = {day: readings for day, readings in self.readings_wh.items() if day != self.gap_day}
        pv_days = frozenset(self.readings_wh) if self.has_pv else frozenset[int]()
        return truth.meter_day(whole, pv_days, index)


def keep_house(draft: Draft) -> None:
    """Readings of every metered home, of the week before and of every day."""
    residents = [one for one in draft.residents if "meter_halfhourly" in one.providers]
    for place, resident in enumerate(residents):
        _report(draft, _home(draft, resident.number, place))


def _home(draft: Draft, resident: int, place: int) -> Home:
    days = draft.calendar.days
    is_empty = place % 25 == EMPTY_OF_25
    return Home(
        resident=resident,
        meter=draft.name("meter_halfhourly", resident),
        readings_wh={index: _readings(draft, is_empty=is_empty) for index in range(-HISTORY_DAYS, days)},
        has_pv=place % 15 == PV_OF_15,
        gap_day=draft.rng.randrange(days) if place % 12 == GAP_OF_12 else -2 * HISTORY_DAYS,
        late_day=draft.rng.randrange(days) if place % 12 == LATE_OF_12 else -2 * HISTORY_DAYS,
        missing=frozenset(draft.rng.sample(range(SLOTS), 3)),
    )


def _readings(draft: Draft, *, is_empty: bool) -> list[int]:
    """Watt-hours of a day's half hours; an empty home's stand-by uses less than anybody who lives there."""
    if is_empty:
        return [3] * SLOTS
    scale = draft.rng.randrange(8, 60)
    return [PROFILE[slot // 2] * scale * draft.rng.randrange(60, 140) // 100 for slot in range(SLOTS)]


def _report(draft: Draft, home: Home) -> None:
    for index in home.readings_wh:
        measures = home.measures(index)
        for slot in range(SLOTS):
            if index == home.gap_day and slot in home.missing:
                continue
            is_late = index == home.late_day and slot in LATE_SLOTS
            file = HISTORY if index < 0 else LATE if is_late else day_name(index)
            row = _row(home, index, slot, measures, fault="late_records" if is_late else "")
            draft.add("meter_halfhourly", file, row)


def _row(home: Home, index: int, slot: int, measures: dict[str, int] | None, *, fault: str) -> Row:
    """A half hour and its end: the last one of a whole day carries the day."""
    pv_wh = max(0, 12 - abs(slot - 25)) * 60 if home.has_pv else None
    columns = rows.half_hour(home.meter, at_us(index, slot * 30), home.readings_wh[index][slot], pv_wh)
    if index < 0:
        return Row(columns, HISTORY)
    if measures is None:
        return Row(columns, "meter_gap", "half_hours_of_days_with_gaps")
    if slot < SLOTS - 1:
        return Row(columns, "joined", fault)
    started_us, ended_us = at_us(index, 0), at_us(index + 1, 0) - 1
    act = Act(home.resident, "meter_halfhourly", "household_electricity_day", started_us, ended_us, measures)
    return Row(columns, act=act)
