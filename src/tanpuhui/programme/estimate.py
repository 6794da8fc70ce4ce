"""Estimate: what a programme saved in a period, from frozen readings and its draw alone; no clock, no database.

All homes that were not held out are compared with all that were, whether they joined or not: who joins chooses itself,
who is held out does not. What is certified is shared among those that joined.

Whoever makes the file of readings must gain nothing by leaving homes out, so a home without complete readings counts
against the programme (:func:`_against`); with all homes there nothing is added.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
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
    """All homes of a group by number, whether each has complete readings, and its use in Wh (0 where it has none)."""

    subject: Whole
    there: np.ndarray
    before: Floats
    after: Floats

    def with_missing(self, *, before: float, after: float) -> _Group:
        """The same with the use that homes without readings are taken to have."""
        return replace(
            self,
            before=np.where(self.there, self.before, before),
            after=np.where(self.there, self.after, after),
        )


def months_needed(asked_months: Sequence[date], baseline_from: date) -> set[date]:
    """The months of a period and the same months of its baseline."""
    return {*asked_months, *(same_month(month, baseline_from) for month in asked_months)}


def estimate(readings: pa.Table, draw: Draw, asked: Asked) -> Estimated:
    """The same readings, draw and question give the same answer, to the milligram."""
    complete = _complete(readings, asked)
    held = _group(complete, sorted(draw.held), "held out")
    offered = _group(complete, sorted(set(draw.listed) - set(draw.held)), "not held out")
    offered, held = _against(asked.rung, offered, held)
    seed = int.from_bytes(hashlib.sha256(f"{draw.seed}|{asked.months[0]}".encode()).digest()[:8])
    effect = _effect(asked.rung, offered, held, seed)
    may = certifiable(effect, asked.carried_wh)
    joined = _joined(readings)
    mine = offered.there & np.isin(offered.subject, np.array(sorted(joined), dtype=np.int64))
    estimates = _own_estimates(asked.rung, offered, held, mine)
    shares = _shares(offered.subject[mine], estimates, may.amount, asked)
    return Estimated(
        homes=int(offered.there.sum()),
        joined=int(mine.sum()),
        held_out=int(held.there.sum()),
        left_out=int((~offered.there).sum() + (~held.there).sum()),
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
    there = np.array([subject in complete for subject in subjects], dtype=bool)
    missing = int((~there).sum())
    if missing * 100 > len(subjects) * MISSING_PERCENT:
        raise TooManyMissing(missing=missing, homes=len(subjects), group=name, percent=MISSING_PERCENT)
    used = np.array([complete.get(subject, (0, 0)) for subject in subjects], dtype=np.float64)
    used = used.reshape(len(subjects), 2)
    return _Group(np.array(subjects, dtype=np.int64), there, used[:, 0], used[:, 1])


def _against(rung: str, offered: _Group, held: _Group) -> tuple[_Group, _Group]:
    """Both groups with a use for each missing home that is the least favourable one there can be.

    Bounds of the worst case (Horowitz and Manski 2000) need limits of what a missing home may have used; without any,
    one home could have used whatever cancels the saving. The limit is M, the most that any home that is there used in
    all, before or after: a missing home's use is taken to lie between 0 and M, both times.

    L3, whose saving is the sum of ratio x before - after: no home that was asked adds less than one of 0 before and M
    after (-M), and no home that was held out takes the ratio lower than one of M before and 0 after.

    L5: a missing home is at its group's mean before, so that it moves neither the slope nor the adjustment, and after
    it is M above the mean of those asked, or M below the mean of those held out. The deviation of a home from the line
    is that of two uses between 0 and M, so no greater. The error is not lessened either: it grows with deviations.

    Homes keep their places, so the bootstrap draws the same ones, and what is missing alone makes the difference. A
    loss is carried with them counted so too: leaving homes out does not make a bad period less bad.
    """
    if offered.there.all() and held.there.all():
        return offered, held
    most = max(float(use.max()) for group in (offered, held) for use in (group.before, group.after))
    if rung == "L3":
        return offered.with_missing(before=0.0, after=most), held.with_missing(before=most, after=0.0)
    means = [(one.before[one.there].mean(), one.after[one.there].mean()) for one in (offered, held)]
    (before, after), (held_before, held_after) = means
    return (
        offered.with_missing(before=float(before), after=float(after) + most),
        held.with_missing(before=float(held_before), after=float(held_after) - most),
    )


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
