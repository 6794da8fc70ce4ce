"""CalTRACK models against published expectations, a slow second evaluation, and arithmetic by hand."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from tanpuhui.baseline.candidates import BALANCE_POINTS_F, KINDS, DegreeDays
from tanpuhui.baseline.fit import degree_days_of, fit_bills, fit_days, predict
from tanpuhui.baseline.periods import (
    Periods,
    bills_of,
    days_of,
    midnight_us,
    weather_of_bills,
    weather_of_days,
)
from tanpuhui.baseline.savings import metered, modelled
from tanpuhui.baseline.series import Series, read_meter, read_temperature, zone_of

UTC_ZONE = zone_of("UTC")


@pytest.fixture()
def samples(shared_data: Path) -> Path:
    return shared_data / "opendsm_samples"


def window(periods: Periods, first: date, last: date) -> Periods:
    return periods.within(midnight_us(first, UTC_ZONE), midnight_us(last, UTC_ZONE))


def sample_days(samples: Path, name: str) -> tuple[Periods, Series]:
    meter = read_meter(samples / f"{name}.csv.gz", None)
    return days_of(meter, UTC_ZONE)[0], read_temperature(samples / "il-tempF.csv.gz", None)


#: 59 days of the published case: 1 a day, 30 F on the first, a degree more each day.
WARMING_F, ONE_A_DAY = np.arange(30.0, 89.0), np.ones((1, 59))


def test_the_published_daily_case_of_eemeter_2_10_is_reproduced(samples: Path) -> None:
    days, temperature = sample_days(samples, "il-electricity-cdd-hdd-daily")
    before = window(days, date(2015, 12, 27), date(2016, 12, 26))

    fits = fit_days(before.use[None], weather_of_days(temperature, before).mean_f)
    savings = metered(fits, predict(fits, *degree_days_of(fits, WARMING_F)), ONE_A_DAY, ONE_A_DAY)

    assert (fits.heating_f[0], fits.cooling_f[0]) == (53, 68)
    assert round(fits.r_squared_adj[0], 5) == 0.76847
    assert round(savings.amount[0], 2) == 1571.28
    assert round(savings.band_baseline_energy[0], 2) == 601.52
    assert round(savings.band_reporting_energy[0], 2) == 94.22


def test_the_published_modelled_savings_add_the_bands_of_both_models_as_squares(samples: Path) -> None:
    days, temperature = sample_days(samples, "il-electricity-cdd-hdd-daily")
    before = window(days, date(2015, 12, 27), date(2016, 12, 26))
    after = window(days, date(2017, 1, 4), date(2018, 1, 4))

    one, other = (
        fit_days(some.use[None], weather_of_days(temperature, some).mean_f) for some in (before, after)
    )
    savings = modelled(
        one,
        other,
        expected_before=predict(one, *degree_days_of(one, WARMING_F)),
        expected_after=predict(other, *degree_days_of(other, WARMING_F)),
        days=ONE_A_DAY,
    )

    assert round(savings.amount[0], 2) == 168.58
    assert round(savings.band_baseline_energy[0], 2) == 804.87


def bills(samples: Path, less: float = 0.0) -> tuple[Periods, DegreeDays]:
    meter = read_meter(samples / "il-electricity-cdd-hdd-billing_monthly.csv.gz", None)
    temperature = read_temperature(samples / "il-electricity-cdd-hdd-tempF.csv.gz", None)
    before = window(bills_of(meter)[0], date(2015, 12, 27), date(2016, 12, 26))
    own = weather_of_bills(temperature, before).degree_days
    shifted = Periods(before.begin_us, before.end_us, before.use - less)
    return shifted, DegreeDays(heating=own.heating[None], cooling=own.cooling[None])


def test_the_published_billing_cases_of_eemeter_2_10_are_reproduced(samples: Path) -> None:
    fits = [
        fit_bills((some.use / some.days)[None], some.days[None], degree_days)
        for some, degree_days in (bills(samples), bills(samples, less=50.0))
    ]
    expected = predict(fits[0], *degree_days_of(fits[0], WARMING_F))
    by_month = np.array([[expected[0, :31].sum(), expected[0, 31:].sum()]])
    savings = metered(fits[0], by_month, np.ones((1, 2)), np.array([[31.0, 28.0]]))
    assert round(savings.amount[0], 2) == 1625.73

    normal_year_f = np.random.RandomState(0).rand(365)[:364] * 30 + 45
    one, other = (predict(some, *degree_days_of(some, normal_year_f)) for some in fits)
    savings = modelled(fits[0], fits[1], expected_before=one, expected_after=other, days=np.ones((1, 364)))
    assert round(savings.amount[0], 2) == 587.44
    assert round(savings.band_baseline_energy[0], 2) == 156.89


@pytest.mark.parametrize(
    ("name", "gas", "opendsm_savings", "opendsm_band"),
    [
        ("il-electricity-cdd-hdd-daily", False, 890.6, 299.7),
        ("il-electricity-cdd-only-daily", False, 282.9, 374.7),
        ("il-gas-hdd-only-daily", True, 86.1, 36.3),
        ("il-gas-intercept-only-daily", True, 102.6, 22.2),
    ],
)
def test_savings_of_opendsm_s_samples_agree_with_opendsm_within_half_of_its_band(
    samples: Path, name: str, gas: bool, opendsm_savings: float, opendsm_band: float
) -> None:
    days, temperature = sample_days(samples, name)
    truth = json.loads((samples / "metadata.json").read_text(encoding="utf-8"))[name]
    end, start = (date.fromisoformat(truth[f"blackout_{edge}_date"]) for edge in ("start", "end"))
    before = window(days, end - timedelta(days=365), end)
    after = window(days, start, start + timedelta(days=365))

    fits = fit_days(before.use[None], weather_of_days(temperature, before).mean_f, cooling=not gas)
    expected = predict(fits, *degree_days_of(fits, weather_of_days(temperature, after).mean_f))
    savings = metered(fits, expected, after.use[None], after.days[None])

    assert abs(savings.amount[0] - opendsm_savings) < opendsm_band / 2
    assert (
        abs(savings.expected[0] - truth["annual_baseline_total_load"])
        < 0.1 * truth["annual_baseline_total_load"]
    )


def test_hourly_reads_give_the_savings_of_the_same_home_s_daily_reads(samples: Path) -> None:
    central = zone_of("America/Chicago")
    temperature = read_temperature(samples / "il-tempF.csv.gz", None)
    saved = []
    for step in ("hourly", "daily"):
        days, found = days_of(read_meter(samples / f"il-electricity-cdd-hdd-{step}.csv.gz", None), central)
        edges = [
            midnight_us(date(*day), central)
            for day in ((2015, 12, 27), (2016, 12, 26), (2017, 1, 4), (2018, 1, 4))
        ]
        before, after = days.within(*edges[:2]), days.within(*edges[2:])
        fits = fit_days(before.use[None], weather_of_days(temperature, before).mean_f)
        expected = predict(fits, *degree_days_of(fits, weather_of_days(temperature, after).mean_f))
        saved.append(metered(fits, expected, after.use[None], after.days[None]).amount[0])
        assert found == []
        assert len(before.use) == 365

    assert saved[0] == pytest.approx(saved[1], rel=1e-3)


def slow(
    use: np.ndarray, weight: np.ndarray, heating: np.ndarray, cooling: np.ndarray
) -> tuple[float, list[float]]:
    """Every candidate by NumPy's least squares, one by one: best adjusted R2 and the fitted values."""
    known = weight > 0
    y, w = use[known], np.sqrt(weight[known])
    h, c, n = heating[known], cooling[known], int(known.sum())
    total = (w**2 * (y - np.average(y, weights=w**2)) ** 2).sum()
    best, fitted = 0.0, [float(np.average(y, weights=w**2))] * n
    tried = [([h[:, i]], [i], []) for i in range(61)] + [([c[:, i]], [], [i]) for i in range(61)]
    tried += [([h[:, i], c[:, j]], [i], [j]) for j in range(61) for i in range(j + 1)]
    for columns, _, _ in tried:
        x = np.column_stack([np.ones(n), *columns])
        if any((column * w**2).sum() < 20 or (column > 0).sum() < 10 for column in columns):
            continue
        beta, *_ = np.linalg.lstsq(x * w[:, None], y * w, rcond=None)
        if (beta < 0).any():
            continue
        rest = (w**2 * (y - x @ beta) ** 2).sum()
        score = 1 - (rest / total) * (n - 1) / (n - len(beta))
        if score > best + 1e-11:
            best, fitted = score, list(x @ beta)
    return best, fitted


