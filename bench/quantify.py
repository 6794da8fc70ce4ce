"""Quantification of a synthetic day: activities a second and peak memory, from Parquet to results and digest.

Run: .venv/bin/python bench/quantify.py [--activities 2000000] [--residents 500000] [--buckets 4] [--runs 3]
Each run is a process of its own; peak memory is that process's largest resident set.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

DAY = date(2026, 3, 2)
#: Rows of a row group, as the lake writes them: engines read row groups side by side.
ROW_GROUP = 61_440
KINDS = [
    ("szt", "metro_trip", "distance_m"),
    ("szt", "bus_trip", "distance_m"),
    ("bike", "bike_trip", "distance_m"),
    ("bike", "e_bike_trip", "distance_m"),
    ("charging", "ev_charge", "energy_wh"),
    ("waste", "waste_sorting", "mass_g"),
    ("payments", "second_hand_sale", "pieces"),
    ("payments", "no_cutlery_order", "pieces"),
]


def make_city(folder: Path, activities: int, residents: int, buckets: int) -> None:
    """Eight kinds, 3 % of acts reported twice, 2 % out of range, 10 % without a grant, 5.4 grants a resident."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tanpuhui.kit.moment import day_bounds_us

    random = np.random.default_rng(20260302)
    first_us, _ = day_bounds_us(DAY, "Asia/Shanghai")
    kind = random.integers(0, len(KINDS), activities)
    account = random.integers(1, residents + 1, activities)
    started = first_us + random.integers(5 * 3600, 22 * 3600, activities) * 1_000_000
    lasted = np.where(kind < 5, random.integers(300, 2400, activities), 0) * 1_000_000
    amount = random.integers(500, 20_000, activities)
    amount[random.random(activities) < 0.02] = 10**12
    twice = random.random(activities) < 0.03
    twice[0] = False
    for column in (kind, account, started, lasted, amount):
        column[twice] = column[np.flatnonzero(twice) - 1]
    providers = np.array([provider for provider, _, _ in KINDS])[kind]
    providers[twice & (kind < 4)] = "map_app"
    columns = {
        "record_id": np.arange(activities, dtype=np.int64) + (1 << 32),
        "provider": providers,
        "source_id": np.char.add("act-", np.arange(activities).astype(str)),
        "revision": np.zeros(activities, np.int32),
        "action": np.full(activities, "report"),
        "subject_id": account + 7,
        "account_id": account,
        "kind": np.array([name for _, name, _ in KINDS])[kind],
        "started_us": started,
        "ended_us": started + lasted,
    }
    for measure in ("distance_m", "energy_wh", "mass_g", "pieces"):
        carried = np.array([name == measure for _, _, name in KINDS])[kind]
        value = np.minimum(amount, 20) if measure == "pieces" else amount
        columns[measure] = pa.array(value, mask=~carried)
    records = pa.table(columns)
    grants = make_grants(random, residents, first_us)
    for number in range(buckets):
        mine = records.filter(pa.array(account % buckets == number))
        ordered = mine.sort_by([("account_id", "ascending"), ("started_us", "ascending")])
        pq.write_table(
            ordered, folder / f"records-{number}.parquet", compression="zstd", row_group_size=ROW_GROUP
        )
        theirs = grants.filter(pa.array(grants["account_id"].to_numpy() % buckets == number))
        pq.write_table(
            theirs, folder / f"grants-{number}.parquet", compression="zstd", row_group_size=ROW_GROUP
        )


def make_grants(random, residents: int, first_us: int):  # type: ignore[no-untyped-def]
    """One grant for each resident and provider of six, 10 % missing."""
    import numpy as np
    import pyarrow as pa

    kinds: dict[str, list[str]] = {"map_app": sorted(kind for _, kind, _ in KINDS[:4])}
    for provider, kind, _ in KINDS:
        kinds[provider] = sorted([*kinds.get(provider, []), kind])
    parts = []
    for provider in sorted(kinds):
        accounts = (np.flatnonzero(random.random(residents) >= 0.10) + 1).astype(np.int64)
        parts.append(
            pa.table(
                {
                    "account_id": accounts,
                    "provider": pa.array([provider] * len(accounts)),
                    "kinds": pa.array([",".join(kinds[provider])] * len(accounts)),
                    "from_us": np.full(len(accounts), first_us - 10**13),
                    "to_us": np.full(len(accounts), first_us + 10**13),
                    "usable": np.ones(len(accounts), bool),
                }
            )
        )
    return pa.concat_tables(parts).sort_by([("account_id", "ascending")])


