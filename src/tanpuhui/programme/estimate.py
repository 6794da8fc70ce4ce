"""Estimate: what a programme saved in a period, from frozen readings and its draw alone; no clock, no database.

All homes that were not held out are compared with all that were, whether they joined or not: who joins chooses itself,
who is held out does not. What is certified is shared among those that joined.

Whoever makes the file of readings must gain nothing by leaving homes out, so a home without complete readings counts
against the programme (:func:`_effect`); with all homes there nothing is added.
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

from tanpuhui.baseline.arrays import Flags, Floats, Whole
from tanpuhui.baseline.comparison import ALL, Peers, peers_of
from tanpuhui.baseline.pooled import (
    allocate,
    certifiable,
    common_slope,
    held_out_effect,
    held_out_estimates,
    pooled_effect,
    ratio_estimates,
)
from tanpuhui.baseline.unknown import Effect, Unknown
from tanpuhui.programme.month import later, months_between, same_month
from tanpuhui.programme.own_baseline import Weather, matrix, own_baselines, weather_of
from tanpuhui.programme.refusals import TooManyMissing
from tanpuhui.programme.temperature import by_day, days_of_month

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
class Limit:
    """What a home is taken to use at most, as declared with a window; 0 is no limit. Of two the higher one counts.

    ``percent`` of the home's own baseline, ``energy_wh`` a month.
    """

    percent: int = 0
    energy_wh: int = 0

    @property
    def is_declared(self) -> bool:
        return bool(self.percent or self.energy_wh)

    def of(self, baseline: Floats, months: int) -> Floats:
        """The most of each home in so many months, in Wh."""
        return np.maximum(baseline * self.percent / 100, float(self.energy_wh * months))


@dataclass(frozen=True)
class Asked:
    """What decides an estimate besides readings and draw. ``mg_each_wh`` is exact; carried numbers are 0 or below.

    ``frozen`` are months of the baseline, as 2025-03, of which nothing but frozen readings counts.
    """

    rung: str
    baseline_from: date
    months: Sequence[date]
    carried_wh: int
    carried_by_home: Mapping[int, int]
    mg_each_wh: Fraction
    comparison: str = ALL
    limit: Limit = Limit()
    frozen: frozenset[str] = frozenset()

    @property
    def baseline_months(self) -> list[date]:
        """The months that own baselines are made from: those of the same names, or all twelve."""
        if needs_a_year(self.rung, self.comparison):
            return list(months_between(self.baseline_from, later(self.baseline_from, 11)))
        return [same_month(month, self.baseline_from) for month in self.months]

    @property
    def is_frozen(self) -> bool:
        return self.frozen >= {f"{month:%Y-%m}" for month in self.baseline_months}


@dataclass(frozen=True)
class Draw:
    """Homes of the list and those held out, by number, and the seed that they were drawn with."""

    seed: str
    listed: Collection[int]
    held: Collection[int]


@dataclass(frozen=True)
class Estimated:
    """The programme's signed saving with its error and bound, what is certifiable, and each joined home's part.

    Of homes ``left_out``, those ``limited`` have a frozen baseline. ``above_limit`` are homes that are there and used
    more than the declared limit, ``modelled`` those whose own baseline is a model of the rung (L2, L4). ``comparison``
    is the one that was made.
    """

    homes: int
    joined: int
    held_out: int
    left_out: int
    limited: int
    above_limit: int
    modelled: int
    comparison: str
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
    """Homes of a group by number, with Wh of their own baseline and used after (0 where it is not known).

    ``there`` are homes of which both are known; ``limited`` those of which a frozen baseline is. ``most`` is what each
    may have used after, and before where not even the baseline is known.
    """

    subject: Whole
    before: Floats
    after: Floats
    there: Flags
    limited: Flags
    most: Floats

    @property
    def is_open(self) -> Flags:
        """Homes of which nothing is known."""
        return np.asarray(~(self.there | self.limited))

    def with_missing(self, *, before: float, after: float) -> _Group:
        """The same with the use that homes are taken to have of which not even the baseline is known."""
        return replace(
            self,
            before=np.where(self.is_open, before, self.before),
            after=np.where(self.is_open, after, self.after),
        )

    @property
    def is_whole(self) -> bool:
        return not self.is_open.any()


def months_needed(asked_months: Sequence[date], baseline_from: date) -> set[date]:
    """The months of a period and the same months of its baseline."""
    return {*asked_months, *(same_month(month, baseline_from) for month in asked_months)}


def needs_a_year(rung: str, comparison: str) -> bool:
    """Whether all twelve months of a frozen baseline count, whatever a period's months are."""
    return rung in ("L2", "L4") or comparison != ALL


