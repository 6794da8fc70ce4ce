"""A bucket made by hand: records and grants as rows, and what came of each record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tanpuhui.close.yearly import PRIOR_SCHEMA
from tanpuhui.kit.moment import day_bounds_us, to_us
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.bucket import BucketFiles, BucketResult, Engine, Window, quantify_bucket
from tanpuhui.quantify.engines.duckdb import DuckDb
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.quantify.outcome import Outcome
from tanpuhui.quantify.rules import Reporter, Rules, rules_of

DAY = date(2026, 3, 2)
ZONE = "Asia/Shanghai"
FIRST_US, NEXT_US = day_bounds_us(DAY, ZONE)
MINUTE_US = 60_000_000
#: The moment of a close, unless told otherwise: in the third night after.
AS_OF = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(days=3)
RECORD_SCHEMA = pa.schema(
    [
        ("record_id", pa.int64()),
        ("provider", pa.string()),
        ("source_id", pa.string()),
        ("revision", pa.int32()),
        ("action", pa.string()),
        ("subject_id", pa.int64()),
        ("account_id", pa.int64()),
        ("kind", pa.string()),
        ("started_us", pa.int64()),
        ("ended_us", pa.int64()),
        ("distance_m", pa.int64()),
        ("energy_wh", pa.int64()),
        ("mass_g", pa.int64()),
        ("material", pa.int64()),
        ("pieces", pa.int64()),
        ("pv_wh", pa.int64()),
        ("baseline_energy_wh", pa.int64()),
        ("baseline_months", pa.int64()),
        ("tariff_tier", pa.int64()),
        ("station", pa.string()),
    ]
)
GRANT_SCHEMA = pa.schema(
    [
        ("account_id", pa.int64()),
        ("provider", pa.string()),
        ("kinds", pa.string()),
        ("from_us", pa.int64()),
        ("to_us", pa.int64()),
        ("usable", pa.bool_()),
    ]
)
STATION_SCHEMA = pa.schema(
    [
        ("provider", pa.string()),
        ("station", pa.string()),
        ("is_weighed", pa.int64()),
        ("sorted_g", pa.int64()),
        ("counted_g", pa.int64()),
    ]
)
END_SCHEMA = pa.schema([("record_id", pa.int64()), ("account_id", pa.int64()), ("outcome", pa.int32())])
REPORTERS = [
    Reporter("metro", ("bus_trip", "metro_entry", "metro_exit", "metro_trip"), 1),
    Reporter("bike", ("bike_trip", "e_bike_trip"), 2),
    Reporter("map_app", ("bike_trip", "metro_trip"), 9),
    Reporter("grid", ("household_electricity_day", "household_electricity_month", "meter_slot"), 1),
    Reporter("phones", ("e_invoice", "second_hand_sale"), 3),
    Reporter("bins", ("waste_sorting",), 4, must_balance=True),
    Reporter("bags", ("waste_sorting",), 5),
]


def at(hour: int, minute: int = 0, *, day: int = 0) -> int:
    """Microseconds of a local time of the day (or of days before and after it)."""
    return FIRST_US + ((day * 24 + hour) * 60 + minute) * MINUTE_US


def record(number: int, kind: str, started_us: int, minutes: int = 20, **more: Any) -> dict[str, Any]:
    """One accepted record of account 1, reported by the metro company, unless told otherwise."""
    return {
        "record_id": number,
        "provider": "metro",
        "source_id": f"id-{number}",
        "revision": 0,
        "action": "report",
        "subject_id": 100 + more.get("account_id", 1),
        "account_id": 1,
        "kind": kind,
        "started_us": started_us,
        "ended_us": started_us + minutes * MINUTE_US,
        **more,
    }


def grant(provider: str, kinds: str, *, account_id: int = 1, **more: Any) -> dict[str, Any]:
    """One grant that covers the days around, and is usable, unless told otherwise."""
    return {
        "account_id": account_id,
        "provider": provider,
        "kinds": kinds,
        "from_us": at(0, day=-30),
        "to_us": at(0, day=30),
        "usable": True,
        **more,
    }


ALL_GRANTS = [grant(reporter.provider, ",".join(sorted(reporter.kinds))) for reporter in REPORTERS]


@cache
def rules(day: date = DAY) -> Rules:
    """The demonstration's rules for the reporters above."""
    return rules_of(day, load_jurisdiction("demo"), load_library(), REPORTERS)


