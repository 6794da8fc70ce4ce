"""A simulated home whose truth is known, and files made of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from tanpuhui.baseline.measure import Measurement, Question, measure
from tanpuhui.baseline.periods import midnight_us
from tanpuhui.baseline.series import Series, read_meter, read_temperature, zone_of

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
#: The baseline is 2024 from 2 January, 365 days; the reporting period is the 60 days after it.
BASELINE_DAYS, ALL_DAYS = 366, 430
UTC_ZONE = zone_of("UTC")

Row = tuple[str, str]


def temperatures() -> np.ndarray:
    """Mean F of each day: 20 to 90 over the year, with a little weather."""
    day = np.arange(ALL_DAYS)
    return 55 - 35 * np.cos(2 * np.pi * day / 365) + 5 * np.sin(day * 1.7)


def reads() -> list[Row]:
    """10 a day, 0.5 more for each degree below 60 and 1 more above 70, and a week's rhythm of 0.3."""
    f = temperatures()
    use = (
        10
        + 0.5 * np.maximum(60 - f, 0)
        + np.maximum(f - 70, 0)
        + 0.3 * np.sin(2 * np.pi * np.arange(ALL_DAYS) / 7)
    )
    return [((FIRST + timedelta(days=n)).isoformat(), f"{value:.6f}") for n, value in enumerate(use)]


def hours() -> list[Row]:
    return [
        ((FIRST + timedelta(days=day, hours=hour)).isoformat(), f"{f:.6f}")
        for day, f in enumerate(temperatures())
        for hour in range(24)
    ]


def write(path: Path, header: str, rows: Sequence[Sequence[str]]) -> Path:
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return path


def measured(
    folder: Path,
    meter: Sequence[Sequence[str]] | None = None,
    temperature: Sequence[Sequence[str]] | None = None,
    *,
    model: str = "caltrack-daily",
    gas: bool = False,
    header: str = "start,value",
    changed_us: int | None = None,
) -> Measurement:
    """The home's measurement, with its rows or others in their place."""
    rows = reads() if meter is None else meter
    degrees = hours() if temperature is None else temperature
    return measure(
        read_meter(write(folder / "meter.csv", header, rows), None),
        read_temperature(write(folder / "temperature.csv", "dt,tempF", degrees), None),
        question(model=model, gas=gas, changed_us=changed_us),
    )


def question(*, model: str = "caltrack-daily", gas: bool = False, changed_us: int | None = None) -> Question:
    end = (FIRST + timedelta(days=BASELINE_DAYS)).date()
    return Question(
        model=model,
        baseline_end_us=midnight_us(end, UTC_ZONE),
        baseline_from_us=midnight_us(end - timedelta(days=365), UTC_ZONE),
        report_from_us=midnight_us(end, UTC_ZONE),
        report_to_us=midnight_us(end + timedelta(days=60), UTC_ZONE),
        zone=UTC_ZONE,
        gas=gas,
        changed_us=changed_us,
    )


def counts(measurement: Measurement | Series) -> dict[str, int]:
    """Findings by code."""
    return {found.code: found.count for found in measurement.findings}


def forbidding(measurement: Measurement) -> set[str]:
    return {found.code for found in measurement.findings if found.forbids}
