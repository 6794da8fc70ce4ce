"""Frozen: use in the months of a baseline, written down with the window that it is declared with.

What homes used before is then no matter of the file that a period is settled from: it is what it was when nobody knew
what they would use.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tanpuhui.baseline.comparison import learn_shrinkage
from tanpuhui.close.places import Places
from tanpuhui.evidence.contract import latest
from tanpuhui.programme.estimate import MISSING_PERCENT, needs_a_year
from tanpuhui.programme.models import Period, Programme, Window
from tanpuhui.programme.month import last_day, later, months_between
from tanpuhui.programme.own_baseline import controls_of_shrinkage, matrix
from tanpuhui.programme.readings import SCHEMA, Read, as_table, number, read_file
from tanpuhui.programme.refusals import (
    BaselineEmpty,
    BaselineIncomplete,
    BaselineMonthsMissing,
    BaselineNotOver,
    BaselineOtherwise,
    LimitBelowUse,
    ReadBefore,
)
from tanpuhui.programme.seal import look_inside


def freeze(path: Path, window: Window, *, at: datetime, places: Places) -> str:
    """Freeze the months of a window's baseline that are over, and answer their digest; in the caller's transaction.

    Of each month that is frozen, only frozen readings count from then on. Rungs that need a whole year, and strata or
    matches, are refused without all twelve months, or where a group lacks too many homes to be settled later.
    """
    programme = window.programme
    months = baseline_months(window.baseline_from)
    found = read_file(path, months)
    today = at.astimezone(ZoneInfo(programme.zone)).date()
    known = sorted({month for _home, month in found})
    if not known:
        raise BaselineEmpty(file=path.name, first=months[0], last=last_day(months[-1]))
    if last_day(known[-1]) >= today:
        raise BaselineNotOver(file=path.name, month=f"{known[-1]:%Y-%m}", today=today)
    inside = look_inside(programme)
    table = number(found, latest(programme.code), inside.listed, programme.code).table
    above = sum(energy_wh > window.limit_wh for energy_wh in found.values())
    if window.limit_wh and not window.limit_percent and above:
        raise LimitBelowUse(count=above, limit_wh=window.limit_wh)
    if needs_a_year(window.rung, window.comparison) and len(known) < len(months):
        lacking = ", ".join(f"{month:%Y-%m}" for month in months if month not in known)
        raise BaselineMonthsMissing(months=lacking, rung=window.rung, comparison=window.comparison)
    refuse_read_before(table, programme, places)
    _refuse_thin(window, table, known, listed=inside.listed, held=inside.held)
    return places.frozen.put(table.drop_columns(["joined"]))


def baseline_months(baseline_from: date) -> list[date]:
    """The twelve months of a baseline."""
    return list(months_between(baseline_from, later(baseline_from, 11)))


def months_of(window: Window, places: Places) -> dict[str, dict[int, int]]:
    """Frozen readings in Wh by month, as 2025-03, and number of the home; none without a frozen baseline."""
    if not window.baseline:
        return {}
    table = pq.read_table(places.frozen.checked(window.baseline))
    found: dict[str, dict[int, int]] = {}
    for subject, month, energy_wh in zip(
        *(table[name].to_pylist() for name in table.column_names), strict=True
    ):
        found.setdefault(month, {})[subject] = energy_wh
    return found


def put_in(read: Read, frozen: Mapping[str, Mapping[int, int]], months: Collection[date]) -> pa.Table:
    """A period's readings with the frozen ones of these months in their place; refuses a file that says otherwise.

    A file may leave frozen months out. What it says of them must be what was frozen, to the watt-hour.
    """
    columns = [read.table[name].to_pylist() for name in SCHEMA.names]
    rows = list(zip(*columns, strict=True))
    other = [
        month
        for subject, _joined, month, energy_wh in rows
        if month in frozen and frozen[month].get(subject) != energy_wh
    ]
    if other:
        raise BaselineOtherwise(count=len(other), months=", ".join(sorted(set(other))))
    joined = {subject for subject, has_joined, _month, _wh in rows if has_joined}
    kept = [row for row in rows if row[2] not in frozen]
    for month in {f"{month:%Y-%m}" for month in months} & frozen.keys():
        kept += [
            (subject, subject in joined, month, energy_wh) for subject, energy_wh in frozen[month].items()
        ]
    return as_table(sorted(kept))


def refuse_read_before(table: pa.Table, programme: Programme, places: Places) -> None:
    """A month of a home that any window or settled period of the programme holds has the same use now.

    Otherwise one month would be low where it counts as use after, and high where it counts as use before.
    """
    windows = Window.objects.filter(programme=programme).exclude(baseline="")
    periods = Period.objects.filter(window__programme=programme)
    digests = {*windows.values_list("baseline", flat=True), *periods.values_list("readings", flat=True)}
    keys = ["subject_id", "month"]
    now = table.select([*keys, "energy_wh"])
    differs: set[tuple[int, str]] = set()
    for digest in sorted(digests):
        then = pq.read_table(places.frozen.checked(digest)).select([*keys, "energy_wh"])
        both = now.join(then, keys=keys, join_type="inner", right_suffix="_then")
        other = both.filter(pc.not_equal(both["energy_wh"], both["energy_wh_then"]))
        differs.update(zip(*(other[key].to_pylist() for key in keys), strict=True))
    if differs:
        months = ", ".join(sorted({month for _subject, month in differs}))
        raise ReadBefore(count=len(differs), months=months, code=programme.code)


def _refuse_thin(
    window: Window, table: pa.Table, months: list[date], *, listed: Collection[int], held: Collection[int]
) -> None:
    """Too many homes without a baseline would stop every settlement of the window: said while there is time."""
    subjects = np.array(sorted(listed), dtype=np.int64)
    then = matrix(table, subjects, [f"{month:%Y-%m}" for month in months])
    is_held = np.isin(subjects, list(held))
    some = np.isfinite(then)
    enough = (some & (np.nan_to_num(then) > 0)).any(axis=1) if window.rung == Window.L2 else some.all(axis=1)
    for group, name in ((is_held, "held out"), (~is_held, "not held out")):
        missing = int((group & ~enough).sum())
        if missing * 100 > int(group.sum()) * MISSING_PERCENT:
            raise BaselineIncomplete(
                missing=missing, homes=int(group.sum()), group=name, percent=MISSING_PERCENT
            )
    if window.rung == Window.L2:
        learn_shrinkage(controls_of_shrinkage(then, is_held))
