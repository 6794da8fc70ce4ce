"""Unlike: the same readings told in another way, which must not change what is issued, or in a known way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tanpuhui.baseline.schemes.scheme import MONTHS, Readings


def scaled(readings: Readings, factor: int) -> Readings:
    """All meters read ``factor`` times as much."""
    return replace(
        readings,
        before_wh=readings.before_wh * factor,
        after_wh=readings.after_wh * factor,
        days_before_wh=readings.days_before_wh * factor,
        days_wh=readings.days_wh * factor,
        peers_before_wh=readings.peers_before_wh * factor,
        peers_after_wh=readings.peers_after_wh * factor,
    )


def reordered(readings: Readings, seed: int) -> Readings:
    """The joined homes in another order."""
    order = np.random.default_rng(seed).permutation(len(readings.home))
    return _taken(readings, order)


def shifted(readings: Readings, months: int) -> Readings:
    """The year begins so many months later: both years and the reporting year turn alike."""

    def turned(wh: np.ndarray) -> np.ndarray:
        years = wh.reshape(len(wh), -1, MONTHS)
        return np.roll(years, -months, axis=2).reshape(wh.shape)

    return replace(
        readings,
        before_wh=turned(readings.before_wh),
        after_wh=turned(readings.after_wh),
        peers_before_wh=turned(readings.peers_before_wh),
        peers_after_wh=turned(readings.peers_after_wh),
    )


def with_an_empty_home(readings: Readings) -> Readings:
    """One more home joined whose meter never moved."""

    def added(wh: np.ndarray) -> np.ndarray:
        return np.concatenate([wh, np.zeros((1, wh.shape[1]), dtype=np.int64)])

    return replace(
        readings,
        home=np.append(readings.home, readings.home.max() + 1),
        before_wh=added(readings.before_wh),
        after_wh=added(readings.after_wh),
        days_before_wh=added(readings.days_before_wh),
        days_wh=added(readings.days_wh),
    )


def noisier(readings: Readings, *, sd: float, seed: int) -> Readings:
    """Each joined home's year before and reporting year times noise of its own, whose mean is 1."""
    random = np.random.default_rng([7, seed])
    then, now = np.exp(random.normal(-(sd**2) / 2, sd, (2, len(readings.home), 1)))
    before = readings.before_wh.copy()
    before[:, MONTHS:] = np.rint(before[:, MONTHS:] * then)
    return replace(
        readings,
        before_wh=before,
        after_wh=np.rint(readings.after_wh * now).astype(np.int64),
        days_wh=np.rint(readings.days_wh * now).astype(np.int64),
    )


def _taken(readings: Readings, order: np.ndarray) -> Readings:
    return replace(
        readings,
        home=readings.home[order],
        before_wh=readings.before_wh[order],
        after_wh=readings.after_wh[order],
        days_before_wh=readings.days_before_wh[order],
        days_wh=readings.days_wh[order],
    )
