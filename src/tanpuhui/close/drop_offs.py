"""Drop-offs: what people brought to stations beside what hauliers weighed there, for the patterns against fraud."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import duckdb
import pyarrow as pa

from tanpuhui.evidence.record import WEIGHED_KINDS
from tanpuhui.evidence.weighing import standing_of

_NEEDED = ("station", "mass_g")
_DROP_OFF = """
    SELECT a.record_id, a.account_id, a.day, concat(a.provider, '/', a.station) AS station, a.mass_g
    FROM act AS a SEMI JOIN weighed AS w ON w.provider = a.provider AND w.station = a.station AND w.day = a.day
    WHERE a.kind IN (SELECT unnest(?)) AND a.mass_g IS NOT NULL ORDER BY a.record_id
"""


def drop_offs(acts: pa.Table, days: Sequence[date]) -> dict[str, pa.Table]:
    """The relations ``drop_off`` and ``weighing`` of some days; nothing where hauliers weighed nothing of them.

    A weighing counts where all of its days are looked at, and an act where there is such a weighing of its station and
    day: so both are of the same stretch. A station is named with its provider.
    """
    looked_at = frozenset(days)
    weighings = [
        one
        for one in standing_of(min(days), max(days))
        if all(
            one.first_day + timedelta(days=n) in looked_at
            for n in range((one.last_day - one.first_day).days + 1)
        )
    ]
    if not weighings or not set(_NEEDED) <= set(acts.column_names):
        return {}
    covered = [
        (one.provider, one.station, (one.first_day + timedelta(days=n)).isoformat())
        for one in weighings
        for n in range((one.last_day - one.first_day).days + 1)
    ]
    with duckdb.connect() as connection:
        connection.register("act", acts)
        connection.register(
            "weighed",
            pa.table(
                dict(zip(("provider", "station", "day"), map(list, zip(*covered, strict=True)), strict=True))
            ),
        )
        brought = connection.sql(_DROP_OFF, params=[sorted(WEIGHED_KINDS)]).to_arrow_table()
    return {
        "drop_off": brought,
        "weighing": pa.table(
            {
                "station": pa.array([f"{one.provider}/{one.station}" for one in weighings], pa.string()),
                "mass_g": pa.array([one.fetched_g for one in weighings], pa.int64()),
            }
        ),
    }
