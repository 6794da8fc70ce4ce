"""Temperature: a thermometer's file as frozen mean temperatures of days, for windows that normalise for weather (L4).

One place for all homes of a programme. A wrong thermometer errs for homes asked and held out alike.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from tanpuhui.baseline.periods import (
    LEAST_PART_COVERED,
    Periods,
    in_known_years,
    midnight_us,
    weather_of_days,
)
from tanpuhui.baseline.series import read_temperature
from tanpuhui.programme.month import last_day
from tanpuhui.programme.refusals import TemperatureMissing, TemperatureOtherwise

#: Thousandths of a degree Fahrenheit, so that a frozen table is of whole numbers.
MF_PER_F = 1_000
SCHEMA = pa.schema([("day", pa.string()), ("mean_mf", pa.int64())])


def read_days(path: Path, months: Collection[date], zone: ZoneInfo) -> pa.Table:
    """The mean of each day of these months, in order; refuses a month with fewer than nine days in ten.

    A day needs more than half of its temperatures (CalTRACK 2.2.2.3). Times without an offset are of the zone.
    """
    series, _ = in_known_years(read_temperature(path, zone))
    rows: list[tuple[str, int]] = []
    for month in sorted(months):
        days = days_of_month(month)
        edges = np.array(
            [midnight_us(day, zone) for day in [*days, days[-1] + timedelta(days=1)]], dtype=np.int64
        )
        means = weather_of_days(series, Periods(edges[:-1], edges[1:], np.zeros(len(days)))).mean_f
        known = [
            (day.isoformat(), round(float(f) * MF_PER_F))
            for day, f in zip(days, means, strict=True)
            if np.isfinite(f)
        ]
        if len(known) < LEAST_PART_COVERED * len(days):
            raise TemperatureMissing(file=path.name, month=f"{month:%Y-%m}", known=len(known), days=len(days))
        rows += known
    columns = [[row[place] for row in rows] for place in range(len(SCHEMA))]
    arrays = [pa.array(column, kind.type) for column, kind in zip(columns, SCHEMA, strict=True)]
    return pa.table(arrays, SCHEMA)


def refuse_other(table: pa.Table, earlier: pa.Table, *, file: str) -> None:
    """A month that an earlier period has temperatures of has the same now, of the same days: none is left out."""
    now, then = (
        dict(zip(one["day"].to_pylist(), one["mean_mf"].to_pylist(), strict=True)) for one in (table, earlier)
    )
    months = {day[:7] for day in now} & {day[:7] for day in then}
    days = sorted(day for day in {*now, *then} if day[:7] in months)
    other = [day for day in days if now.get(day) != then.get(day)]
    if other:
        raise TemperatureOtherwise(file=file, count=len(other), day=other[0])


def by_day(table: pa.Table) -> dict[date, float]:
    """Mean temperatures in F of a frozen table."""
    pairs = zip(table["day"].to_pylist(), table["mean_mf"].to_pylist(), strict=True)
    return {date.fromisoformat(day): mean_mf / MF_PER_F for day, mean_mf in pairs}


def days_of_month(month: date) -> list[date]:
    """The days of a month, given its first one."""
    return [month + timedelta(days=number) for number in range((last_day(month) - month).days + 1)]
