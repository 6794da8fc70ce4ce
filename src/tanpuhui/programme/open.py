"""Open: begin a programme with a fixed list of homes: some are held out at random before anybody is recruited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from django.db import connection

from tanpuhui.baseline import hold_out
from tanpuhui.baseline.comparison import ALL
from tanpuhui.baseline.refusals import BadPercent, HomesRepeated
from tanpuhui.close.places import Places
from tanpuhui.evidence import contract as contracts
from tanpuhui.evidence.models import Contract
from tanpuhui.evidence.subjects import subject_ids
from tanpuhui.methodology.load import Library
from tanpuhui.programme.listed import keep_list
from tanpuhui.programme.models import Programme, Window
from tanpuhui.programme.refusals import ProgrammeKnown, TitleMissing
from tanpuhui.programme.seal import seal
from tanpuhui.programme.window import declare

#: What a settled period reports of each home that joined.
KIND = "household_programme_share"
METHODOLOGY = "national/household-programme"
MOST_PERCENT = 90


@dataclass(frozen=True)
class Design:
    """A programme before it begins. ``seed`` is 64 random hexadecimal digits; ``homes`` are pseudonyms."""

    code: str
    title_zh: str
    title_en: str
    homes: Sequence[str]
    percent: int
    rung: str
    baseline_from: date
    starts_on: date
    pia_reference: str
    seed: str
    methodology: str = METHODOLOGY
    #: Readings of the baseline, frozen as the programme opens, and what rests on them.
    baseline: Path | None = None
    comparison: str = ALL
    limit_percent: int = 0
    limit_wh: int = 0


def open_programme(
    design: Design, *, at: datetime, zone: str, library: Library, places: Places | None = None
) -> Programme:
    """Draw, seal, and keep the digest that is published; declare the first window. In the caller's transaction.

    A baseline is frozen in ``places``, which it needs.

    The programme reports like a provider of its own: residents agree to it, and see it, as with any other.
    """
    refuse_unfit(design)
    library.in_force(design.methodology, design.starts_on)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [design.code])
    if Contract.objects.filter(provider=design.code).exists():
        raise ProgrammeKnown(code=design.code)
    contract = contracts.add(
        design.code,
        format="generic",
        kinds=[KIND],
        pia_reference=design.pia_reference,
        valid_from=design.baseline_from,
        made_at=at,
        options={"zone": zone},
        own=True,
    )
    listed = [str(ids[0]) for piece in subject_ids(contract, design.homes) for ids in piece.values()]
    drawn = hold_out.draw(listed, percent=design.percent, seed=design.seed)
    made = Programme.objects.create(
        code=design.code,
        title_zh=design.title_zh.strip(),
        title_en=design.title_en.strip(),
        methodology=design.methodology,
        zone=zone,
        homes=len(listed),
        held_out=len(drawn.held),
        percent=design.percent,
        commitment=drawn.commitment,
        sealed=seal(design.code, drawn, sorted(listed)),
        opened_at=at,
    )
    window = Window(
        programme=made,
        rung=design.rung,
        baseline_from=design.baseline_from,
        starts_on=design.starts_on,
        comparison=design.comparison,
        limit_percent=design.limit_percent,
        limit_wh=design.limit_wh,
    )
    declare(window, at=at, baseline=design.baseline, places=places)
    keep_list(made, design.homes)
    return made


def refuse_unfit(design: Design) -> None:
    """What can be said of a design without looking anything up."""
    if not design.title_zh.strip() or not design.title_en.strip():
        raise TitleMissing()
    if not 1 <= design.percent <= MOST_PERCENT:
        raise BadPercent(percent=design.percent)
    repeated = len(design.homes) - len(set(design.homes))
    if repeated:
        seen: set[str] = set()
        first = next(home for home in design.homes if home in seen or seen.add(home))  # type: ignore[func-returns-value]
        raise HomesRepeated(count=repeated, first=first)
