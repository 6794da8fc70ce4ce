"""What it costs to compare a batch with all ids that its provider sent before: by runs of ids, and by all id files.

Run: .venv/bin/python bench/earlier_ids.py [--files 365] [--rows 250000] [--new 1000,250000]
A new embedded cluster in a temporary folder. Id files of invented digests are put beside the rows that name them, as
many as a provider sent batches. Timed are: writing runs for all of them at once, as after an update; then for new
batches of these sizes, 3 % of whose ids are the last file's, what says which files to read and the reading of them
(``files_that_may_know``, ``make_verdicts``), and the same where every id file is read, as before there were runs.
Both must find the same.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from machine import installation, ran_on

PROVIDER = "sender"
AT = datetime(2026, 3, 1, tzinfo=UTC)
ID_BYTES, KNOWN_OF, RUNS = 16, 33, 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=365)
    parser.add_argument("--rows", type=int, default=250_000)
    parser.add_argument("--new", default="1000,250000")
    given = parser.parse_args()
    with installation() as home:
        print(json.dumps(run(given, home), indent=2))


def run(given: argparse.Namespace, home: Path) -> dict[str, Any]:
    from django.db import transaction

    from tanpuhui.evidence.id_index import files_that_may_know
    from tanpuhui.evidence.models import IdRun, LakeFile

    lake = home / "lake"
    draw = np.random.default_rng(1)
    last = sent(lake, given.files, given.rows, draw)
    figures: dict[str, Any] = {**ran_on(), "files": given.files, "ids": given.files * given.rows}
    with batch(draw.bytes(ID_BYTES)) as connection, transaction.atomic():
        start = time.perf_counter()
        files_that_may_know(connection, lake, PROVIDER)
        figures["runs_of_all_s"] = round(time.perf_counter() - start, 2)
    figures["runs"] = sorted(IdRun.objects.values_list("rows", flat=True))
    figures["run_B_per_id"] = round(
        sum((lake / one.path).stat().st_size for one in IdRun.objects.all()) / (given.files * given.rows), 1
    )
    everything = [lake / file.path for file in LakeFile.objects.order_by("id")]
    figures["batches"] = []
    for new in map(int, given.new.split(",")):
        by_runs, by_files, read = [], [], 0
        for _ in range(RUNS):
            ids = last[: ID_BYTES * (new // KNOWN_OF)] + draw.bytes(ID_BYTES * (new - new // KNOWN_OF))
            with transaction.atomic(), batch(ids) as connection:
                start = time.perf_counter()
                found = [lake / file.path for file in files_that_may_know(connection, lake, PROVIDER)]
                answer = known(connection, found)
                by_runs.append(time.perf_counter() - start)
                read = len(found)
            with batch(ids) as connection:
                start = time.perf_counter()
                same = known(connection, everything)
                by_files.append(time.perf_counter() - start)
            assert answer == same == new // KNOWN_OF, "both find what is known"
        figures["batches"].append({
            "ids": new,
            "by_runs_s": round(statistics.median(by_runs), 3),
            "id_files_read": read,
            "by_all_files_s": round(statistics.median(by_files), 3),
        })  # fmt: skip
    return figures


def known(connection: duckdb.DuckDBPyConnection, earlier: list[Path]) -> int:
    """How many rows are turned away beside these id files."""
    from tanpuhui.evidence.duplicates import make_verdicts

    make_verdicts(connection, earlier)
    [(count,)] = connection.execute("SELECT count(*) FROM verdicts").fetchall()
    return int(count)


@contextmanager
def batch(ids: bytes) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine with rows of these ids, everyone's own, as a batch has them when it is compared."""
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = '1GB'")
        put(connection, "keyed", ids)
        yield connection


def put(connection: duckdb.DuckDBPyConnection, name: str, ids: bytes) -> None:
    connection.register("ids", pa.table({"id": column(ids)}))
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        SELECT id, hash(id) AS short_id, id AS content, CAST(7 AS BIGINT) AS subject_id, 0 AS revision,
            row_number() OVER () AS row_number, DATE '2026-03-01' AS day
        FROM ids""")


def sent(lake: Path, files: int, rows: int, draw: np.random.Generator) -> bytes:
    """Id files with the rows that name them; answers the ids of the last one."""
    from tanpuhui.evidence import contract
    from tanpuhui.evidence.id_file import write_ids
    from tanpuhui.evidence.models import Batch, LakeFile

    made = contract.add(PROVIDER, format="generic", kinds=["metro_trip"], pia_reference="bench",
                        valid_from=date(2020, 1, 1), made_at=AT)  # fmt: skip
    (lake / "evidence" / "ids").mkdir(parents=True)
    batches, named, connection = [], [], duckdb.connect()
    for number in range(1, files + 1):
        ids = draw.bytes(ID_BYTES * rows)
        path = Path("evidence", "ids", f"{number}.parquet")
        put(connection, "accepted", ids)
        write_ids(connection, lake / path, first_record=number)
        batches.append(Batch(
            id=number, provider=PROVIDER, key=str(number), digest="-", contract=made, rows=rows, accepted=rows,
            duplicate=0, refused=0, reasons={}, notes={}, buckets=1, received_at=AT, receipt={},
        ))  # fmt: skip
        named.append(
            LakeFile(batch_id=number, part=LakeFile.IDS, digest="-", path=str(path), rows=rows, size_bytes=0)
        )
    Batch.objects.bulk_create(batches, batch_size=1_000)
    LakeFile.objects.bulk_create(named, batch_size=1_000)
    return ids


def column(ids: bytes) -> pa.Array:
    offsets = np.arange(0, len(ids) + 1, ID_BYTES, dtype=np.int32)
    return pa.Array.from_buffers(
        pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(ids)]
    )


if __name__ == "__main__":
    main()
