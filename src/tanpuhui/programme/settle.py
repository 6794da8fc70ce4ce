"""Settle: estimate a period of a programme from frozen readings, and report each joined home's share as evidence.

The share goes the way of any act: a batch with its receipt, the close with its grants, the ledger, a lot. So it is
posted once, replayed, verified and explained by what is there for every act.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tanpuhui.close.places import Places
from tanpuhui.evidence.contract import latest
from tanpuhui.evidence.take import take, wait_for_turn
from tanpuhui.kit.moment import day_bounds_us, from_us
from tanpuhui.methodology.load import Library
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.programme.estimate import Asked, Draw, Estimated, estimate, months_needed, weather_months
from tanpuhui.programme.find import get_programme, periods_of
from tanpuhui.programme.frozen import months_of, put_in, refuse_read_before
from tanpuhui.programme.models import Period, Programme, Window
from tanpuhui.programme.month import last_day, later, months_between
from tanpuhui.programme.open import KIND
from tanpuhui.programme.readings import number, read_file
from tanpuhui.programme.refusals import (
    NoWindow,
    PeriodNotOver,
    PeriodOutOfTurn,
    PeriodTooLong,
    SettledOtherwise,
    TemperatureNeeded,
    TemperatureUnused,
)
from tanpuhui.programme.seal import look_inside
from tanpuhui.programme.temperature import read_days, refuse_other
from tanpuhui.programme.window import limit_of

FACTOR = "grid_factor"
MG_PER_G = 1_000


@dataclass(frozen=True)
class Order:
    """Which months of which programme are settled from which file; months are their first days."""

    code: str
    first: date
    last: date
    readings: Path
    temperature: Path | None = None


def settle(order: Order, *, at: datetime, places: Places, library: Library) -> Period:
    """Settle once, in the caller's transaction; again with the same readings it answers what stands."""
    programme = get_programme(order.code)
    wait_for_turn(order.code)
    months = list(months_between(order.first, order.last))
    before = Period.objects.filter(
        window__programme=programme, first_day=order.first, last_day=last_day(order.last)
    ).first()
    window = before.window if before else next_window(programme, order, at)
    settled = [one for one in periods_of(programme) if one.first_day < order.first]
    asked = question(window, months, settled, places, library)
    needed = {*months_needed(months, window.baseline_from), *asked.baseline_months}
    found = read_file(order.readings, needed)
    inside = look_inside(programme)
    read = number(found, latest(order.code), inside.listed, order.code)
    table = put_in(read, months_of(window, places), needed)
    if before is not None:
        table = _joined_as_then(table, before, places)
    degrees = _temperature(order, window, asked, settled, places)
    digest = places.frozen.put(table)
    temperature = "" if degrees is None else places.frozen.put(degrees)
    if before is not None:
        for then, now in ((before.readings, digest), (before.temperature, temperature)):
            if then != now:
                raise SettledOtherwise(first=order.first, then=then, now=now)
        return before
    refuse_read_before(table, programme, places)
    came = estimate(table, Draw(inside.seed, inside.listed, inside.held), asked, degrees)
    shares = places.frozen.put(came.shares)
    batch = _report(programme, months, came, read.pseudonyms, at=at, places=places)
    return Period.objects.create(
        window=window,
        first_day=order.first,
        last_day=last_day(order.last),
        readings=digest,
        temperature=temperature,
        shares=shares,
        batch=batch,
        settled_at=at,
        **numbers(came),
    )


def _joined_as_then(table: pa.Table, before: Period, places: Places) -> pa.Table:
    """Readings with the homes that had joined when the period was settled: who joined since changes nothing of it."""
    then, _ = tables_of(before, places)
    joined = pc.is_in(table["subject_id"], then.filter(then["joined"])["subject_id"].combine_chunks())
    return table.set_column(table.schema.get_field_index("joined"), table.schema.field("joined"), joined)


def _temperature(
    order: Order, window: Window, asked: Asked, settled: Sequence[Period], places: Places
) -> pa.Table | None:
    """The temperatures of a file where the rung needs any, and only there; earlier periods' days are as they were."""
    months = weather_months(asked)
    if months and order.temperature is None:
        raise TemperatureNeeded(first=order.first)
    if order.temperature is None:
        return None
    if not months:
        raise TemperatureUnused(first=order.first, rung=window.rung)
    table = read_days(order.temperature, months, ZoneInfo(window.programme.zone))
    for earlier in settled:
        _readings, before = tables_of(earlier, places)
        if before is not None:
            refuse_other(table, before, file=order.temperature.name)
    return table


def numbers(came: Estimated) -> dict[str, int | str]:
    """What of an estimate a period keeps by name: everything but the homes."""
    return {field.name: getattr(came, field.name) for field in fields(came) if field.name != "shares"}


