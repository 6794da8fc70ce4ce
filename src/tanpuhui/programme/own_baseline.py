"""Own baseline: what each home would use in a period's months by its own history, before any comparison with others.

It rests on the months of the baseline, and on temperatures where the rung has any, and on nothing that came after. A
home's own baseline may be a poor guess: the same rule makes it for homes asked and held out, so the hold-out shows how
poor, and the bound has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from tanpuhui.baseline.arrays import Flags, Floats, Whole
from tanpuhui.baseline.candidates import BALANCE_POINTS_F, DegreeDays
from tanpuhui.baseline.comparison import learn_shrinkage, shrunk_baseline
from tanpuhui.baseline.finding import RULES
from tanpuhui.baseline.fit import fit_bills, is_weak, predict
from tanpuhui.baseline.sufficiency import examine_bills, without_zeros

#: Models that are fitted together, so that their tables stay small.
AT_ONCE = 1_000
WH_PER_KWH = 1_000


@dataclass(frozen=True)
class Weather:
    """Degree days of months, mean a day (months, points), their mean temperatures in F and their days."""

    degree_days: DegreeDays
    mean_f: Floats
    days: Floats


@dataclass(frozen=True)
class Own:
    """Wh of each home in a period's months, NaN where its history says nothing; and whose a model has made."""

    baseline: Floats
    modelled: Flags


def own_baselines(
    rung: str, then: Floats, places: Sequence[int], held: Flags, weather: tuple[Weather, Weather] | None
) -> Own:
    """Each home's own baseline on a rung.

    ``then`` is (homes, months of the baseline) in Wh, NaN where a month is not there; ``places`` are those of the
    period's months. ``held`` are homes held out; ``weather`` that of the baseline's months and of the period's, for L4.
    """
    if rung == "L2":
        return _shrunk(then, places, held)
    same = np.asarray(then[:, list(places)].sum(axis=1))
    if rung == "L4":
        assert weather is not None
        return _normalised(then, same, *weather)
    return Own(same, np.zeros(len(then), dtype=np.bool_))


def controls_of_shrinkage(then: Floats, held: Flags) -> Floats:
    """Homes held out of which every month is there and above 0: those that shrinkage is learned from."""
    known = np.isfinite(then) & (np.nan_to_num(then) > 0)
    return then[held & known.all(axis=1)]


def _shrunk(then: Floats, places: Sequence[int], held: Flags) -> Own:
    """L2: own months where all are there; of 1 to 11 their level, shrunk towards the homes held out (empirical Bayes).

    A month without any use has no logarithm and counts as none.
    """
    controls = controls_of_shrinkage(then, held)
    learned, peers = learn_shrinkage(controls), controls.mean(axis=0)
    whole = np.isfinite(then).all(axis=1)
    some = np.where(np.nan_to_num(then) > 0, then, np.nan)
    short = ~whole & np.isfinite(some).any(axis=1)
    shrunk = shrunk_baseline(some, peers, peers[list(places)], learned).sum(axis=1)
    own = np.where(whole, then[:, list(places)].sum(axis=1), np.where(short, shrunk, np.nan))
    return Own(own, np.asarray(short))


def _normalised(then: Floats, same: Floats, before: Weather, now: Weather) -> Own:
    """L4: a CalTRACK billing model of each home at the period's weather; the same months where none stands.

    A home without one of the twelve months has no baseline: whoever froze them chose what is there.
    """
    whole = np.asarray(np.isfinite(then).all(axis=1))
    own, modelled = np.where(whole, same, np.nan), np.zeros(len(then), dtype=np.bool_)
    for first in range(0, len(then), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        expected, stands = _modelled(then[some] / WH_PER_KWH, before, now)
        modelled[some] = stands & whole[some]
        own[some] = np.where(modelled[some], expected * WH_PER_KWH, own[some])
    return Own(own, modelled)


def _modelled(then_kwh: Floats, before: Weather, now: Weather) -> tuple[Floats, Flags]:
    """What models expect in the period's months, 0 or above, and which of them no finding forbids."""
    use, _zeros = without_zeros(then_kwh)
    covered = np.ones(len(before.days), dtype=np.bool_)
    counts = examine_bills(use, before.mean_f, before.days, covered=covered, gas=False)
    forbidden = np.any([count > 0 for code, count in counts.items() if RULES[code].forbids], axis=0)
    shape = (len(use), *before.degree_days.heating.shape)
    own = DegreeDays(
        heating=np.broadcast_to(before.degree_days.heating, shape),
        cooling=np.broadcast_to(before.degree_days.cooling, shape),
    )
    fits = fit_bills(use / before.days, np.broadcast_to(before.days, use.shape), own)
    heating = _at(now.degree_days.heating, fits.heating_f)
    cooling = _at(now.degree_days.cooling, fits.cooling_f)
    expected = np.maximum((predict(fits, heating, cooling) * now.days).sum(axis=1), 0.0)
    return expected, ~forbidden & ~is_weak(fits) & np.isfinite(expected)


def _at(degree_days: Floats, points_f: Floats) -> Floats:
    """Degree days (months, points) at each model's own balance point, (models, months); 0 where it has none."""
    places: Whole = np.searchsorted(BALANCE_POINTS_F, np.nan_to_num(points_f, nan=BALANCE_POINTS_F[0]))
    return np.where(np.isfinite(points_f)[:, None], degree_days[:, places].T, 0.0)


def weather_of(temperature: dict[date, float], months: Sequence[Sequence[date]]) -> Weather:
    """Weather of months, each given as its days, from those days' mean temperatures in F that are known."""
    found = [
        DegreeDays.of_days(np.array([temperature[day] for day in month if day in temperature]))
        for month in months
    ]
    means = [np.mean([temperature[day] for day in month if day in temperature]) for month in months]
    return Weather(
        degree_days=DegreeDays(
            heating=np.array([one.heating.mean(axis=0) for one in found]),
            cooling=np.array([one.cooling.mean(axis=0) for one in found]),
        ),
        mean_f=np.array(means),
        days=np.array([float(len(month)) for month in months]),
    )


def matrix(table: pa.Table, subjects: Whole, months: Sequence[str]) -> Floats:
    """Wh of homes, in order of their numbers, in each of some months: (homes, months), NaN where missing."""
    found = np.full((len(subjects), len(months)), np.nan)
    encoded = table["month"].combine_chunks().dictionary_encode()
    columns = {month: place for place, month in enumerate(months)}
    place_of = np.array([columns.get(name, -1) for name in encoded.dictionary.to_pylist()], dtype=np.int64)
    column = place_of[encoded.indices.to_numpy()]
    subject = table["subject_id"].to_numpy()
    row = np.minimum(np.searchsorted(subjects, subject), len(subjects) - 1)
    asked = (column >= 0) & (subjects[row] == subject)
    found[row[asked], column[asked]] = table["energy_wh"].to_numpy()[asked]
    return found
