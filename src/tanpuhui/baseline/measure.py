"""Measure: one meter's savings against its own weather-normalised baseline, or the findings that forbid one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from tanpuhui.baseline.arrays import DAY_US, Floats
from tanpuhui.baseline.candidates import BALANCE_POINTS_F, KINDS
from tanpuhui.baseline.finding import Finding, finding, forbidden
from tanpuhui.baseline.fit import Fits, fit_bills, fit_days, is_weak, predict
from tanpuhui.baseline.periods import (
    LEAST_PART_COVERED,
    Periods,
    Weather,
    bills_of,
    day_text,
    days_of,
    in_known_years,
    weather_of_bills,
    weather_of_days,
)
from tanpuhui.baseline.refusals import PeriodBackwards, UnknownModel
from tanpuhui.baseline.savings import Savings, metered
from tanpuhui.baseline.series import Series
from tanpuhui.baseline.sufficiency import (
    examine_bills,
    examine_reads,
    level_step,
    months_below,
    without_zeros,
)
from tanpuhui.kit.moment import from_us

DAILY, BILLING = "caltrack-daily", "caltrack-billing"
MODELS = (DAILY, BILLING)
#: Temperatures stand beside the meter's findings under their own name.
OF_TEMPERATURE = "temperature"


@dataclass(frozen=True)
class Question:
    """Which model, which windows, which fuel. The baseline is the 365 days before ``baseline_end_us``."""

    model: str
    baseline_end_us: int
    baseline_from_us: int
    report_from_us: int
    report_to_us: int
    zone: ZoneInfo
    gas: bool = False
    changed_us: int | None = None


@dataclass(frozen=True)
class Measurement:
    """What was found, and the model and savings where there could be any."""

    findings: tuple[Finding, ...]
    fits: Fits | None = None
    savings: Savings | None = None

    @property
    def stands(self) -> bool:
        return self.savings is not None and not forbidden(self.findings)


def measure(meter: Series, temperature: Series, question: Question) -> Measurement:
    """Sufficiency first; then the model; then what was saved. Nothing is computed once a finding forbids it."""
    _check(question)
    meter, strange = in_known_years(meter)
    temperature, odd = in_known_years(temperature)
    found = [*meter.findings, *strange]
    found += [
        replace(item, facts={**item.facts, "of": OF_TEMPERATURE}) for item in (*temperature.findings, *odd)
    ]
    if forbidden(found):
        return Measurement(tuple(found))
    daily = question.model == DAILY
    if daily and meter.step_us > 1.5 * DAY_US:
        return Measurement(
            (*found, *finding("baseline.too_coarse", 1, step_days=round(meter.step_us / DAY_US)))
        )
    periods, rolled = days_of(meter, question.zone) if daily else bills_of(meter)
    if not question.gas:
        (use,), (zeros,) = without_zeros(periods.use[None])
        periods = replace(periods, use=use)
        rolled += finding("baseline.zero_reads", zeros)
    before = periods.within(question.baseline_from_us, question.baseline_end_us)
    after = periods.within(question.report_from_us, question.report_to_us)
    weather_of = weather_of_days if daily else weather_of_bills
    weather = weather_of(temperature, before)
    found += rolled + _of_windows(question, before, after) + _of_baseline(question, before, weather)
    if forbidden(found):
        return Measurement(tuple(found))
    fits = _fit(question, before, weather)
    found += _of_fit(question, fits, before)
    savings, counted = _savings(fits, after, weather_of(temperature, after))
    found += finding(
        "baseline.report_missing", len(after.use) - counted if counted else 0, periods=len(after.use)
    )
    found += finding("baseline.report_empty", counted == 0)
    has_band = np.isfinite([savings.band_baseline_energy, savings.band_reporting_energy]).all()
    found += finding("baseline.no_band", counted > 0 and not has_band)
    return Measurement(tuple(found), fits, savings)


def as_json(measurement: Measurement) -> dict[str, Any]:
    """What the command prints; numbers that are not defined are null."""
    answer: dict[str, Any] = {
        "model": None,
        "coefficients": None,
        "fit": None,
        "savings": None,
        "band_90": None,
        "band_convention": "baseline_energy",
        "bands_90": None,
        "stands": measurement.stands,
        "findings": [found.as_json() for found in measurement.findings],
    }
    fits, savings = measurement.fits, measurement.savings
    # Of no day nothing was saved, and nothing was not saved either.
    is_empty = any(found.code == "baseline.report_empty" for found in measurement.findings)
    if fits is not None and savings is not None:
        answer |= {
            "model": {"method": fits.method, "type": KINDS[int(fits.kind[0])]},
            "coefficients": _numbers(fits, "intercept", "beta_hdd", "beta_cdd")
            | {
                "heating_balance_point": _number(fits.heating_f),
                "cooling_balance_point": _number(fits.cooling_f),
            },
            "fit": {"periods": int(fits.periods[0])}
            | _numbers(
                fits, "periods_independent", "r_squared_adj", "cvrmse_adj", "pnrmse_adj", "autocorrelation"
            ),
            "savings": None if is_empty else _number(savings.amount),
            "expected": None if is_empty else _number(savings.expected),
            "observed": None if is_empty else _number(savings.observed),
            "band_90": _number(savings.band_baseline_energy),
            "bands_90": {
                "baseline_energy": _number(savings.band_baseline_energy),
                "reporting_energy": _number(savings.band_reporting_energy),
            },
        }
    return answer


def _check(question: Question) -> None:
    if question.model not in MODELS:
        raise UnknownModel(model=question.model, models=", ".join(MODELS))
    if question.report_to_us <= question.report_from_us:
        raise PeriodBackwards(
            report_from=from_us(question.report_from_us), report_to=from_us(question.report_to_us)
        )


def _of_windows(question: Question, before: Periods, after: Periods) -> list[Finding]:
    """What the two windows are like beside each other."""
    overlap = before.begin_us[before.begin_us >= question.report_from_us]
    overlap = overlap[overlap < question.report_to_us]
    changed, windows = question.changed_us, (before, after)
    inside = changed is not None and any(
        len(window.use) and window.begin_us[0] < changed < window.end_us[-1] for window in windows
    )
    negative = (after.use < 0).sum()
    began = not question.gas and negative > max(5, 0.02 * len(after.use)) and not (before.use < 0).any()
    return [
        *finding("baseline.report_overlaps", len(overlap)),
        *finding("baseline.report_before_baseline", question.report_to_us <= question.baseline_from_us),
        *finding("baseline.window_changed", inside),
        *finding("baseline.net_metering_change", negative if began else 0, since="reporting period"),
    ]


def _of_baseline(question: Question, before: Periods, weather: Weather) -> list[Finding]:
    """The rules of sufficiency, on one meter."""
    days = np.rint(before.days).astype(np.int64)
    if not len(days):
        return finding("baseline.no_reads", 1)
    covered = weather.coverage >= LEAST_PART_COVERED
    if question.model == DAILY:
        counts = examine_reads(before.use[None], weather.mean_f, covered=covered, gas=question.gas)
    else:
        counts = examine_bills(
            before.use[None], weather.mean_f, before.days, covered=covered, gas=question.gas
        )
    total = int(days.sum())
    found = [item for code, (count,) in counts.items() for item in finding(code, count, days=total)]
    if question.model == DAILY:
        month = np.array([from_us(int(at)).astimezone(question.zone).month for at in before.begin_us])
        cold, dark = months_below(covered, month), months_below(np.isfinite(before.use), month)
        found += finding("baseline.month_without_temperature", len(cold), months=cold)
        found += finding("baseline.month_without_reads", len(dark), months=dark)
    return found


def _fit(question: Question, before: Periods, weather: Weather) -> Fits:
    cooling = not question.gas
    if question.model == DAILY:
        return fit_days(before.use[None], weather.mean_f, cooling=cooling)
    own = replace(
        weather.degree_days,
        heating=weather.degree_days.heating[None],
        cooling=weather.degree_days.cooling[None],
    )
    return fit_bills((before.use / before.days)[None], before.days[None], own, cooling=cooling)


def _of_fit(question: Question, fits: Fits, before: Periods) -> list[Finding]:
    spread = float(fits.cvrmse_adj[0])
    found = finding("baseline.weak_fit", is_weak(fits)[0], cvrmse_adj=_plain(spread))
    (place,), (size,) = level_step(fits.residual, fits.mean_use)
    if place >= 0:
        found += finding(
            "baseline.level_step",
            1,
            since=day_text(before.begin_us[place], question.zone),
            use_a_day=round(float(size), 3),
        )
    return found


def _savings(fits: Fits, after: Periods, weather: Weather) -> tuple[Savings, int]:
    """Savings over the periods that count, and how many these are."""
    heating = _at(weather.degree_days.heating, fits.heating_f[0])
    cooling = _at(weather.degree_days.cooling, fits.cooling_f[0])
    known = np.isfinite(weather.mean_f)
    expected = np.where(known, predict(fits, heating[None], cooling[None])[0] * after.days, np.nan)
    counted = int((np.isfinite(expected) & np.isfinite(after.use)).sum())
    return metered(fits, expected[None], after.use[None], after.days[None]), counted


def _at(degree_days: Floats, point_f: float) -> Floats:
    if not math.isfinite(point_f):
        return np.zeros(len(degree_days))
    return degree_days[:, int(np.flatnonzero(point_f == BALANCE_POINTS_F)[0])]


def _numbers(fits: Fits, *names: str) -> dict[str, float | None]:
    return {name: _number(getattr(fits, name)) for name in names}


def _number(values: Floats) -> float | None:
    return _plain(float(values[0]))


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
