"""Periods: a series as days of a zone or as bills, with the temperature of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from tanpuhui.baseline.arrays import DAY_US, HOUR_US, Flags, Floats, Whole
from tanpuhui.baseline.candidates import DegreeDays
from tanpuhui.baseline.finding import Finding, finding
from tanpuhui.baseline.series import Series
from tanpuhui.kit.moment import from_us, to_us

#: Part of its values that a day needs: the others are taken to be like them (CalTRACK 2.2.2.1, 2.2.2.3).
LEAST_PART_OF_DAY = 0.5
#: Part of its temperatures that a bill needs (2.2.3.2), and that a day needs to count as covered.
LEAST_PART_COVERED = 0.9
SHORTEST_BILL_DAYS, LONGEST_MONTHLY_DAYS, LONGEST_BILL_DAYS = 25, 35, 70
#: Moments outside these years cannot be a meter's.
FIRST_YEAR, LAST_YEAR = 1970, 2200


@dataclass(frozen=True)
class Periods:
    """Days or bills in order: begin, end, days between, and the use in all of each (NaN where missing)."""

    begin_us: Whole
    end_us: Whole
    use: Floats

    @property
    def days(self) -> Floats:
        return np.asarray((self.end_us - self.begin_us) / DAY_US)

    def within(self, from_us: int, to_us: int) -> Periods:
        """Those that begin in a window; the last row of a window only closes the one before it."""
        inside = np.flatnonzero((self.begin_us >= from_us) & (self.begin_us <= to_us))[:-1]
        return Periods(self.begin_us[inside], self.end_us[inside], self.use[inside])


@dataclass(frozen=True)
class Weather:
    """What the thermometer says about periods: mean F of a day, degree days, part of the hours that are there."""

    mean_f: Floats
    degree_days: DegreeDays
    coverage: Floats


def midnight_us(day: date, zone: ZoneInfo) -> int:
    """The moment at which a day begins."""
    return to_us(datetime.combine(day, time(), tzinfo=zone))


def days_of(series: Series, zone: ZoneInfo) -> tuple[Periods, list[Finding]]:
    """Reads rolled up to the days of a zone, one place for each day from the first to the last.

    A day with less than half of its values is missing; with half or more, those missing are like the others. A daily
    read that begins at another hour is of the day in which most of it lies.
    """
    if not len(series.at_us):
        return _no_periods(), []
    step_us = min(max(series.step_us, 60_000_000), DAY_US) if len(series.at_us) > 1 else DAY_US
    if step_us > 20 * HOUR_US:
        step_us = DAY_US
    inside_us = series.at_us + (DAY_US // 2 if step_us == DAY_US else 0)
    first, last = (from_us(int(at)).astimezone(zone).date() for at in (inside_us[0], inside_us[-1]))
    edges = np.array(
        [midnight_us(first + timedelta(n), zone) for n in range((last - first).days + 2)], dtype=np.int64
    )
    on_grid, found = _on_grid(series, step_us)
    known = on_grid & np.isfinite(series.value) & ~series.estimated
    day = np.searchsorted(edges, inside_us, side="right") - 1
    days = len(edges) - 1
    have = np.bincount(day[known], minlength=days).astype(np.float64)
    total = np.bincount(day[known], weights=series.value[known], minlength=days)
    expected = np.maximum(np.rint((edges[1:] - edges[:-1]) / step_us), 1)
    twice = (have > expected) & (step_us == DAY_US)
    enough = (have > 0) & (have >= LEAST_PART_OF_DAY * expected) & ~twice
    use = np.where(enough, total * np.maximum(expected / np.maximum(have, 1), 1.0), np.nan)
    found += finding("baseline.conflicting_rows", twice.sum())
    found += finding("baseline.estimated_reads", (series.estimated & on_grid).sum())
    if step_us == DAY_US:
        found += finding("baseline.day_starts_elsewhere", int((series.at_us != edges[day]).sum()))
    return Periods(edges[:-1], edges[1:], use), found


def bills_of(series: Series) -> tuple[Periods, list[Finding]]:
    """Reads as bills, each from its row to the next one's; estimated ones joined to the next actual read.

    Bills shorter than 25 days, or longer than 35 (70 where the usual bill is longer than 35), are missing.
    """
    if len(series.at_us) < 2:
        return _no_periods(), []
    begin, end, use, joined = _bills_joined(series)
    days = (end - begin) / DAY_US
    longest = LONGEST_MONTHLY_DAYS if series.step_us <= LONGEST_MONTHLY_DAYS * DAY_US else LONGEST_BILL_DAYS
    limit = np.where(joined, LONGEST_BILL_DAYS, longest)
    unusual = np.isfinite(use) & ((days < SHORTEST_BILL_DAYS) | (days > limit))
    found = finding(
        "baseline.bill_length", unusual.sum(), shortest_days=SHORTEST_BILL_DAYS, longest_days=longest
    )
    found += finding("baseline.estimated_reads", series.estimated.sum())
    use = np.where(unusual, np.nan, use)
    # The last row has no end of its own: it is there so that a window may close on it.
    return Periods(
        np.append(begin, series.at_us[-1]), np.append(end, series.at_us[-1]), np.append(use, np.nan)
    ), found


def weather_of_days(temperature: Series, periods: Periods) -> Weather:
    """The mean of each day's temperatures; NaN where half of them or fewer are there."""
    low, high = (np.searchsorted(temperature.at_us, at) for at in (periods.begin_us, periods.end_us))
    mean, part = _means(temperature, low, high, periods.end_us - periods.begin_us)
    mean = np.where(part > LEAST_PART_OF_DAY, mean, np.nan)
    return Weather(mean_f=mean, degree_days=DegreeDays.of_days(mean), coverage=part)


