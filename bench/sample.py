"""Sample: how long a plan and a draw take over millions of credited acts, from result files to drawn acts.

Example: python bench/sample.py --acts 2000000
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tanpuhui.evidence.record import ROWS_PER_BATCH
from tanpuhui.kit.digest import digest_file

METHODOLOGY = "shenzhen/metro@1"
PROVIDERS = ("szt", "map_app")
BUCKETS, ROW_GROUP = 16, 61_440


def main() -> None:
    """Make a day of acts, plan, and draw; prints seconds."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--acts", type=int, default=2_000_000)
    acts = given.parse_args().acts
    with tempfile.TemporaryDirectory() as folder:
        _start_django(folder)
        from tanpuhui.close.places import Places

        places = Places(Path(folder), BUCKETS)
        manifest = _day(acts, places)
        _time(manifest, places)


def _start_django(folder: str) -> None:
    """Models can be imported; no database is asked."""
    import os

    import django

    os.environ |= {
        "TANPUHUI_HOME": folder,
        "TANPUHUI_DATABASE_URL": "postgresql:///none",
        "DJANGO_SETTINGS_MODULE": "tanpuhui.project.settings",
    }
    django.setup()


def _day(acts: int, places: Any) -> Any:
    """A manifest of one day whose result and record files hold so many credited acts."""
    rng = np.random.default_rng(1)
    numbers = np.arange(1, acts + 1, dtype=np.int64)
    records = np.where(rng.random(acts) < 0.9, 1, 2) * ROWS_PER_BATCH + numbers
    accounts = rng.integers(1, 1_000_000, acts)
    credited = np.maximum(1, rng.gamma(3, 150_000, acts).astype(np.int64))
    outputs, evidence = [], []
    for bucket in range(BUCKETS):
        mine = accounts % BUCKETS == bucket
        count = int(mine.sum())
        results = pa.table(
            {
                "record_id": records[mine],
                "account_id": accounts[mine],
                "outcome": np.ones(count, np.int8),
                "methodology_no": np.zeros(count, np.int8),
                "avoided_mg": credited[mine],
                "credited_mg": credited[mine],
            }
        )
        digest = places.results.put(results)
        outputs.append(
            {"bucket": bucket, "rows": count, "digest": digest, "results": digest, "credits": digest}
        )
        path = places.lake / f"records-{bucket}.parquet"
        kinds = pa.array(np.full(count, "metro_trip"))
        pq.write_table(pa.table({"record_id": records[mine], "kind": kinds}), path, row_group_size=ROW_GROUP)
        evidence.append(
            {
                "day": "2026-03-02",
                "bucket": bucket,
                "path": path.name,
                "digest": digest_file(path),
                "rows": count,
            }
        )
    code, version = METHODOLOGY.split("@")
    inputs = {
        "day": "2026-03-02",
        "methodologies": [{"code": code, "version": int(version)}],
        "evidence": evidence,
        "resolved": {},
    }
    return SimpleNamespace(
        digest="sha256:0", day=date(2026, 3, 2), body={"inputs": inputs, "outputs": outputs}
    )


def _time(manifest: Any, places: Any) -> None:
    from tanpuhui.verification import draw, frame

    batches = pa.table({"id": pa.array([1, 2], pa.int64()), "provider": list(PROVIDERS)})
    frame.__dict__["_batches"] = lambda: batches
    draw.__dict__["manifests_of"] = lambda _: [manifest]
    begun = time.perf_counter(), time.process_time()
    with frame.frame([manifest], METHODOLOGY, places) as engine:
        strata = frame.strata(engine)
    planned = time.perf_counter(), time.process_time()
    plan = SimpleNamespace(body={"strata": [one.as_json() | {"draw": 50} for one in strata]})
    drawn = draw.drawn_acts(SimpleNamespace(methodology=METHODOLOGY), plan, "0" * 64, places)  # type: ignore[arg-type]
    ended = time.perf_counter(), time.process_time()
    acts = sum(one.acts for one in strata)
    for what, first, last in (("plan", begun, planned), ("draw", planned, ended)):
        print(
            f"{what}: {last[0] - first[0]:.1f} s, {last[1] - first[1]:.1f} s of processor, over {acts:,} acts"
        )
    print(f"{len(drawn)} acts of {len(strata)} strata")


if __name__ == "__main__":
    main()
