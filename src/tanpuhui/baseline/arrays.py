"""Arrays: the types of the columns that this stage computes with, and statistics over rows with missing values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


def correlation(one: Floats, other: Floats) -> Floats:
    """Pearson correlation of each row of two matrices over the places where neither is missing; NaN where undefined."""
    both = np.isfinite(one) & np.isfinite(other)
    count = np.maximum(both.sum(axis=1, keepdims=True), 1)
    a, b = np.where(both, one, 0.0), np.where(both, other, 0.0)
    a = np.where(both, a - a.sum(axis=1, keepdims=True) / count, 0.0)
    b = np.where(both, b - b.sum(axis=1, keepdims=True) / count, 0.0)
    spread = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(spread > 0, (a * b).sum(axis=1) / spread, np.nan))


def packed(values: Floats) -> Floats:
    """Each row with its missing values moved to its end, the order of the others kept."""
    order = np.argsort(~np.isfinite(values), axis=1, kind="stable")
    return np.take_along_axis(values, order, axis=1)


def ranks(values: Floats) -> Floats:
    """The rank of each value in its row from 0, ties in order of place; missing stays missing."""
    filled = np.where(np.isfinite(values), values, np.inf)
    order = np.argsort(filled, axis=1, kind="stable")
    found = np.empty_like(filled)
    places = np.broadcast_to(np.arange(values.shape[1], dtype=np.float64), values.shape)
    np.put_along_axis(found, order, places, axis=1)
    return np.where(np.isfinite(values), found, np.nan)