@pytest.mark.parametrize("seed", range(3))
def test_a_batch_chooses_what_a_slow_second_evaluation_chooses(seed: int) -> None:
    random = np.random.default_rng(seed)
    temperature = 55 - 30 * np.cos(np.arange(365) / 58.1) + random.normal(0, 5, 365)
    size = random.uniform(0, 2, (4, 3))
    use = size[:, :1] * 10 + size[:, 1:2] * np.maximum(58 - temperature, 0)
    use += size[:, 2:] * np.maximum(temperature - 71, 0) + random.normal(0, 4, (4, 365))
    use[random.random((4, 365)) < 0.08] = np.nan
    degree_days = DegreeDays.of_days(temperature)

    fits = fit_days(use, temperature)

    for number in range(4):
        known = np.isfinite(use[number])
        score, fitted = slow(use[number], known.astype(float), degree_days.heating, degree_days.cooling)
        assert fits.r_squared_adj[number] == pytest.approx(score, abs=1e-9)
        assert fits.residual[number][known] + use[number][known] == pytest.approx(np.array(fitted), abs=1e-6)


def test_a_meter_s_fit_does_not_depend_on_the_meters_beside_it_nor_on_whose_temperatures_are_given() -> None:
    random = np.random.default_rng(7)
    temperature = 60 + 25 * np.sin(np.arange(365) / 58.1)
    use = 5 + np.maximum(temperature - 68, 0) + random.normal(0, 1, (40, 365))

    together, alone = fit_days(use, temperature), fit_days(use[17:18], temperature)
    own = fit_days(use, np.broadcast_to(temperature, use.shape))

    assert together.intercept[17] == pytest.approx(alone.intercept[0], rel=1e-12)
    assert (together.kind == own.kind).all()
    assert together.beta_cdd == pytest.approx(own.beta_cdd, rel=1e-9)


