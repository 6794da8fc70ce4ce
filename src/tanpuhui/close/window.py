"""Window: acts of some closed days that passed the gate, as columns for rules that look at many at once.

An act that no grant allowed is not here: of it nothing may be looked at, whatever it would show. Nor are acts that are
put together from raw records (trips from taps): their measures are not in the lake.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb
import pyarrow as pa

from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.refusals import DayNotClosed
from tanpuhui.close.store import checked
from tanpuhui.evidence.lake import record_files
from tanpuhui.evidence.record import RAW_KINDS
from tanpuhui.quantify.outcome import PASSED

#: Columns of a window that every record has; measures and places follow where any record has them.
_ALWAYS = ("provider", "kind", "started_us", "ended_us")
_WHERE_THERE = ("distance_m", "energy_wh", "mass_g", "amount_fen", "station", "vehicle")


def acts_in(days: Sequence[date], places: Places) -> pa.Table:
    """Acts of the days that are closed, with how much was credited; the last of the days must be closed."""
    standing = {
        manifest.day: manifest for manifest in Manifest.objects.filter(day__in=days).order_by("sequence")
    }
    if max(days) not in standing:
        raise DayNotClosed(day=max(days))
    ends = [
        str(places.results.checked(output["results"]))
        for manifest in standing.values()
        for output in manifest.body["outputs"]
        if output["rows"]
    ]
    records = [str(checked(places.lake / file.path, file.digest)) for file in record_files(sorted(standing))]
    return _joined(ends, records)


def _joined(ends: Sequence[str], records: Sequence[str]) -> pa.Table:
    if not ends or not records:
        return pa.table({name: [] for name in ("record_id", "account_id", "credited_mg", "day", *_ALWAYS)})
    with duckdb.connect() as connection:
        there = connection.read_parquet(list(records), union_by_name=True, hive_partitioning=False).columns
        more = "".join(f", r.{name}" for name in _WHERE_THERE if name in there)
        passed = ", ".join(str(int(outcome)) for outcome in PASSED)
        raw = ", ".join(f"'{kind}'" for kind in sorted(RAW_KINDS))
        query = f"""
            SELECT e.record_id, e.account_id, e.credited_mg, r.day, {", ".join(f"r.{name}" for name in _ALWAYS)}{more}
            FROM read_parquet(?) AS e JOIN (
                SELECT *, regexp_extract(filename, 'day=([0-9-]+)', 1) AS day FROM
                read_parquet(?, union_by_name = true, hive_partitioning = false, filename = true)
            ) AS r USING (record_id)
            WHERE e.outcome IN ({passed}) AND e.account_id > 0 AND r.kind NOT IN ({raw}) ORDER BY record_id
        """
        table: pa.Table = connection.sql(query, params=[list(ends), list(records)]).to_arrow_table()
        return table