def weather_of_bills(temperature: Series, periods: Periods) -> Weather:
    """Mean degree days a day of each bill, from the days of 24 hours since it began."""
    shape = (len(periods.begin_us), 61)
    heating, cooling = np.full(shape, np.nan), np.full(shape, np.nan)
    mean, coverage = np.full(shape[0], np.nan), np.zeros(shape[0])
    for place, (begin, end) in enumerate(zip(periods.begin_us, periods.end_us, strict=True)):
        if end <= begin:
            continue
        edges = begin + DAY_US * np.arange(max(round((end - begin) / DAY_US), 1) + 1)
        edges[-1] = end
        days = weather_of_days(temperature, Periods(edges[:-1], edges[1:], np.zeros(len(edges) - 1)))
        coverage[place] = np.average(days.coverage, weights=np.diff(edges))
        kept = np.isfinite(days.mean_f)
        if coverage[place] >= LEAST_PART_COVERED and kept.any():
            heating[place] = days.degree_days.heating[kept].mean(axis=0)
            cooling[place] = days.degree_days.cooling[kept].mean(axis=0)
            mean[place] = days.mean_f[kept].mean()
    return Weather(mean_f=mean, degree_days=DegreeDays(heating=heating, cooling=cooling), coverage=coverage)


def day_text(at_us: int, zone: ZoneInfo) -> str:
    """The day of a moment, for facts."""
    return from_us(int(at_us)).astimezone(zone).date().isoformat()


def in_known_years(series: Series) -> tuple[Series, list[Finding]]:
    """A series without the rows of impossible years, which would make days without end."""
    low, high = (to_us(datetime(year, 1, 1, tzinfo=UTC)) for year in (FIRST_YEAR, LAST_YEAR))
    kept = (series.at_us >= low) & (series.at_us < high)
    found = finding("baseline.time_unreadable", (~kept).sum())
    return Series(series.at_us[kept], series.value[kept], series.estimated[kept], series.findings), found


def _on_grid(series: Series, step_us: int) -> tuple[Flags, list[Finding]]:
    """Rows at the regular times of the series: the phase that nine in ten have. Others are taken as they come."""
    if step_us == DAY_US:
        return np.ones(len(series.at_us), dtype=np.bool_), []
    phase = series.at_us % step_us
    phases, counts = np.unique(phase, return_counts=True)
    if counts.max() < LEAST_PART_COVERED * len(phase):
        return np.ones(len(phase), dtype=np.bool_), []
    regular = phase == phases[np.argmax(counts)]
    return regular, finding("baseline.off_grid", (~regular).sum())


def _bills_joined(series: Series) -> tuple[Whole, Whole, Floats, Flags]:
    begins, ends, uses, joined = [], [], [], []
    first, total, parts = 0, 0.0, 0
    for place in range(len(series.at_us) - 1):
        total, parts = total + series.value[place], parts + 1
        if series.estimated[place] and place < len(series.at_us) - 2:
            continue
        begins.append(series.at_us[first])
        ends.append(series.at_us[place + 1])
        uses.append(np.nan if series.estimated[place] else total)
        joined.append(parts > 1)
        first, total, parts = place + 1, 0.0, 0
    return (
        np.array(begins, dtype=np.int64),
        np.array(ends, dtype=np.int64),
        np.array(uses, dtype=np.float64),
        np.array(joined, dtype=np.bool_),
    )


def _means(temperature: Series, low: Whole, high: Whole, length_us: Whole) -> tuple[Floats, Floats]:
    """Mean of the known temperatures between two places, and which part of those expected they are."""
    known = np.isfinite(temperature.value)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, temperature.value, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    have = (counts[high] - counts[low]).astype(np.float64)
    step_us = min(max(temperature.step_us, 60_000_000), DAY_US)
    expected = np.maximum(np.rint(length_us / step_us), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (sums[high] - sums[low]) / have
    return np.where(have > 0, mean, np.nan), np.minimum(have / expected, 1.0)


def _no_periods() -> Periods:
    none = np.zeros(0, dtype=np.int64)
    return Periods(none, none, np.zeros(0))