def quantify(
    folder: Path,
    records: list[dict[str, Any]],
    grants: list[dict[str, Any]] | None = None,
    *,
    distances: Mapping[tuple[str, str], int] | None = None,
    prior: list[dict[str, Any]] | None = None,
    as_of: datetime | None = None,
) -> BucketResult:
    """Run a bucket; records with a revision above 0 are also known as revisions, as the lake has it."""
    with DuckDb() as engine:
        return quantify_on(engine, files_of(folder, records, grants, prior), distances=distances, as_of=as_of)


def quantify_on(
    engine: Engine,
    files: BucketFiles,
    *,
    distances: Mapping[tuple[str, str], int] | None = None,
    as_of: datetime | None = None,
) -> BucketResult:
    """Run a bucket on an engine that may have run others before."""
    window = Window(FIRST_US, NEXT_US, to_us(as_of or AS_OF))
    return quantify_bucket(engine, rules(), files, window, distance_relation(distances or {}))


def files_of(
    folder: Path,
    records: list[dict[str, Any]],
    grants: list[dict[str, Any]] | None = None,
    prior: list[dict[str, Any]] | None = None,
    *,
    standing: list[dict[str, Any]] | None = None,
    earlier_records: list[dict[str, Any]] | None = None,
    earlier_ends: list[dict[str, Any]] | None = None,
    stations: list[dict[str, Any]] | None = None,
) -> BucketFiles:
    """The files of a bucket, written out; records with a revision above 0 are also known as revisions."""
    revised = [row for row in records if row["revision"] > 0]
    return BucketFiles(
        records=_write(folder / "records.parquet", records, RECORD_SCHEMA),
        revisions=_write(folder / "revisions.parquet", revised, RECORD_SCHEMA),
        grants=_write(folder / "grants.parquet", ALL_GRANTS if grants is None else grants, GRANT_SCHEMA),
        prior=_write(folder / "prior.parquet", prior or [], PRIOR_SCHEMA),
        standing=_write(folder / "standing.parquet", standing or [], END_SCHEMA),
        earlier_records=_write(folder / "earlier.parquet", earlier_records or [], RECORD_SCHEMA),
        earlier_ends=_write(folder / "earlier-ends.parquet", earlier_ends or [], END_SCHEMA),
        stations=_write(folder / "stations.parquet", stations or [], STATION_SCHEMA),
    )


def distance_relation(distances: Mapping[tuple[str, str], int]) -> pa.Table:
    """Metres between stations as the steps read them."""
    return pa.table(
        {
            "from_station": pa.array([pair[0] for pair in distances], pa.string()),
            "to_station": pa.array([pair[1] for pair in distances], pa.string()),
            "distance_m": pa.array(distances.values(), pa.int64()),
            "distance_is_illustrative": pa.array([0] * len(distances), pa.int64()),
        }
    )


def ends(result: BucketResult) -> dict[int, str]:
    """The outcome of each record by its number."""
    rows = result.results.to_pylist()
    assert len({row["record_id"] for row in rows}) == len(rows), "each record ends once"
    return {row["record_id"]: Outcome(row["outcome"]).name for row in rows}


def credits(result: BucketResult) -> dict[int, int]:
    """Credited milligrams by record, where there are any."""
    rows = result.results.to_pylist()
    return {row["record_id"]: row["credited_mg"] for row in rows if row["credited_mg"]}


def _write(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> tuple[Path, ...]:
    if not rows:
        return ()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return (path,)
