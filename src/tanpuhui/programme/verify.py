"""Verify: whether a programme's hold-out is the one that was published, every period comes out the same again, and no
month of a home has two readings."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tanpuhui.baseline import hold_out
from tanpuhui.close.places import Places
from tanpuhui.evidence.models import SubjectLink
from tanpuhui.methodology.load import Library
from tanpuhui.programme.estimate import Draw, estimate
from tanpuhui.programme.find import get_programme, periods_of
from tanpuhui.programme.frozen import months_of
from tanpuhui.programme.models import Period, Programme
from tanpuhui.programme.month import months_between
from tanpuhui.programme.refusals import NotOpened
from tanpuhui.programme.settle import numbers, question, tables_of


@dataclass(frozen=True)
class Checked:
    """What a verifier is shown; ``stands`` when nothing is wrong. ``differs`` names periods by their first day.

    ``read_twice`` are months, as 2025-03, of which a home has two readings that differ, in any windows and periods.
    """

    programme: str
    commitment: str
    commitment_met: bool
    same_draw: bool
    held_out: int
    held_out_that_joined: int
    periods: int
    differs: tuple[str, ...]
    read_twice: tuple[str, ...]

    @property
    def stands(self) -> bool:
        wrong = self.held_out_that_joined or self.differs or self.read_twice
        return self.commitment_met and self.same_draw and not wrong

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "stands": self.stands}


def verify(code: str, *, places: Places, library: Library) -> Checked:
    """Draw again from the opened seal, look who joined, and work each period out again from its frozen readings."""
    programme = get_programme(code)
    opening = getattr(programme, "opening", None)
    if opening is None:
        raise NotOpened(code=code)
    content = opening.content
    listed, held = frozenset(map(int, content["listed"])), frozenset(map(int, content["held"]))
    joined = SubjectLink.objects.filter(subject__in=listed).values_list("subject_id", flat=True)
    found = hold_out.verify(
        content, content["listed"], commitment=programme.commitment, joined=map(str, joined)
    )
    draw = Draw(content["seed"], listed, held)
    settled = periods_of(programme)
    differs = []
    for place, period in enumerate(settled):
        months = list(months_between(period.first_day, period.last_day.replace(day=1)))
        asked = question(period.window, months, settled[:place], places, library)
        readings, temperature = tables_of(period, places)
        again = estimate(readings, draw, asked, temperature)
        as_frozen = _as_frozen(period, readings, places)
        same = as_frozen and all(getattr(period, name) == value for name, value in numbers(again).items())
        if not same or places.frozen.put(again.shares) != period.shares:
            differs.append(period.first_day.isoformat())
    return Checked(
        programme=code,
        commitment=programme.commitment,
        commitment_met=found.commitment_met,
        same_draw=found.same_homes and found.same_draw,
        held_out=len(held),
        held_out_that_joined=len(found.recruited),
        periods=len(settled),
        differs=tuple(differs),
        read_twice=read_twice(programme, places),
    )


def read_twice(programme: Programme, places: Places) -> tuple[str, ...]:
    """Months of which frozen files of a programme say two things of one home; what was refused is not asked.

    Such a month would be low where it is use after, and high where it is use before.
    """
    windows = programme.windows.exclude(baseline="").values_list("baseline", flat=True)
    digests = {*windows, *(one.readings for one in periods_of(programme))}
    columns = ["subject_id", "month", "energy_wh"]
    if not digests:
        return ()
    said = pa.concat_tables(
        pq.read_table(places.frozen.checked(one), columns=columns) for one in sorted(digests)
    )
    each = said.group_by(columns[:2]).aggregate([("energy_wh", "min"), ("energy_wh", "max")])
    other = each.filter(pc.not_equal(each["energy_wh_min"], each["energy_wh_max"]))
    return tuple(sorted(set(other["month"].to_pylist())))


def _as_frozen(period: Period, readings: pa.Table, places: Places) -> bool:
    """Whether a period's readings of the baseline's frozen months are those that were frozen with its window."""
    frozen = months_of(period.window, places)
    columns = (readings[name].to_pylist() for name in ("subject_id", "month", "energy_wh"))
    found: dict[str, dict[int, int]] = {}
    for subject, month, energy_wh in zip(*columns, strict=True):
        found.setdefault(month, {})[subject] = energy_wh
    return all(found[month] == frozen[month] for month in found.keys() & frozen.keys())
