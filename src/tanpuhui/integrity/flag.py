"""Flag: acts that a pattern of fraud found are held until somebody decides; each once for a version of a pattern."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa
from django.db import connection

from tanpuhui.integrity.patterns.find import Found

#: Relations whose rows are acts: a drop-off is an act at a station.
OF_ACTS = ("act", "drop_off")


@dataclass(frozen=True)
class Flagged:
    """How many flags are new by pattern, and the days of their acts."""

    new: dict[str, int]
    days: tuple[date, ...]


def flag(found: Iterable[Found], acts: pa.Table, *, at: datetime) -> Flagged:
    """Hold the acts of a window that patterns found, in the caller's transaction.

    What was flagged before, by the same version of a pattern, is left as it was decided. A pattern about something else
    than acts, such as a provider's totals, holds no act. ``acts`` has every row of the relations that are acts.
    """
    of_act = dict(
        zip(
            acts["record_id"].to_pylist(),
            zip(acts["account_id"].to_pylist(), acts["day"].to_pylist(), strict=True),
            strict=True,
        )
    )
    new: dict[str, int] = {}
    days: set[date] = set()
    for one in found:
        if one.pattern.relation not in OF_ACTS or not one.records:
            continue
        fresh = _insert(one.pattern.name, one.records, of_act, at)
        if fresh:
            new[one.pattern.name] = len(fresh)
            days |= set(fresh)
    return Flagged(new, tuple(sorted(days)))


def _insert(
    pattern: str, records: Iterable[int], of_act: dict[int, tuple[int, str]], at: datetime
) -> list[date]:
    """The days of those flags that were not there yet, one for each."""
    wanted = [(record, *of_act[record]) for record in records]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO integrity_flag (record_id, account, day, pattern, found_at) "
            "SELECT record, account, day::date, %s, %s "
            "FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS wanted (record, account, day) "
            "ON CONFLICT (record_id, pattern) DO NOTHING RETURNING day",
            [pattern, at, *(list(column) for column in zip(*wanted, strict=True))],
        )
        return [day for (day,) in cursor.fetchall()]