def next_window(programme: Programme, order: Order, at: datetime) -> Window:
    """The window of a period; refuses one that leaves a month out, comes too early, is too long, or not over."""
    window = programme.windows.filter(starts_on__lte=order.first).order_by("-starts_on").first()
    if window is None:
        raise NoWindow(code=programme.code, first=order.first)
    expected = next_month(programme)
    if order.first != expected:
        raise PeriodOutOfTurn(code=programme.code, expected=expected, first=order.first)
    following = programme.windows.filter(starts_on__gt=window.starts_on).order_by("starts_on").first()
    into_next = following is not None and order.last >= following.starts_on
    if order.last < order.first or order.last.year != order.first.year or into_next:
        raise PeriodTooLong(first=order.first, last=last_day(order.last))
    if at.astimezone(ZoneInfo(programme.zone)).date() <= last_day(order.last):
        raise PeriodNotOver(last=last_day(order.last), zone=programme.zone)
    return window


def next_month(programme: Programme) -> date:
    """The month that is settled next: after the last one that is, whatever its window, or the first of all windows."""
    settled = periods_of(programme)
    if settled:
        return later(settled[-1].last_day.replace(day=1), 1)
    return programme.windows.order_by("starts_on")[0].starts_on


def question(
    window: Window, months: Sequence[date], settled: Sequence[Period], places: Places, library: Library
) -> Asked:
    """What a period asks: its window's rung and baseline, the factor of its last day, and what is carried into it."""
    methodology = library.in_force(window.programme.methodology, last_day(months[-1]))
    return Asked(
        rung=window.rung,
        baseline_from=window.baseline_from,
        months=months,
        carried_wh=settled[-1].carried_out_wh if settled else 0,
        carried_by_home=_carried(settled[-1], places) if settled else {},
        mg_each_wh=mg_each_wh(methodology, last_day(months[-1])),
        comparison=window.comparison,
        limit=limit_of(window),
        frozen=frozenset(months_of(window, places)),
    )


def mg_each_wh(methodology: Methodology, day: date) -> Fraction:
    """The methodology's grid factor of a day, exact: 0.42 t/MWh is 420 mg for each Wh."""
    factor = methodology.period(day).factors[FACTOR]
    assert dict(factor.unit.dimensions) == {"[co2e]": 1, "[energy]": -1}, factor.unit
    return factor.value * factor.unit.scale * MG_PER_G


def _carried(period: Period, places: Places) -> dict[int, int]:
    """What homes carry out of a period."""
    table = pq.read_table(places.frozen.checked(period.shares))
    pairs = zip(table["subject_id"].to_pylist(), table["carried_out_wh"].to_pylist(), strict=True)
    return {subject: owed for subject, owed in pairs if owed}


def _report(
    programme: Programme,
    months: Sequence[date],
    came: Estimated,
    pseudonyms: Mapping[int, str],
    *,
    at: datetime,
    places: Places,
) -> int:
    """Report each joined home's share, of 0 too, so that its holder sees what came of it; answers the batch, or 0."""
    rows = _rows(programme, months, came, pseudonyms)
    if not rows:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{programme.code}-{months[0]:%Y-%m}.ndjson"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        receipt = take(
            programme.code,
            path,
            key=f"{programme.code}:{months[0]:%Y-%m}",
            at=at,
            lake=places.lake,
            buckets=places.buckets,
            zone=programme.zone,
            own=True,
        )
    assert receipt.accepted == len(rows), receipt.reasons
    return receipt.batch


def _rows(
    programme: Programme, months: Sequence[date], came: Estimated, pseudonyms: Mapping[int, str]
) -> list[dict[str, Any]]:
    started_us, _ = day_bounds_us(months[0], programme.zone)
    _, next_us = day_bounds_us(last_day(months[-1]), programme.zone)
    same = {
        "kind": KIND,
        "started_at": from_us(started_us).isoformat(),
        "ended_at": from_us(next_us - 1).isoformat(),
        "bound_wh": came.certifiable_wh,
        "saved_wh": max(came.saved_wh, 0),
        "homes": came.homes,
        "held_out_homes": came.held_out,
    }
    pairs = zip(came.shares["subject_id"].to_pylist(), came.shares["share_mg"].to_pylist(), strict=True)
    return [
        {
            "source_id": f"{months[0]:%Y-%m}-{subject}",
            "person": pseudonyms[subject],
            "share_mg": share_mg,
            **same,
        }
        for subject, share_mg in pairs
        if subject in pseudonyms
    ]


def tables_of(period: Period, places: Places) -> tuple[pa.Table, pa.Table | None]:
    """The frozen readings of a period, and its temperatures where the rung has any."""
    readings, *rest = [
        pq.read_table(places.frozen.checked(digest))
        for digest in (period.readings, period.temperature)
        if digest
    ]
    return readings, rest[0] if rest else None