def estimate(readings: pa.Table, draw: Draw, asked: Asked, temperature: pa.Table | None = None) -> Estimated:
    """The same readings, temperatures, draw and question give the same answer, to the milligram."""
    subjects = np.array(sorted(draw.listed), dtype=np.int64)
    is_held = np.isin(subjects, np.array(sorted(draw.held), dtype=np.int64))
    before, modelled = _before(readings, subjects, is_held, asked, temperature)
    after = matrix(readings, subjects, [f"{month:%Y-%m}" for month in asked.months]).sum(axis=1)
    groups, above = _groups(subjects, is_held, before, after, asked)
    offered, held = _against(*groups)
    # Weights are moved by use before of either group, and nothing bounds that of a home of which nothing is known.
    comparison = asked.comparison if offered.is_whole and held.is_whole else ALL
    peers = None if comparison == ALL else peers_of(comparison, offered.before, held.before)
    seed = int.from_bytes(hashlib.sha256(f"{draw.seed}|{asked.months[0]}".encode()).digest()[:8])
    effect = _effect(asked.rung, *groups, peers, seed)
    may = certifiable(effect, asked.carried_wh)
    joined = _joined(readings)
    mine = offered.there & np.isin(offered.subject, np.array(sorted(joined), dtype=np.int64))
    estimates = _own_estimates(asked.rung, offered, held, peers, mine)
    shares = _shares(offered.subject[mine], estimates, may.amount, asked)
    return Estimated(
        homes=int(offered.there.sum()),
        joined=int(mine.sum()),
        held_out=int(held.there.sum()),
        left_out=int((~offered.there).sum() + (~held.there).sum()),
        limited=int(offered.limited.sum() + held.limited.sum()),
        above_limit=above,
        modelled=int(modelled.sum()),
        comparison=comparison,
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


def weather_months(asked: Asked) -> list[date]:
    """The months whose temperatures a period needs: none, or on L4 those of the baseline and its own."""
    return [*asked.baseline_months, *asked.months] if asked.rung == "L4" else []


def _before(
    readings: pa.Table, subjects: Whole, is_held: Flags, asked: Asked, temperature: pa.Table | None
) -> tuple[Floats, Flags]:
    """Each home's own baseline on the rung, NaN where there is none, and whose a model has made."""
    months = asked.baseline_months
    then = matrix(readings, subjects, [f"{month:%Y-%m}" for month in months])
    places = [months.index(same_month(month, asked.baseline_from)) for month in asked.months]
    weather: tuple[Weather, Weather] | None = None
    if temperature is not None:
        degrees = by_day(temperature)
        weather = (
            weather_of(degrees, [days_of_month(month) for month in months]),
            weather_of(degrees, [days_of_month(month) for month in asked.months]),
        )
    own = own_baselines(asked.rung, then, places, is_held, weather)
    return own.baseline, own.modelled


def _groups(
    subjects: Whole, is_held: Flags, before: Floats, after: Floats, asked: Asked
) -> tuple[tuple[_Group, _Group], int]:
    """Homes asked and held out, and how many that are there used more than the declared limit.

    A limit that one home is seen above is no limit: then a home that is left out, as one without any declared limit, is
    taken to use at most M more than its own baseline, M being the most that any home is known to have used in all,
    before or after. One whose baseline is not known either is taken to have used at most M, both times.
    """
    there = np.isfinite(before) & np.isfinite(after)
    limited = np.isfinite(before) & ~there & asked.is_frozen
    limits = asked.limit.of(np.nan_to_num(before), len(asked.months))
    above = int((there & (after > limits)).sum()) if asked.limit.is_declared and asked.is_frozen else 0
    used = max(float(np.nan_to_num(one).max()) for one in (before, after))
    most = limits if asked.limit.is_declared and not above else np.nan_to_num(before) + used
    known = there | limited
    most = np.where(
        known, most, max(float(one[known & np.isfinite(one)].max(initial=0.0)) for one in (before, after))
    )
    parts = []
    for name, mask in (("held out", is_held), ("not held out", ~is_held)):
        missing, homes = int((mask & ~there).sum()), int(mask.sum())
        if missing * 100 > homes * MISSING_PERCENT:
            raise TooManyMissing(missing=missing, homes=homes, group=name, percent=MISSING_PERCENT)
        parts.append(
            _Group(
                subject=subjects[mask],
                before=np.where(known, before, 0.0)[mask],
                after=np.where(there, after, 0.0)[mask],
                there=there[mask],
                limited=limited[mask],
                most=most[mask],
            )
        )
    held, offered = parts
    return (offered, held), above


def _against(offered: _Group, held: _Group) -> tuple[_Group, _Group]:
    """Both groups with a use for each home of which nothing is known, for weights and for what each home is given.

    It is the one that lowers the estimate most where slope and ratio stay: 0 before and M after (asked), or M before
    and 0 after (held out). The bound does not rest on it: :func:`tanpuhui.baseline.unknown.least` has all that such a
    home may have used.
    """
    return (
        offered.with_missing(before=0.0, after=float(offered.most[offered.is_open].max(initial=0.0))),
        held.with_missing(before=float(held.most[held.is_open].max(initial=0.0)), after=0.0),
    )


def _effect(rung: str, offered: _Group, held: _Group, peers: Peers | None, seed: int) -> Effect:
    """The effect and its bound. Bounds of the worst case (Horowitz and Manski 2000) need limits of what a missing home
    may have used; without any, one home could have used whatever cancels the saving.

    Homes keep their places, so the bootstrap draws the same ones, and what is missing alone makes the difference. A
    loss is carried with them counted so too: leaving homes out does not make a bad period less bad.
    """
    unknown = None
    missing = ~offered.there, ~held.there
    if missing[0].any() or missing[1].any():
        is_open = np.concatenate([offered.is_open[missing[0]], held.is_open[missing[1]]])
        most = np.concatenate([offered.most[missing[0]], held.most[missing[1]]])
        unknown = Unknown(
            homes=np.flatnonzero(missing[0]),
            controls=np.flatnonzero(missing[1]),
            most=most,
            most_before=np.where(is_open, most, 0.0) if is_open.any() else None,
        )
    if rung == "L5":
        return held_out_effect(
            before=offered.before,
            after=offered.after,
            held_before=held.before,
            held_after=held.after,
            draws=DRAWS,
            seed=seed,
            unknown=unknown,
        )
    return pooled_effect(
        baseline=offered.before,
        after=offered.after,
        controls_baseline=held.before,
        controls_after=held.after,
        draws=DRAWS,
        seed=seed,
        weights=None if peers is None else peers.weights(offered.before, held.before),
        unknown=unknown,
    )


def _own_estimates(rung: str, offered: _Group, held: _Group, peers: Peers | None, mine: Flags) -> Whole:
    """What each joined home saved itself; homes held out of which only a baseline is known have used nothing."""
    before, after = offered.before[mine], offered.after[mine]
    if rung != "L5":
        peers = peers or peers_of(ALL, offered.before, held.before)
        ratio = peers.ratios(held.before, held.after)[mine]
        return ratio_estimates(baseline=before, after=after, ratio=ratio)
    ours, theirs = offered.there, held.there
    return held_out_estimates(
        before=offered.before,
        after=offered.after,
        held_before=held.before,
        held_after=held.after,
        of_before=before,
        of_after=after,
        slope=common_slope(
            offered.before[ours], offered.after[ours], held.before[theirs], held.after[theirs]
        ),
    )


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
