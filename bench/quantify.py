"""Quantification of a synthetic day: activities a second and peak memory, from Parquet to results and digest.

Run: .venv/bin/python bench/quantify.py [--activities 2000000] [--residents 500000] [--buckets 8] [--runs 3]
Each run is a process of its own; peak memory is that process's largest resident set.
"""

from __future__ import annotations

import argparse
import hashlib
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
from importlib.metadata import version
from pathlib import Path
from typing import Any

DAY = date(2026, 3, 2)
#: Rows of a row group, as the lake writes them: engines read row groups side by side.
ROW_GROUP = 61_440
PROVIDERS = ("szt", "bike", "charging", "waste", "payments", "map_app")
#: Columns of a record that a day without corrections does not read.
UNREAD = ("source_id", "revision", "subject_id")
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
    """Eight kinds, 3 % of acts reported twice, 2 % out of range, 10 % without a grant, 5.4 grants a resident.

    Bucket by bucket, each from a seed of its own, so that a city of any size is made in the memory of a bucket.
    """
    for number in range(buckets):
        here = activities // buckets + (number < activities % buckets)
        accounts = range(number or buckets, residents + 1, buckets)
        make_bucket(folder, number, here, accounts, (1 << 32) + number * (activities // buckets + 1))


def make_bucket(folder: Path, number: int, activities: int, accounts: range, first_record: int) -> None:
    """The records and grants of the accounts of one bucket, as the lake and a close lay them out."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tanpuhui.kit.moment import day_bounds_us

    random = np.random.default_rng((20260302, number))
    first_us, _ = day_bounds_us(DAY, "Asia/Shanghai")
    kind = random.integers(0, len(KINDS), activities)
    account = accounts.start + accounts.step * random.integers(0, len(accounts), activities)
    started = first_us + random.integers(5 * 3600, 22 * 3600, activities) * 1_000_000
    lasted = np.where(kind < 5, random.integers(300, 2400, activities), 0) * 1_000_000
    amount = random.integers(500, 20_000, activities)
    # Trips at 1 to 6 m/s: what is faster is refused when it is taken.
    amount[kind < 4] = lasted[kind < 4] // 1_000_000 * random.integers(1, 7, np.count_nonzero(kind < 4))
    amount[random.random(activities) < 0.02] = 10**12
    twice = random.random(activities) < 0.03
    twice[0] = False
    for column in (kind, account, started, lasted, amount):
        column[twice] = column[np.flatnonzero(twice) - 1]
    providers = np.array([provider for provider, _, _ in KINDS])[kind]
    providers[twice & (kind < 4)] = "map_app"
    numbers = np.arange(activities, dtype=np.int64) + first_record
    columns = {
        "record_id": numbers,
        "provider": providers,
        "source_id": np.char.add("act-", numbers.astype(str)),
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
    ordered = pa.table(columns).sort_by([("account_id", "ascending"), ("started_us", "ascending")])
    for name, table in (("records", ordered), ("grants", make_grants(random, accounts, first_us))):
        path = folder / f"{name}-{number}.parquet"
        pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)


def make_grants(random, accounts: range, first_us: int):  # type: ignore[no-untyped-def]
    """One grant for each resident and provider of six, 10 % missing."""
    import numpy as np
    import pyarrow as pa

    kinds: dict[str, list[str]] = {"map_app": sorted(kind for _, kind, _ in KINDS[:4])}
    for provider, kind, _ in KINDS:
        kinds[provider] = sorted([*kinds.get(provider, []), kind])
    everybody = np.arange(accounts.start, accounts.stop, accounts.step, dtype=np.int64)
    parts = []
    for provider in sorted(kinds):
        granted = everybody[random.random(len(everybody)) >= 0.10]
        parts.append(
            pa.table(
                {
                    "account_id": granted,
                    "provider": pa.array([provider] * len(granted)),
                    "kinds": pa.array([",".join(kinds[provider])] * len(granted)),
                    "from_us": np.full(len(granted), first_us - 10**13),
                    "to_us": np.full(len(granted), first_us + 10**13),
                    "usable": np.ones(len(granted), bool),
                }
            )
        )
    return pa.concat_tables(parts).sort_by([("account_id", "ascending")])


def day_rules():  # type: ignore[no-untyped-def]
    """The rules of the day for the providers of the city, its bounds, and the distances between stations."""
    from tanpuhui.evidence.distances import distance_table
    from tanpuhui.kit.moment import day_bounds_us, to_us
    from tanpuhui.methodology.load import load_library
    from tanpuhui.quantify.bucket import Window
    from tanpuhui.quantify.jurisdiction import load_jurisdiction
    from tanpuhui.quantify.rules import Reporter, rules_of

    pairs = {(provider, kind) for provider, kind, _ in KINDS} | {
        ("map_app", kind) for _, kind, _ in KINDS[:4]
    }
    reporters = [
        Reporter(name, tuple(sorted(kind for provider, kind in pairs if provider == name)), precedence)
        for precedence, name in enumerate(PROVIDERS, start=1)
    ]
    first_us, next_us = day_bounds_us(DAY, "Asia/Shanghai")
    window = Window(first_us, next_us, to_us(datetime(2026, 3, 3, 12, tzinfo=UTC)))
    return rules_of(DAY, load_jurisdiction("demo"), load_library(), reporters), window, distance_table()


def files_of(folder: Path, number: int):  # type: ignore[no-untyped-def]
    """The files of a bucket of the city."""
    from tanpuhui.quantify.bucket import BucketFiles

    records, grants = (
        tuple(sorted([*folder.glob(f"{name}-{number}.parquet"), *folder.glob(f"{name}-{number}-*.parquet")]))
        for name in ("records", "grants")
    )
    return BucketFiles(records, (), grants, ())


def quantify_all(folder: Path, buckets: int, choice=None, started=lambda: None):  # type: ignore[no-untyped-def]
    """Each bucket on an engine, side by side as a close does it: counts by outcome, milligrams and digests."""
    from collections import Counter

    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from tanpuhui.quantify.bucket import Engine, quantify_bucket
    from tanpuhui.quantify.engines.choice import EMBEDDED, running
    from tanpuhui.quantify.side_by_side import over_buckets

    rules, window, distances = day_rules()
    outcomes: Counter[str] = Counter()

    def work(engine: Engine, number: int):  # type: ignore[no-untyped-def]
        result = quantify_bucket(engine, rules, files_of(folder, number), window, distances)
        pq.write_table(result.results, folder / f"results-{number}.parquet", compression="zstd")
        return result.outcomes, pc.sum(result.results["credited_mg"]).as_py() or 0, result.digest

    with running(choice or EMBEDDED, folder) as found:
        started()
        done = over_buckets(found.start, range(buckets), work)
    for counts, _, _ in done:
        outcomes.update(counts)
    return dict(sorted(outcomes.items())), sum(mg for _, mg, _ in done), [digest for _, _, digest in done]


def measure(folder: Path, buckets: int) -> dict[str, object]:
    """One run in this process: seconds by the clock and of CPU, and what came out."""
    day_rules()
    clock = [time.perf_counter(), time.process_time()]
    outcomes, credited_mg, digests = quantify_all(folder, buckets)
    wall, spent = time.perf_counter() - clock[0], time.process_time() - clock[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    digest = hashlib.sha256("".join(digests).encode()).hexdigest()
    return {"wall_s": wall, "cpu_s": spent, "peak_bytes": peak, "outcomes": outcomes,
            "credited_mg": credited_mg, "digest": digest}  # fmt: skip


def roofline(folder: Path) -> dict[str, float]:
    """Merely to decode the columns that a close reads, on all cores: what no engine can be faster than."""
    import duckdb

    began, cpu = time.perf_counter(), time.process_time()
    with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
        for name in ("records", "grants"):
            source = f"read_parquet('{folder}/{name}-*.parquet', union_by_name = true)"
            columns = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
            used = [column for column in columns if column not in UNREAD]
            connection.execute(
                f"SELECT {', '.join(f'min({column})' for column in used)} FROM {source}"
            ).fetchall()
    return {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--activities", type=int, default=2_000_000)
    parser.add_argument("--residents", type=int, help="a quarter of the activities, unless given")
    parser.add_argument("--buckets", type=int, help="one for each 250,000 activities, unless given")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--stage", choices=("make", "measure", "roofline"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.residents = given.residents or max(1, given.activities // 4)
    given.buckets = given.buckets or max(2, given.activities // 250_000)
    if given.stage:
        print(json.dumps(stage(given)))
        return
    with tempfile.TemporaryDirectory() as folder:
        # Each in a process of its own: a child's largest resident set begins with its parent's.
        in_process("make", given, folder)
        before = os.getloadavg()[0]
        least = [in_process("roofline", given, folder) for _ in range(given.runs)]
        runs = [in_process("measure", given, folder) for _ in range(given.runs)]
        after = os.getloadavg()[0]
    report(given, runs, least, (before, after))


def stage(given: argparse.Namespace) -> dict[str, object]:
    folder = Path(given.folder)
    if given.stage == "make":
        make_city(folder, given.activities, given.residents, given.buckets)
        return {}
    return measure(folder, given.buckets) if given.stage == "measure" else dict(roofline(folder))


def in_process(name: str, given: argparse.Namespace, folder: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--folder", folder, "--stage", name]
    for option in ("activities", "residents", "buckets"):
        command += [f"--{option}", str(vars(given)[option])]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return answer


def report(given: argparse.Namespace, runs: list[Any], least: list[Any], load: tuple[float, float]) -> None:
    walls = [run["wall_s"] for run in runs]
    middle, floor = (statistics.median(run["wall_s"] for run in some) for some in (runs, least))
    ends = runs[0]["outcomes"]
    assert sum(ends.values()) == given.activities and len({run["digest"] for run in runs}) == 1
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, DuckDB "
          f"{version('duckdb')}, {datetime.now(UTC).date()}; load {load[0]:.1f} before, "
          f"{load[1]:.1f} after")  # fmt: skip
    print(f"{given.activities:,} activities of {given.residents:,} residents in {given.buckets} buckets")
    for name, count in ends.items():
        print(f"  {name:<16}{count:>12,}  {100 * count / given.activities:5.1f} %")
    print(f"  {'all':<16}{sum(ends.values()):>12,}  credited {runs[0]['credited_mg']:,} mg")
    print(f"digest: {runs[0]['digest']}")
    print(f"wall: median {middle:.2f} s of {[round(wall, 2) for wall in walls]}")
    print(f"cpu: median {statistics.median(run['cpu_s'] for run in runs):.2f} s")
    print(f"merely decoding the columns: wall median {floor:.2f} s, cpu "
          f"{statistics.median(run['cpu_s'] for run in least):.2f} s")  # fmt: skip
    print(f"activities a second: {given.activities / middle:,.0f} (target 1,333,000: 20 million in 15 s)")
    print(f"peak memory: {max(run['peak_bytes'] for run in runs) / 1e9:.2f} GB (target 1 GB)")


if __name__ == "__main__":
    main()
