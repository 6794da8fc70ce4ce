"""Every record of a day ends in exactly one way, and what is credited is worked by hand: the set of cases on DuckDB.

The same set goes through Spark and Sail in ``tests/close/test_engines.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quantify.cases import CASES, Case
from quantify.city import ALL_GRANTS, at, credits, ends, files_of, grant, quantify, quantify_on, record
from quantify.merged import case_files
from tanpuhui.quantify.bucket import Engine
from tanpuhui.quantify.engines.duckdb import DuckDb


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with DuckDb() as running:
        yield running


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.says)
def test_each_record_ends_as_worked_by_hand(case: Case, engine: Engine, tmp_path: Path) -> None:
    result = quantify_on(engine, case_files(tmp_path, [case]), distances=case.distances, as_of=case.as_of)

    assert ends(result) == case.ends
    if case.credits is not None:
        assert credits(result) == case.credits
    clauses = {row["record_id"]: row["clause"] for row in result.results.to_pylist() if row["clause"]}
    assert clauses == case.clauses


def test_nothing_about_a_person_without_a_grant_is_kept(tmp_path: Path) -> None:
    trip = record(1, "metro_trip", at(8), distance_m=1_000)

    kept, dropped = (
        quantify(tmp_path, [trip], [grant("metro", "metro_trip", usable=usable)]) for usable in (True, False)
    )

    assert kept.results["account_id"].to_pylist() == [1]
    assert dropped.results["account_id"].to_pylist() == [0]


def test_a_loss_is_the_methodologys_and_no_persons(tmp_path: Path) -> None:
    # Shanghai (illustrative formula): (200 - 250) kWh x 0.42 kg/kWh = -21 kg.
    home = {"provider": "grid", "baseline_months": 12, "baseline_energy_wh": 200_000}
    month = record(1, "household_electricity_month", at(0, day=-27), 27 * 24 * 60, energy_wh=250_000, **home)

    result = quantify(tmp_path, [month])

    assert list(result.below_mg.values()) == [21_000_000]
    assert len(result.credits) == 0


def test_the_digest_names_the_results_and_nothing_else(tmp_path: Path) -> None:
    records = [
        record(number, "metro_trip", at(6 + number), distance_m=1_000 * number) for number in range(1, 9)
    ]

    one = quantify(tmp_path, records)
    again = quantify(tmp_path, records[::-1], [*ALL_GRANTS, grant("metro", "metro_trip", account_id=7)])
    other = quantify(tmp_path, [*records[:-1], {**records[-1], "distance_m": 8_001}])

    assert one.digest == again.digest
    assert one.digest != other.digest


def test_buckets_of_every_sort_run_one_after_the_other_on_one_engine(tmp_path: Path) -> None:
    """With and without revisions, a close before, and days before it, in every order that matters: pairwise."""
    trip = record(1, "metro_trip", at(8), distance_m=10_000)
    plain = files_of(tmp_path, [trip])
    nothing = pa.schema([("record_id", pa.int64()), ("account_id", pa.int64()), ("outcome", pa.int32())])
    ends_file = tmp_path / "ends.parquet"
    pq.write_table(nothing.empty_table(), ends_file)
    sorts = [
        plain,
        replace(plain, revisions=plain.records),
        replace(plain, standing=(ends_file,)),
        replace(plain, earlier_records=plain.records, earlier_ends=(ends_file,)),
    ]

    with DuckDb() as engine:
        found = [
            credits(quantify_on(engine, files)) for one in sorts for other in sorts for files in (one, other)
        ]

    assert found == [{1: 467_000}] * 32
