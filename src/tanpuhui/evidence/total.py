"""Total: what a provider says that it sent of a day and kind, and what somebody independent counted. Only added to.

The newest declaration of a source counts. A provider's own is compared with what was recorded (verification), an
independent one with what the provider reported (`fraud.over_reporting`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import StringIO
from typing import TypeAlias

from tanpuhui.evidence.contract import latest
from tanpuhui.evidence.models import Total
from tanpuhui.kit.refusal import Refusal

COLUMNS = ["day", "kind", "records"]
MOST_RECORDS = 10**12
#: By provider, day and kind: how many records.
Totals: TypeAlias = Mapping[tuple[str, date, str], int]


class BadTotals(Refusal):
    code = "evidence.bad_totals"
    message = (
        "Line {line} cannot be read: {problem}. The first line is day,kind,records; the others are a day as "
        "2026-03-02, a kind of the contract, and a whole number of records. Each day has each kind once."
    )


class SourceMissing(Refusal):
    code = "evidence.source_missing"
    message = "An independent total needs its source, and one other than {provider}. Name who counted."


@dataclass(frozen=True)
class Row:
    """One total: of a local day, of a kind of record, so many records."""

    day: date
    kind: str
    records: int


def read_totals(text: str, kinds: Iterable[str]) -> list[Row]:
    """The rows of a CSV text; refuses all of it for one line that cannot be read."""
    rows = csv.reader(StringIO(text))
    if (header := next(rows, [])) != COLUMNS:
        raise BadTotals(line=1, problem=f"the columns are {','.join(header)}")
    known, found = frozenset(kinds), {}
    for row in rows:
        one = _row(row, rows.line_num, known)
        if (one.day, one.kind) in found:
            raise BadTotals(line=rows.line_num, problem="this day has this kind already")
        found[one.day, one.kind] = one
    return list(found.values())


def declare(
    provider: str, rows: Sequence[Row], *, at: datetime, by: str, source: str | None = None
) -> list[Total]:
    """Write totals down; answers those that are new. One that says what the newest says is not written again.

    ``source`` is who counted independently; ``None`` is the provider itself.
    """
    contract = latest(provider)
    counted_by = (source or "").strip() if source is not None else provider
    if not counted_by or (source is not None and counted_by == provider):
        raise SourceMissing(provider=provider)
    for number, row in enumerate(rows, 2):
        if row.kind not in contract.kinds:
            raise BadTotals(line=number, problem=f"{row.kind} is no kind of this provider's contract")
    newest = {
        (one.day, one.kind): one.records for one in _newest(provider, [row.day for row in rows], counted_by)
    }
    fresh = [row for row in rows if newest.get((row.day, row.kind)) != row.records]
    return Total.objects.bulk_create(
        Total(
            provider=provider,
            source=counted_by,
            day=row.day,
            kind=row.kind,
            records=row.records,
            declared_at=at,
            declared_by=by,
        )
        for row in fresh
    )


def own_totals(days: Iterable[date]) -> dict[tuple[str, date, str], int]:
    """What providers say of their own, of some days."""
    return {(one.provider, one.day, one.kind): one.records for one in newest_of(days) if one.is_own}


def newest_of(days: Iterable[date]) -> list[Total]:
    """The newest total of each provider, source, day and kind."""
    found = Total.objects.filter(day__in=list(days)).order_by("provider", "source", "day", "kind", "-id")
    return list(found.distinct("provider", "source", "day", "kind"))


def _newest(provider: str, days: Sequence[date], source: str) -> list[Total]:
    return [one for one in newest_of(days) if (one.provider, one.source) == (provider, source)]


def _row(row: list[str], line: int, kinds: frozenset[str]) -> Row:
    if len(row) != len(COLUMNS):
        raise BadTotals(line=line, problem="it has other columns")
    day, kind, records = (cell.strip() for cell in row)
    try:
        on = date.fromisoformat(day)
    except ValueError as error:
        raise BadTotals(line=line, problem=f"{day!r} is no day") from error
    if on.isoformat() != day:
        raise BadTotals(line=line, problem=f"{day!r} is no day")
    if kind not in kinds:
        raise BadTotals(line=line, problem=f"{kind!r} is no kind of this provider's contract")
    if not (records.isascii() and records.isdecimal() and int(records) <= MOST_RECORDS):
        raise BadTotals(line=line, problem=f"{records!r} is no whole number of records")
    return Row(on, kind, int(records))
