"""Weighing: what hauliers weighed when they fetched a station's containers. Only added to; the newest counts.

It is evidence of somebody else than the station's provider: where the provider's contract says so (``must_balance``),
a close counts no more at a station than was fetched. One stretch of days of a station has one weighing, of one
source: where several hauliers fetch, their sum is declared.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.db import connection
from django.db.models import Max, QuerySet

from tanpuhui.evidence.contract import acts_of, latest
from tanpuhui.evidence.models import LakeFile, Weighing
from tanpuhui.evidence.record import WEIGHED_KINDS
from tanpuhui.kit.erased import standing
from tanpuhui.kit.refusal import Refusal

OF_A_DAY = ["station", "day", "fetched_g"]
OF_DAYS = ["station", "first_day", "last_day", "fetched_g"]
#: A million tonnes; days that one weighing is of; letters of a station's name; stations that a refusal lists.
MOST_G, MOST_DAYS, MOST_LETTERS, MOST_LISTED = 10**12, 31, 200, 10
ONE_DAY = timedelta(days=1)
_LOCK = 7_759_219


class BadWeighings(Refusal):
    code = "evidence.bad_weighings"
    message = (
        "Line {line} cannot be read: {problem}. The first line is station,day,fetched_g or "
        "station,first_day,last_day,fetched_g; the others are a station, days as 2026-03-02, and whole grams, or "
        "nothing to take a weighing back. Each day has each station once."
    )


class WeighingSourceMissing(Refusal):
    code = "evidence.weighing_source_missing"
    message = (
        "A weighing needs its source, and one other than {provider}: whoever claims does not weigh. "
        "Name the haulier with --source, in at most 60 letters."
    )


class NoStations(Refusal):
    code = "evidence.no_stations"
    message = (
        "{provider} reports no acts that are weighed ({kinds}). Name a provider whose contract has them: "
        "'tanpuhui evidence contract list'."
    )


class UnknownStation(Refusal):
    code = "evidence.unknown_station"
    message = (
        "No record of {provider} names these stations: {stations}. Known are: {known}. "
        "Write them as the provider does, or take its files first."
    )


class WeighingOverlaps(Refusal):
    code = "evidence.weighing_overlaps"
    message = (
        "{station} has a weighing of {source} from {first_day} to {last_day} already, which overlaps. Declare the same "
        "days again to correct it, or take it back with these days and no grams, then declare others."
    )


@dataclass(frozen=True)
class Row:
    """What was fetched from a station on local days, in g; ``None`` takes back what was declared of the same days."""

    station: str
    first_day: date
    last_day: date
    fetched_g: int | None

    def meets(self, other: Row | Weighing) -> bool:
        """Whether both are of one station and have a day in common."""
        apart = self.last_day < other.first_day or other.last_day < self.first_day
        return self.station == other.station and not apart

    def is_of(self, other: Row | Weighing) -> bool:
        """Whether both are of the same station and days."""
        mine = (self.station, self.first_day, self.last_day)
        return mine == (other.station, other.first_day, other.last_day)


def read_weighings(text: str) -> list[Row]:
    """The rows of a CSV text; refuses all of it for one line that cannot be read."""
    rows = csv.reader(StringIO(text))
    header = next(rows, [])
    if header not in (OF_A_DAY, OF_DAYS):
        raise BadWeighings(line=1, problem=f"the columns are {','.join(header)}")
    found: list[Row] = []
    by_station: dict[str, list[Row]] = {}
    for row in rows:
        one = _row(row, rows.line_num, header)
        if any(one.meets(other) for other in by_station.get(one.station, ())):
            raise BadWeighings(line=rows.line_num, problem="this station has these days already")
        by_station.setdefault(one.station, []).append(one)
        found.append(one)
    return found


def declare(
    provider: str, rows: Sequence[Row], *, source: str, at: datetime, by: str, lake: Path
) -> list[Weighing]:
    """Write weighings down, all or none; answers those that are new. What the newest says is not written again."""
    counted_by = source.strip()
    if not 1 <= len(counted_by) <= 60 or counted_by.casefold() == provider.casefold():
        raise WeighingSourceMissing(provider=provider)
    if not WEIGHED_KINDS & set(acts_of(latest(provider))):
        raise NoStations(provider=provider, kinds=", ".join(sorted(WEIGHED_KINDS)))
    _hold()
    _refuse_unknown(provider, rows, lake)
    before = _by_station(provider, rows)
    fresh = [row for row in rows if _is_new(row, counted_by, before.get(row.station, []))]
    return Weighing.objects.bulk_create(
        Weighing(
            provider=provider,
            source=counted_by,
            station=row.station,
            first_day=row.first_day,
            last_day=row.last_day,
            fetched_g=row.fetched_g,
            declared_at=at,
            declared_by=by,
        )
        for row in fresh
    )


def _is_new(row: Row, source: str, before: Sequence[Weighing]) -> bool:
    """Whether a row says something that is not said; refuses one that overlaps what stands for other days."""
    standing = [one for one in before if one.fetched_g is not None]
    for one in standing:
        if row.meets(one) and not (row.is_of(one) and one.source == source):
            raise WeighingOverlaps(
                station=row.station, source=one.source, first_day=one.first_day, last_day=one.last_day
            )
    same = next((one for one in standing if row.is_of(one)), None)
    return row.fetched_g != (same.fetched_g if same else None)


def standing_of(first: date, last: date, providers: Collection[str] | None = None) -> list[Weighing]:
    """The weighings that count and are of any of some days, by provider and station."""
    found = _newest().filter(first_day__lte=last, last_day__gte=first)
    if providers is not None:
        found = found.filter(provider__in=providers)
    return [one for one in found if one.fetched_g is not None]


def newest_marks() -> list[tuple[str, date, date, int]]:
    """By provider and stretch of days: the number of the newest declaration. Few, however many stations there are."""
    grouped = Weighing.objects.values_list("provider", "first_day", "last_day").annotate(mark=Max("id"))
    return list(grouped.order_by("provider", "first_day", "last_day"))


def mark_of(day: date, providers: Collection[str]) -> int:
    """The number of the newest declaration that is of a day, 0 before the first; no declaration is under way."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_LOCK])
    newest = Weighing.objects.filter(provider__in=providers, first_day__lte=day, last_day__gte=day)
    return newest.aggregate(mark=Max("id"))["mark"] or 0


