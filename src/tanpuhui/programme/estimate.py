"""Estimate: what a programme saved in a period, from frozen readings and its draw alone; no clock, no database.

All homes that were not held out are compared with all that were, whether they joined or not: who joins chooses itself,
who is held out does not. What is certified is shared among those that joined.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
import pyarrow as pa

from tanpuhui.baseline.arrays import Floats, Whole
from tanpuhui.baseline.comparison import ratio_to_peers
from tanpuhui.baseline.pooled import (
    Effect,
    allocate,
    certifiable,
    held_out_effect,
    held_out_estimates,
    pooled_effect,
    ratio_estimates,
)
from tanpuhui.programme.month import same_month
from tanpuhui.programme.refusals import TooManyMissing

#: Bootstrap draws of a bound, and the most homes of a group that may lack readings.
DRAWS, MISSING_PERCENT = 1_000, 10
SHARES = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("estimate_wh", pa.int64()),
        ("carried_in_wh", pa.int64()),
        ("carried_out_wh", pa.int64()),
        ("share_mg", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Asked:
    """What decides an estimate besides readings and draw. ``mg_each_wh`` is exact; carried numbers are 0 or below."""

    rung: str
    baseline_from: date
    months: Sequence[date]
    carried_wh: int
    carried_by_home: Mapping[int, int]
    mg_each_wh: Fraction


@dataclass(frozen=True)
class Draw:
    """Homes of the list and those held out, by number, and the seed that they were drawn with."""

    seed: str
    listed: Collection[int]
    held: Collection[int]


@dataclass(frozen=True)
class Estimated:
    """The programme's signed saving with its error and bound, what is certifiable, and each joined home's part."""

    homes: int
    joined: int
    held_out: int
    left_out: int
    saved_wh: int
    error_wh: int
    bound_wh: int
    carried_in_wh: int
    carried_out_wh: int
    certifiable_wh: int
    certifiable_mg: int
    shared_mg: int
    shares: pa.Table


@dataclass(frozen=True)
class _Group:
    subject: Whole
    before: Floats
    after: Floats


def months_needed(asked_months: Sequence[date], baseline_from: date) -> set[date]:
    """The months of a period and the same months of its baseline."""
    return {*asked_months, *(same_month(month, baseline_from) for month in asked_months)}


def estimate(readings: pa.Table, draw: Draw, asked: Asked) -> Estimated:
    """The same readings, draw and question give the same answer, to the milligram."""
    complete = _complete(readings, asked)
    held = _group(complete, sorted(draw.held), "held out")
    offered = _group(complete, sorted(set(draw.listed) - set(draw.held)), "not held out")
    seed = int.from_bytes(hashlib.sha256(f"{draw.seed}|{asked.months[0]}".encode()).digest()[:8])
    effect = _effect(asked.rung, offered, held, seed)
    may = certifiable(effect, asked.carried_wh)
    joined = _joined(readings)
    mine = np.isin(offered.subject, np.array(sorted(joined), dtype=np.int64))
    estimates = _own_estimates(asked.rung, offered, held, mine)
    shares = _shares(offered.subject[mine], estimates, may.amount, asked)
    return Estimated(
        homes=len(offered.subject),
        joined=int(mine.sum()),
        held_out=len(held.subject),
        left_out=len(draw.listed) - len(offered.subject) - len(held.subject),
        saved_wh=math.floor(effect.saved),
        error_wh=math.ceil(effect.standard_error),
        bound_wh=effect.lower_bound,
        carried_in_wh=asked.carried_wh,
        carried_out_wh=may.carried,
        certifiable_wh=may.amount,
        certifiable_mg=math.floor(may.amount * asked.mg_each_wh),
        shared_mg=sum(shares["share_mg"].to_pylist()),
        shares=shares,
    )


def _complete(readings: pa.Table, asked: Asked) -> dict[int, tuple[int, int]]:
    """Use before and after of each home that has every month asked for."""
    before = {f"{same_month(month, asked.baseline_from):%Y-%m}" for month in asked.months}
    after = {f"{month:%Y-%m}" for month in asked.months}
    sums: dict[int, list[int]] = {}
    names = ("subject_id", "month", "energy_wh")
    for subject, month, energy_wh in zip(*(readings[name].to_pylist() for name in names), strict=True):
        totals = sums.setdefault(subject, [0, 0, 0])
        totals[0] += energy_wh if month in before else 0
        totals[1] += energy_wh if month in after else 0
        totals[2] += month in before or month in after
    months = len(before | after)
    return {subject: (was, now) for subject, (was, now, count) in sums.items() if count == months}


def _group(complete: Mapping[int, tuple[int, int]], subjects: Sequence[int], name: str) -> _Group:
    there = [subject for subject in subjects if subject in complete]
    missing = len(subjects) - len(there)
    if missing * 100 > len(subjects) * MISSING_PERCENT:
        raise TooManyMissing(missing=missing, homes=len(subjects), group=name, percent=MISSING_PERCENT)
    used = np.array([complete[subject] for subject in there], dtype=np.float64).reshape(len(there), 2)
    return _Group(np.array(there, dtype=np.int64), used[:, 0], used[:, 1])


def _effect(rung: str, offered: _Group, held: _Group, seed: int) -> Effect:
    if rung == "L5":
        return held_out_effect(
            before=offered.before,
            after=offered.after,
            held_before=held.before,
            held_after=held.after,
            draws=DRAWS,
            seed=seed,
        )
    assert rung == "L3", rung
    return pooled_effect(
        baseline=offered.before,
        after=offered.after,
        controls_baseline=held.before,
        controls_after=held.after,
        draws=DRAWS,
        seed=seed,
    )


def _own_estimates(rung: str, offered: _Group, held: _Group, mine: np.ndarray) -> Whole:
    before, after = offered.before[mine], offered.after[mine]
    if rung == "L5":
        return held_out_estimates(
            before=offered.before,
            after=offered.after,
            held_before=held.before,
            held_after=held.after,
            of_before=before,
            of_after=after,
        )
    return ratio_estimates(baseline=before, after=after, ratio=ratio_to_peers(held.before, held.after))


def _joined(readings: pa.Table) -> set[int]:
    pairs = zip(readings["subject_id"].to_pylist(), readings["joined"].to_pylist(), strict=True)
    return {subject for subject, joined in pairs if joined}


def _shares(subject: Whole, estimates: Whole, bound_wh: int, asked: Asked) -> pa.Table:
    """A row for each joined home, and one for each that is not measured now and still carries something."""
    carried = np.array([asked.carried_by_home.get(int(one), 0) for one in subject], dtype=np.int64)
    given = allocate(bound_wh, estimates, carried, each=asked.mg_each_wh)
    rows = [
        (int(one), int(saved), int(owed), out, share)
        for one, saved, owed, out, share in zip(
            subject, estimates, carried, given.carried, given.share, strict=True
        )
    ]
    absent = set(asked.carried_by_home) - {row[0] for row in rows}
    rows += [(one, 0, asked.carried_by_home[one], asked.carried_by_home[one], 0) for one in absent]
    columns = [[row[place] for row in sorted(rows)] for place in range(len(SHARES))]
    return pa.table([pa.array(column, pa.int64()) for column in columns], SHARES)