def test_use_that_is_a_straight_line_in_degree_days_is_found_exactly() -> None:
    temperature = np.tile(np.arange(40.0, 81.0), 9)
    use = 7 + 0.5 * np.maximum(60 - temperature, 0) + 2 * np.maximum(temperature - 70, 0)

    fits = fit_days(use[None], temperature)

    assert KINDS[fits.kind[0]] == "cdd_hdd"
    assert (fits.heating_f[0], fits.cooling_f[0]) == (60, 70)
    assert [fits.intercept[0], fits.beta_hdd[0], fits.beta_cdd[0]] == pytest.approx([7, 0.5, 2])


def test_savings_scale_with_the_unit_of_the_reads() -> None:
    random = np.random.default_rng(3)
    temperature = 60 + 25 * np.sin(np.arange(365) / 58.1)
    use = 9 + np.maximum(temperature - 68, 0) + random.normal(0, 1, 365)

    fits = fit_days(np.stack([use, 1000 * use]), temperature)
    expected = predict(fits, *degree_days_of(fits, temperature))
    savings = metered(fits, expected, np.stack([0.9 * use, 900 * use]), np.ones((2, 365)))

    assert savings.amount[1] == pytest.approx(1000 * savings.amount[0])
    assert savings.band_baseline_energy[1] == pytest.approx(1000 * savings.band_baseline_energy[0])


def test_a_mean_that_is_not_positive_gives_no_relative_error_rather_than_an_infinite_one() -> None:
    use = np.where(np.arange(365) % 2 == 0, -1.0, 1.0)[None].copy()
    use[0, 0] = np.nan

    fits = fit_days(use, np.full(365, 60.0))

    assert fits.mean_use[0] == pytest.approx(0)
    assert not np.isinf(fits.cvrmse_adj[0])


def test_balance_points_are_those_of_caltrack() -> None:
    assert (BALANCE_POINTS_F[0], BALANCE_POINTS_F[-1], len(BALANCE_POINTS_F)) == (30, 90, 61)
