"""Totals: what was recorded of a day by provider and kind, beside what an independent source counted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import pyarrow as pa

from tanpuhui.close.acts import rows
from tanpuhui.close.places import Places
from tanpuhui.close.store import checked
from tanpuhui.evidence.lake import record_files
from tanpuhui.evidence.total import newest_of, own_totals

_COUNT = """
    SELECT provider, regexp_extract(filename, 'day=([0-9-]+)', 1) AS day, kind, count(*) AS records
    FROM read_parquet(?, union_by_name = true, hive_partitioning = false, filename = true)
    WHERE action = 'report' GROUP BY ALL
"""


def recorded(days: Iterable[date], places: Places) -> dict[tuple[str, date, str], int]:
    """How many reports of each provider, day and kind are in the lake; the files are checked by digest."""
    paths = [str(checked(places.lake / file.path, file.digest)) for file in record_files(sorted(days))]
    if not paths:
        return {}
    found = rows(_COUNT, [paths])
    return {(row["provider"], date.fromisoformat(row["day"]), row["kind"]): row["records"] for row in found}


def reported_totals(days: Iterable[date], places: Places) -> pa.Table | None:
    """The relation ``reported_total`` of the patterns, a row for each independent total; ``None`` without any.

    Reported is the larger of what was recorded and what the provider says of itself.
    """
    on = sorted(days)
    independent = [one for one in newest_of(on) if not one.is_own]
    if not independent:
        return None
    there, own = recorded(on, places), own_totals(on)
    keys = [(one.provider, one.day, one.kind) for one in independent]
    return pa.table(
        {
            "record_id": pa.array([one.pk for one in independent], pa.int64()),
            "provider": [one.provider for one in independent],
            "kind": [one.kind for one in independent],
            "reported": pa.array([max(there.get(key, 0), own.get(key, 0)) for key in keys], pa.int64()),
            "independent": pa.array([one.records for one in independent], pa.int64()),
        }
    )
