"""City: homes whose electricity is drawn from a seed, so that what each of them truly saved is known.

ln(use of a month) = level of the home + its drift up to that year + season + shock common to all + noise of the month.
Months have 30 days; days of the reporting year are shared out of their month. Wh, rounded once, when the meter is read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tanpuhui.baseline.arrays import Floats, Whole
from tanpuhui.baseline.schemes.scheme import DAYS_IN_MONTH, MONTHS, Readings

YEARS = 3
MEAN_MONTH_WH = 250_000
#: Standard deviations of logarithms, as in the simulations that the expected numbers come from.
LEVEL_SD, DRIFT_SD, SHOCK_SD, NOISE_SD, SEASON = 0.34, 0.18, 0.06, 0.20, 0.25
#: Our own: days within a month, and how loosely joining follows last year's use.
DAY_SD, JOINING_SD = 0.30, 0.35


@dataclass(frozen=True)
class World:
    """What is done to a city: the true saving of those who join, how mild the year is, and who joins."""

    code: str
    saving: float = 0.0
    mild: float = 0.0
    selected: bool = False


NO_EFFECT = World("no_effect")
MILD = World("mild", mild=0.06)
SELECTED = World("selected", selected=True)
THREE, EIGHT = World("true_3", saving=0.03), World("true_8", saving=0.08)
WORLDS = (NO_EFFECT, MILD, SELECTED, THREE, EIGHT)


@dataclass(frozen=True)
class City:
    """What is drawn once: months (homes, 36) in Wh, who would join, the last 7 days and the days of the last year."""

    seed: int
    months: Floats
    at_random: Whole
    after_high_year: Whole
    days_before: Floats
    day_parts: Floats


@dataclass(frozen=True)
class Outcome:
    """What a scheme may read, and what it may not: use without the programme, and what was truly saved, in Wh."""

    readings: Readings
    expected_wh: int
    saved_wh: int


def draw(seed: int, homes: int) -> City:
    """A city of ``homes`` from a seed; half of the homes join."""
    random = np.random.default_rng([20260101, seed])
    level = random.normal(0, LEVEL_SD, (homes, 1))
    steps = random.normal(0, DRIFT_SD, (homes, YEARS))
    steps[:, 0] = 0
    drift = np.repeat(steps.cumsum(axis=1), MONTHS, axis=1)
    count = YEARS * MONTHS
    common = SEASON * np.cos(2 * np.pi * np.arange(count) / MONTHS) + random.normal(0, SHOCK_SD, count)
    months = MEAN_MONTH_WH * np.exp(level + drift + common + random.normal(0, NOISE_SD, (homes, count)))
    last = np.log(months[:, MONTHS : 2 * MONTHS].sum(axis=1)) + random.normal(0, JOINING_SD, homes)
    joining = homes // 2
    weights = np.exp(random.normal(0, DAY_SD, (joining, MONTHS, DAYS_IN_MONTH)))
    return City(
        seed=seed,
        months=months,
        at_random=np.sort(random.permutation(homes)[:joining]),
        after_high_year=np.sort(np.argsort(-last, kind="stable")[:joining]),
        days_before=np.exp(random.normal(0, DAY_SD, (joining, 7)) - DAY_SD**2 / 2) / DAYS_IN_MONTH,
        day_parts=weights / weights.sum(axis=2, keepdims=True),
    )


def live(city: City, world: World) -> Outcome:
    """The reporting year of a city in a world: what meters read, and the truth."""
    joined = city.after_high_year if world.selected else city.at_random
    others = np.setdiff1d(np.arange(len(city.months)), joined)
    before = np.rint(city.months[:, : 2 * MONTHS]).astype(np.int64)
    expected = city.months[:, 2 * MONTHS :] * (1 - world.mild)
    days = np.rint((expected[joined] * (1 - world.saving))[:, :, None] * city.day_parts).astype(np.int64)
    expected_wh = round(float(expected[joined].sum()))
    readings = Readings(
        home=joined,
        before_wh=before[joined],
        after_wh=days.sum(axis=2),
        days_before_wh=np.rint(city.months[joined, 2 * MONTHS - 1, None] * city.days_before).astype(np.int64),
        days_wh=days.reshape(len(joined), -1),
        peers_before_wh=before[others],
        peers_after_wh=np.rint(expected[others]).astype(np.int64),
        seed=city.seed,
    )
    return Outcome(readings, expected_wh, expected_wh - int(days.sum()))
