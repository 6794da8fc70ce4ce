"""Meters a second: CalTRACK daily (2,014 candidates each) and billing, sufficiency included, on simulated homes.

Run: .venv/bin/python bench/baseline.py [--meters 5000] [--runs 3]
Every home has a tenth-or-less of its days missing, its own size and balance points, and one place's weather.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time

import numpy as np

from tanpuhui.baseline.candidates import DegreeDays
from tanpuhui.baseline.fit import degree_days_of, fit_bills, fit_days, predict
from tanpuhui.baseline.savings import metered
from tanpuhui.baseline.sufficiency import examine_reads, level_step, without_zeros

DAYS, BILLS = 365, 12


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--meters", type=int, default=5_000)
    options.add_argument("--runs", type=int, default=3)
    asked = options.parse_args()
    random = np.random.default_rng(20260101)
    temperature = 60 - 25 * np.cos(2 * np.pi * np.arange(2 * DAYS) / DAYS) + random.normal(0, 6, 2 * DAYS)
    use = homes(random, temperature, asked.meters)
    print(f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}")
    for name, work in (
        ("caltrack-daily: sufficiency, fit, step, savings and band", daily),
        ("caltrack-billing: fit, savings and band", billing),
    ):
        rates = []
        for _ in range(asked.runs):
            started = time.perf_counter()
            work(use, temperature)
            rates.append(asked.meters / (time.perf_counter() - started))
        print(
            f"{name}: median {statistics.median(rates):,.0f} meters a second ({min(rates):,.0f} to {max(rates):,.0f})"
        )


def homes(random: np.random.Generator, temperature: np.ndarray, meters: int) -> np.ndarray:
    """Two years of daily reads for each home."""
    size, heat, cool = random.uniform(0.3, 3, (3, meters, 1))
    h, c = random.uniform(50, 62, (meters, 1)), random.uniform(65, 76, (meters, 1))
    use = 6 * size + heat * np.maximum(h - temperature, 0) / 5 + cool * np.maximum(temperature - c, 0) / 5
    use *= np.exp(random.normal(0, 0.2, use.shape))
    use[random.random(use.shape) < 0.04] = np.nan
    return use


def daily(use: np.ndarray, temperature: np.ndarray) -> None:
    before, after = use[:, :DAYS], use[:, DAYS:]
    before, _ = without_zeros(before)
    examine_reads(before, temperature[:DAYS], covered=np.ones(DAYS, bool), gas=False)
    fits = fit_days(before, temperature[:DAYS])
    level_step(fits.residual, fits.mean_use)
    expected = predict(fits, *degree_days_of(fits, temperature[DAYS:]))
    metered(fits, expected, after, np.ones_like(after))


def billing(use: np.ndarray, temperature: np.ndarray) -> None:
    """Each home's bills begin on a day of its own."""
    meters = len(use)
    edges = np.arange(meters)[:, None] % 28 + np.linspace(0, 330, BILLS + 1).astype(int)
    before = DegreeDays.of_days(temperature)
    sums = [
        np.concatenate([np.zeros((1, 61)), np.cumsum(one, axis=0)])
        for one in (before.heating, before.cooling)
    ]
    used = np.concatenate([np.zeros((meters, 1)), np.cumsum(np.nan_to_num(use), axis=1)], axis=1)
    days = np.diff(edges, axis=1).astype(float)
    own = [(one[edges[:, 1:]] - one[edges[:, :-1]]) / days[:, :, None] for one in sums]
    a_day = np.diff(np.take_along_axis(used, edges, axis=1), axis=1) / days
    fits = fit_bills(a_day, days, DegreeDays(heating=own[0], cooling=own[1]))
    expected = predict(fits, *degree_days_of(fits, temperature[DAYS:]))
    metered(fits, expected, use[:, DAYS:], np.ones_like(expected))


if __name__ == "__main__":
    main()
