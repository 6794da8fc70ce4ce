"""Monthly: a month's statistics as they were published, exact or with noise, in one form for whoever shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tanpuhui.close.places import Places
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.models import PrivateRelease, StatisticsRelease
from tanpuhui.registry.private import MG_A_GRAM, publish_private
from tanpuhui.registry.refusals import ReleasedWithoutKinds
from tanpuhui.registry.statistics import publish_exact

ALL = "all"


@dataclass(frozen=True)
class Figures:
    """Numbers of one kind of act, or of all; ``None`` where they are left out. Errors hold for 95 of 100 numbers.

    An exact number has an error of 0. Of an exact kind the number of persons alone may be left out.
    """

    kind: str
    sector: str
    persons: int | None
    acts: int | None
    credited_mg: int | None
    persons_error: int = 0
    acts_error: int = 0
    credited_error_mg: int = 0

    @property
    def left_out(self) -> bool:
        return self.credited_mg is None


@dataclass(frozen=True)
class MonthTable:
    """A month's statistics. ``noisy``: with noise, within a budget; otherwise exact, with small kinds put together.

    ``least`` is the number of residents below which nothing is shown.
    """

    month: str
    published_at: datetime
    digest: str
    noisy: bool
    least: int
    everybody: Figures
    rows: tuple[Figures, ...]
    #: Kinds that were put together as ``other``.
    other: tuple[str, ...]
    body: Mapping[str, Any]


def publish(
    month: str, *, at: datetime, places: Places, jurisdiction: Jurisdiction, library: Library
) -> MonthTable:
    """Release a month as the jurisdiction has it, in the caller's transaction; a released one is answered as it is."""
    known = table_of(month)
    if known is not None:
        return known
    way = publish_private if jurisdiction.private else publish_exact
    way(month, at=at, places=places, jurisdiction=jurisdiction, library=library)
    return _must(month)


def table_of(month: str) -> MonthTable | None:
    """A month's statistics, or ``None`` before they are published."""
    return next(iter(tables(month)), None)


def latest() -> MonthTable | None:
    """The newest month's statistics."""
    return next(iter(tables()), None)


def tables(month: str | None = None) -> list[MonthTable]:
    """The statistics of all months that were released, newest first, or of one."""
    exact = StatisticsRelease.objects.filter(month__isnull=False)
    # Before kinds of act came with noise, a release was of districts alone.
    private = PrivateRelease.objects.filter(body__has_key="kinds")
    if month is not None:
        exact, private = exact.filter(month=month), private.filter(month=month)
    found = {one.month: _exact(one) for one in exact} | {one.month: _private(one) for one in private}
    return [found[name] for name in sorted(found, key=str, reverse=True)]


def _must(month: str) -> MonthTable:
    found = table_of(month)
    if found is None:
        raise ReleasedWithoutKinds(month=month)
    return found


def _exact(release: StatisticsRelease) -> MonthTable:
    body = release.body
    nothing = {"persons": None, "acts": None, "credited_mg": None}
    return MonthTable(
        month=body["month"],
        published_at=release.published_at,
        digest=release.digest,
        noisy=False,
        least=body["least_persons"],
        everybody=Figures(kind=ALL, sector="", **(body["totals"] or nothing)),
        rows=tuple(Figures(**row) for row in body["kinds"]),
        other=tuple(body["other"]),
        body=body,
    )


def _private(release: PrivateRelease) -> MonthTable:
    told = release.body["kinds"]
    rows = [_noisy(row, told, told["acts_error"], told["credited_error_g"]) for row in told["rows"]]
    everybody = {"kind": ALL, "sector": "", **told["all"]}
    return MonthTable(
        month=release.month,
        published_at=release.published_at,
        digest=release.digest,
        noisy=True,
        least=told["threshold"],
        everybody=_noisy(everybody, told, told["all_acts_error"], told["all_credited_error_g"]),
        rows=tuple(sorted(rows, key=lambda row: (row.left_out, -(row.credited_mg or 0), row.kind))),
        other=(),
        body=release.body,
    )


def _noisy(
    row: Mapping[str, Any], told: Mapping[str, Any], acts_error: int, credited_error_g: int
) -> Figures:
    grams = row["credited_g"]
    return Figures(
        kind=row["kind"],
        sector=row["sector"],
        persons=row["persons"],
        acts=row["acts"],
        credited_mg=None if grams is None else grams * MG_A_GRAM,
        persons_error=told["persons_error"],
        acts_error=acts_error,
        credited_error_mg=credited_error_g * MG_A_GRAM,
    )
