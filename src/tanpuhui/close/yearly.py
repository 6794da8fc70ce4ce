"""Yearly: what each person was credited on other days of the year, for caps that count by the year.

Each close leaves the credits that count in a file of their own (``yearly`` in its manifest), so that a day in December
reads one small file for each day before it and not everybody's credits. In another file it leaves those whom such a cap
took something from, with what they had been credited on other days: when that becomes less, there is room again.

Which of two days is credited depends on which was closed first; what a person has of a methodology in a year does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tanpuhui.close.acts import rows
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.quantify.rules import Rules

PRIOR_SCHEMA = pa.schema([("account_id", pa.int64()), ("methodology", pa.string()), ("year_mg", pa.int64())])


@dataclass(frozen=True)
class OtherDay:
    """The close that stands for another day of the year, as far as caps ask."""

    digest: str
    used: frozenset[str]
    yearly: Mapping[str, Any]


def capped_by_year(rules: Rules) -> list[str]:
    """Codes of the methodologies in use that have a yearly cap, in order."""
    return sorted(
        {
            applied.methodology.code
            for applied in rules.applied
            if any(cap.per == "person-year" for cap in applied.methodology.caps)
        }
    )


def counting(credits: pa.Table, codes: Sequence[str]) -> pa.Table:
    """Those credits whose methodology is one of the codes, in any version."""
    return credits.filter(pc.is_in(without_versions(credits)["methodology"], pa.array(codes, pa.string())))


def without_versions(credits: pa.Table) -> pa.Table:
    """Credits with the code of the methodology in place of ``code@version``: a cap goes on from version to version."""
    codes = pc.replace_substring_regex(credits["methodology"], "@[0-9]+$", "")
    return credits.set_column(credits.column_names.index("methodology"), "methodology", codes)


def other_days(day: date, rules: Rules) -> list[OtherDay]:
    """The closes that stand for the year's other days; none where no methodology in use has a yearly cap."""
    if not capped_by_year(rules):
        return []
    year = Manifest.objects.filter(day__gte=date(day.year, 1, 1), day__lt=date(day.year + 1, 1, 1))
    standing = year.exclude(day=day).order_by("day", "-sequence").distinct("day")
    return [
        OtherDay(digest, frozenset(item["code"] for item in used), yearly)
        for digest, used, yearly in standing.values_list(
            "digest", "body__inputs__methodologies", "body__yearly"
        )
    ]


def prior(days: Sequence[OtherDay], rules: Rules, places: Places) -> pa.Table:
    """What each person was credited on these days, of methodologies with a yearly cap now, in any version."""
    codes = capped_by_year(rules)
    tables = [table for day in days for table in _credits(day, codes, places)]
    if not tables:
        return PRIOR_SCHEMA.empty_table()
    credits = without_versions(counting(pa.concat_tables(tables), codes))
    summed = credits.group_by(["account_id", "methodology"]).aggregate([("credited_mg", "sum")])
    named = summed.rename_columns({"credited_mg_sum": "year_mg"}).select(PRIOR_SCHEMA.names)
    return named.cast(PRIOR_SCHEMA).sort_by([("account_id", "ascending"), ("methodology", "ascending")])


def _credits(day: OtherDay, codes: Sequence[str], places: Places) -> list[pa.Table]:
    """The day's credits that count: its own small file, or all of them where a cap is younger than the close."""
    if day.used & set(codes) <= set(day.yearly["codes"]):
        digest = day.yearly["credits"]
        return [pq.read_table(places.results.checked(digest))] if digest else []
    outputs = Manifest.objects.get(pk=day.digest).body["outputs"]
    return [pq.read_table(places.results.checked(output["credits"])) for output in outputs]


@dataclass(frozen=True)
class YearFiles:
    """What one day's close left for caps of the year, by digest: empty where there is nothing.

    ``counting`` has the credits of the methodologies in ``codes``, ``every`` those of all that were ``used``.
    """

    used: frozenset[str]
    codes: frozenset[str]
    counting: str
    short_of_room: str | None
    every: tuple[str, ...]

    def credits_of(self, codes: frozenset[str]) -> tuple[str, ...]:
        """The files in which the day's credits of some methodologies are."""
        if not self.used & codes <= self.codes:
            return self.every
        return (self.counting,) if self.counting else ()


#: Who had less room at a day's close than there is now: on the year's other days they are credited less than then.
#: One file may be the file of several days, since files are named by their content.
_ROOM_FREED = """
    WITH short_of (day, file) AS (SELECT unnest(?), unnest(?)),
    credited_on (day, file) AS (SELECT unnest(?), unnest(?)),
    short AS MATERIALIZED (
        SELECT s.day, r.account_id, r.methodology, r.year_mg
        FROM read_parquet(?, filename = true) AS r JOIN short_of AS s ON s.file = r.filename
    ), credit AS MATERIALIZED (
        SELECT c.day, r.account_id, r.methodology, SUM(r.credited_mg) AS credited_mg
        FROM (
            SELECT filename, account_id, credited_mg, regexp_replace(methodology, '@[0-9]+$', '') AS methodology
            FROM read_parquet(?, filename = true)
        ) AS r JOIN credited_on AS c ON c.file = r.filename
        WHERE (r.account_id, r.methodology) IN (SELECT (account_id, methodology) FROM short)
        GROUP BY ALL
    ), total AS (SELECT account_id, methodology, SUM(credited_mg) AS credited_mg FROM credit GROUP BY ALL)
    SELECT DISTINCT s.day FROM short AS s
        LEFT JOIN total AS t ON t.account_id = s.account_id AND t.methodology = s.methodology
        LEFT JOIN credit AS c ON c.account_id = s.account_id AND c.methodology = s.methodology AND c.day = s.day
    WHERE COALESCE(t.credited_mg, 0) - COALESCE(c.credited_mg, 0) < s.year_mg
"""


def room_freed(closes: Mapping[date, YearFiles], places: Places) -> set[date]:
    """Days on which a cap of the year took something from somebody to whom other days have given back room since.

    ``closes`` are those that stand. Nothing but the small files of years with such days is read, once for a year.
    """
    years = groupby(sorted(closes.items(), key=lambda item: item[0]), key=lambda item: item[0].year)
    return {day for _, year in years for day in _freed_in(dict(year), places)}


def _freed_in(closes: Mapping[date, YearFiles], places: Places) -> Iterator[date]:
    short = [(day, files.short_of_room) for day, files in closes.items() if files.short_of_room]
    codes = frozenset(code for day, _ in short for code in closes[day].codes)
    credits = [(day, digest) for day, files in closes.items() for digest in files.credits_of(codes)]
    if short and not credits:
        yield from (day for day, _ in short)
    elif short:
        known = _paths({digest for _, digest in (*short, *credits)}, places)
        listed = [part for pairs in (short, credits) for part in _columns(pairs, known)]
        files = [sorted({known[digest] for _, digest in pairs}) for pairs in (short, credits)]
        yield from (row["day"] for row in rows(_ROOM_FREED, [*listed, *files]))


def _paths(digests: Iterable[str], places: Places) -> dict[str, str]:
    return {digest: str(places.results.checked(digest)) for digest in digests}


def _columns(pairs: Sequence[tuple[date, str]], paths: Mapping[str, str]) -> tuple[list[date], list[str]]:
    return [day for day, _ in pairs], [paths[digest] for _, digest in pairs]
