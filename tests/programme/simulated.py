"""Simulated: lists of homes whose true saving is known, as readings, temperatures and a question; values alone.

ln(use of a month) = level + drift up to that year + shock common to all + noise of the month, with season or weather.
Standard deviations are those of the synthetic cities (``baseline/schemes/city.py``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import pyarrow as pa

from tanpuhui.baseline.schemes.city import DRIFT_SD, LEVEL_SD, MEAN_MONTH_WH, NOISE_SD, SEASON, SHOCK_SD
from tanpuhui.programme.estimate import Asked, Draw, Estimated, Limit, estimate
from tanpuhui.programme.month import months_between

BASELINE, FIRST, LAST = date(2024, 1, 1), date(2025, 1, 1), date(2025, 3, 1)
THEN, NOW = list(months_between(BASELINE, date(2024, 12, 1))), list(months_between(FIRST, LAST))
NO_LIMIT = Limit()


@dataclass(frozen=True)
class Simulated:
    """Wh (homes, 12) before and (homes, 3) after, the draw, the question, temperatures, and what was truly saved."""

    then: np.ndarray
    now: np.ndarray
    draw: Draw
    asked: Asked
    temperature: pa.Table | None
    true_wh: float

    def estimated(self, without: Collection[int] = ()) -> Estimated:
        """With readings after of all homes but some; a month of -1 was never read."""
        home, month = np.meshgrid(np.arange(len(self.then)), np.arange(len(THEN) + len(NOW)), indexing="ij")
        energy_wh = np.concatenate([self.then, self.now], axis=1)
        left_out = np.isin(home, list(without)) & (month >= len(THEN))
        kept = (energy_wh >= 0) & ~left_out
        names = np.array([f"{one:%Y-%m}" for one in (*THEN, *NOW)])
        table = pa.table(
            {
                "subject_id": pa.array(home[kept], pa.int64()),
                "joined": ~np.isin(home[kept], list(self.draw.held)),
                "month": pa.array(names[month[kept]].tolist(), pa.string()),
                "energy_wh": pa.array(energy_wh[kept], pa.int64()),
            }
        )
        return estimate(table, self.draw, self.asked, self.temperature)

    def using(self, home: int, energy_wh: float) -> Simulated:
        """The same where a home used so much in all after."""
        now = self.now.copy()
        now[home] = [round(energy_wh), 0, 0]
        return replace(self, now=now)


def simulate(
    seed: int,
    *,
    homes: int = 500,
    percent: int = 40,
    saving: float = 0.0,
    mild: float = 0.06,
    rung: str = "L3",
    comparison: str = "all",
    limit: Limit = NO_LIMIT,
    frozen: bool = True,
) -> Simulated:
    """Everybody uses ``mild`` less after, and those that are asked ``saving`` less than they would have.

    On L2 six homes in ten have but some months of history; on L4 use follows a thermometer, and winter is colder.
    """
    random = np.random.default_rng([11, seed])
    level = random.normal(0, LEVEL_SD, (homes, 1))
    drift = random.normal(0, DRIFT_SD, (homes, 1))
    shock = random.normal(0, SHOCK_SD, len(THEN) + len(NOW))
    place = np.array([one.month - 1 for one in (*THEN, *NOW)])
    degrees, temperature = _degrees(random)
    if rung == "L4":
        heating = np.maximum(60 - degrees, 0) * random.lognormal(0, 0.5, (homes, 1))
        shape = np.log(8 + 0.3 * heating + 0.4 * np.maximum(degrees - 70, 0)) - np.log(10)
    else:
        shape = SEASON * np.cos(2 * np.pi * place / 12) + np.zeros((homes, 1))
    later = np.arange(len(place)) >= len(THEN)
    logs = level + shape + shock + drift * later + random.normal(0, NOISE_SD, (homes, len(place)))
    used = MEAN_MONTH_WH * np.exp(logs)
    held = np.sort(random.permutation(homes)[: homes * percent // 100])
    asked = np.setdiff1d(np.arange(homes), held)
    without = used[:, len(THEN) :] * (1 - mild)
    now = without.copy()
    now[asked] *= 1 - saving
    then = np.rint(used[:, : len(THEN)]).astype(np.int64)
    if rung == "L2":
        _shorten(then, random)
    return Simulated(
        then=then,
        now=np.rint(now).astype(np.int64),
        draw=Draw(f"{seed:064x}", frozenset(range(homes)), frozenset(held.tolist())),
        asked=Asked(
            rung,
            BASELINE,
            NOW,
            0,
            {},
            Fraction(420),
            comparison=comparison,
            limit=limit,
            frozen=frozenset(f"{one:%Y-%m}" for one in THEN) if frozen else frozenset(),
        ),
        temperature=temperature if rung == "L4" else None,
        true_wh=float(without.sum() - now.sum()),
    )


def _degrees(random: np.random.Generator) -> tuple[np.ndarray, pa.Table]:
    """Mean F of each month, and of each day, all days of a month being alike."""
    months = [*THEN, *NOW]
    mean = 55 - 25 * np.cos(2 * np.pi * np.array([one.month - 1 for one in months]) / 12)
    mean = np.round(mean + random.normal(0, 3, len(months)), 3)
    rows = [
        (day.isoformat(), round(float(f) * 1000))
        for one, f in zip(months, mean, strict=True)
        for day in (one + timedelta(days=number) for number in range(31))
        if day.month == one.month
    ]
    return mean, pa.table({"day": [row[0] for row in rows], "mean_mf": [row[1] for row in rows]})


def _shorten(then: np.ndarray, random: np.random.Generator) -> None:
    """Six homes in ten came within the year: their last 1 to 11 months are there."""
    for home in random.permutation(len(then))[: len(then) * 6 // 10]:
        then[home, : 12 - random.integers(1, 12)] = -1