def _newest() -> QuerySet[Weighing]:
    key = ("provider", "station", "first_day", "last_day", "source")
    return Weighing.objects.order_by(*key, "-id").distinct(*key)


def _by_station(provider: str, rows: Sequence[Row]) -> dict[str, list[Weighing]]:
    found: dict[str, list[Weighing]] = {}
    if rows:
        first, last = min(row.first_day for row in rows), max(row.last_day for row in rows)
        for one in standing_of(first, last, [provider]):
            found.setdefault(one.station, []).append(one)
    return found


def _hold() -> None:
    """Declarations go one after the other: what overlaps is seen, and their numbers are in the order of commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _refuse_unknown(provider: str, rows: Sequence[Row], lake: Path) -> None:
    """A station is known by any record of its provider: those of the same days are looked at first."""
    unknown = {row.station for row in rows}
    days = {day for row in rows for day in _days(row)}
    files = LakeFile.objects.filter(part=LakeFile.RECORDS, batch__provider=provider).order_by("day", "digest")
    known: set[str] = set()
    for some in (files.filter(day__in=days), files.exclude(day__in=days)):
        for path in some.values_list("path", flat=True):
            if not unknown:
                return
            known |= _stations_in(standing(lake / path))
            unknown -= known
    if unknown:
        listed = ", ".join(sorted(known)[:MOST_LISTED]) + (", …" if len(known) > MOST_LISTED else "")
        raise UnknownStation(
            provider=provider, stations=", ".join(sorted(unknown)[:MOST_LISTED]), known=listed or "none"
        )


def _stations_in(path: Path) -> set[str]:
    if "station" not in pq.read_schema(path).names:
        return set()
    stations = pc.unique(pq.read_table(path, columns=["station"])["station"]).to_pylist()
    return {station for station in stations if station}


def _days(row: Row) -> Iterator[date]:
    return (row.first_day + ONE_DAY * number for number in range((row.last_day - row.first_day).days + 1))


def _row(row: list[str], line: int, header: list[str]) -> Row:
    if len(row) != len(header):
        raise BadWeighings(line=line, problem="it has other columns")
    station, *days, fetched = (cell.strip() for cell in row)
    if not 1 <= len(station) <= MOST_LETTERS:
        raise BadWeighings(line=line, problem=f"a station has 1 to {MOST_LETTERS} letters")
    first, last = _day(days[0], line), _day(days[-1], line)
    if last < first:
        raise BadWeighings(line=line, problem=f"{last} is before {first}")
    if (last - first).days >= MOST_DAYS:
        raise BadWeighings(line=line, problem=f"a weighing is of {MOST_DAYS} days at most")
    is_whole = fetched.isascii() and fetched.isdecimal() and len(fetched) <= len(str(MOST_G))
    if fetched and not (is_whole and int(fetched) <= MOST_G):
        raise BadWeighings(line=line, problem=f"{fetched!r} is no whole number of grams")
    return Row(station, first, last, int(fetched) if fetched else None)


def _day(text: str, line: int) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise BadWeighings(line=line, problem=f"{text!r} is no day") from error
    if day.isoformat() != text:
        raise BadWeighings(line=line, problem=f"{text!r} is no day")
    return day