def measure(folder: Path, buckets: int) -> dict[str, float]:
    """One run in this process: seconds by the clock and of CPU, and the counts."""
    from collections import Counter

    import pyarrow.parquet as pq

    from tanpuhui.evidence.distances import distance_table
    from tanpuhui.kit.moment import day_bounds_us, to_us
    from tanpuhui.methodology.load import load_library
    from tanpuhui.quantify.bucket import BucketFiles, Engine, Window, quantify_bucket
    from tanpuhui.quantify.engines.duckdb import DuckDb
    from tanpuhui.quantify.jurisdiction import load_jurisdiction
    from tanpuhui.quantify.rules import Reporter, rules_of
    from tanpuhui.quantify.side_by_side import over_buckets

    pairs = {(provider, kind) for provider, kind, _ in KINDS} | {
        ("map_app", kind) for _, kind, _ in KINDS[:4]
    }
    reporters = [
        Reporter(name, tuple(sorted(kind for provider, kind in pairs if provider == name)), precedence)
        for precedence, name in enumerate(
            ["szt", "bike", "charging", "waste", "payments", "map_app"], start=1
        )
    ]
    rules = rules_of(DAY, load_jurisdiction("demo"), load_library(), reporters)
    first_us, next_us = day_bounds_us(DAY, "Asia/Shanghai")
    window = Window(first_us, next_us, to_us(datetime(2026, 3, 3, 12, tzinfo=UTC)))
    distances = distance_table()
    outcomes: Counter[str] = Counter()
    began, cpu = time.perf_counter(), time.process_time()

    def work(engine: Engine, number: int) -> dict[str, int]:
        names = (folder / f"records-{number}.parquet", folder / f"grants-{number}.parquet")
        files = BucketFiles(names[:1], (), names[1:], ())
        result = quantify_bucket(engine, rules, files, window, distances)
        pq.write_table(result.results, folder / f"results-{number}.parquet", compression="zstd")
        return result.outcomes

    for counts in over_buckets(
        lambda limit, threads: DuckDb(memory_limit=limit, threads=threads), range(buckets), work
    ):
        outcomes.update(counts)
    wall, spent = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"wall_s": wall, "cpu_s": spent, "peak_bytes": peak, "outcomes": dict(outcomes)}  # type: ignore[dict-item]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activities", type=int, default=2_000_000)
    parser.add_argument("--residents", type=int, default=500_000)
    parser.add_argument("--buckets", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--make", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        make_city(Path(given.folder), given.activities, given.residents, given.buckets)
        return
    if given.folder:
        print(json.dumps(measure(Path(given.folder), given.buckets)))
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--folder", folder]
        for name in ("activities", "residents", "buckets"):
            command += [f"--{name}", str(vars(given)[name])]
        # Made by a process of its own: a child's largest resident set begins with its parent's.
        subprocess.run([*command, "--make"], check=True)
        runs = [
            json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            for _ in range(given.runs)
        ]
    walls = [run["wall_s"] for run in runs]
    middle = statistics.median(walls)
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"machine: {machine}, Python {platform.python_version()}, {datetime.now(UTC).date()}")
    print(f"{given.activities:,} activities of {given.residents:,} residents in {given.buckets} buckets")
    print(f"outcomes: {runs[0]['outcomes']}")
    print(f"wall: median {middle:.2f} s of {[round(wall, 2) for wall in walls]}")
    print(f"cpu: median {statistics.median(run['cpu_s'] for run in runs):.2f} s")
    print(f"activities a second: {given.activities / middle:,.0f} (target 1,000,000)")
    print(f"peak memory: {max(run['peak_bytes'] for run in runs) / 1e9:.2f} GB (target 1.5 GB)")


if __name__ == "__main__":
    main()
