"""A city's day from providers' Parquet files to results: time and peak memory of intake and of quantification.

Run: .venv/bin/python bench/day.py [--activities 2000000] [--buckets 8] [--runs 3] [--processes 2]
The city is that of bench/quantify.py: eight kinds, 3 % of acts reported twice, 2 % out of range, 10 % without a grant,
a resident for four activities and 5.4 grants each. Six providers write it as Parquet files of at most 500,000 rows
with pseudonyms of their own. Intake is the real one, ``tanpuhui evidence take-all`` with a process for each core, on an
embedded PostgreSQL with fsync on: contract, validation, pseudonym to account, de-duplication, quarantine, receipt, lake
by day and bucket. Its CPU is that of its processes, their start included; that of the database's server is said beside
it. Quantification reads what intake wrote. Accounts, links and grants are there before; grants lie frozen as a close
freezes them. Posting to balances is bench/post.py. Each stage is a process of its own, and its peak memory is the
largest resident set of one process; intake is done once, quantification ``--runs`` times.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from quantify import DAY, KINDS, PROVIDERS, make_city, measure, roofline

OPENED_AT = datetime(2026, 3, 1, tzinfo=UTC)
ROWS_OF_A_FILE = 500_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--activities", type=int, default=2_000_000)
    parser.add_argument("--buckets", type=int, help="one for each 250,000 activities, unless given")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--processes", type=int, help="of intake; one for each core, unless given")
    parser.add_argument("--stage", choices=tuple(STAGES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.buckets = given.buckets or max(2, given.activities // 250_000)
    if given.stage:
        print(json.dumps(STAGES[given.stage](given)))
        return
    home = Path(tempfile.mkdtemp(prefix="tanpuhui-bench-"))
    home.chmod(0o711)
    os.environ["TANPUHUI_HOME"] = str(home)
    os.environ.pop("TANPUHUI_DATABASE_URL", None)
    try:
        from tanpuhui.project.database import prepare

        prepare()
        report(given, run(given))
    finally:
        from tanpuhui.project import embedded

        embedded.leave(home)
        shutil.rmtree(home, ignore_errors=True)


def run(given: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    done: dict[str, list[dict[str, Any]]] = {}
    for name, times in (("settle", 1), ("write", 1), ("intake", 1), ("lay_out", 1)):
        done[name] = [in_process(name, given) for _ in range(times)]
    for name in ("decode", "quantify"):
        done[name] = [in_process(name, given) for _ in range(given.runs)]
    return done


def in_process(name: str, given: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--stage", name, "--activities", str(given.activities)]
    load = os.getloadavg()[0]
    command += ["--processes", str(given.processes)] if given.processes else []
    done = subprocess.run(
        [*command, "--buckets", str(given.buckets)], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1]) | {"load": load}


def folder_of(name: str) -> Path:
    folder = Path(os.environ["TANPUHUI_HOME"]) / name
    folder.mkdir(exist_ok=True)
    return folder


def residents(given: argparse.Namespace) -> int:
    return max(1, given.activities // 4)


def settle(given: argparse.Namespace) -> dict[str, Any]:
    """Accounts, contracts and links, as they are before the day."""
    from tanpuhui.project.database import prepare

    prepare()
    from django.db import transaction

    from tanpuhui.consent.open_account import open_accounts
    from tanpuhui.evidence import contract
    from tanpuhui.evidence.link import link_many

    with transaction.atomic():
        accounts = open_accounts(residents(given), at=OPENED_AT)
        assert accounts == list(range(1, residents(given) + 1)), "accounts of a new installation begin at 1"
    for provider in PROVIDERS:
        kinds = [kind for name, kind, _ in KINDS if name == provider] or [kind for _, kind, _ in KINDS[:4]]
        with transaction.atomic():
            contract.add(provider, format="generic", kinds=kinds, pia_reference="bench",
                         valid_from=date(2020, 1, 1), made_at=OPENED_AT)  # fmt: skip
            link_many(provider, ((f"{provider}-{account}", account) for account in accounts), at=OPENED_AT)
    tidy_up()
    return {}


def tidy_up() -> None:
    """What autovacuum does within minutes of so many new rows: an installation's were there long before the day."""
    import psycopg

    from tanpuhui.project.database import url

    with psycopg.connect(url(), autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE vault.subject, vault.subject_link")
        owner.execute("CHECKPOINT")


def write(given: argparse.Namespace) -> dict[str, Any]:
    """What providers deliver: their own pseudonyms, moments and measures, sorted by nothing but arrival."""
    import duckdb

    city, delivered = folder_of("city"), folder_of("delivered")
    make_city(city, given.activities, residents(given), given.buckets)
    with duckdb.connect(config={"memory_limit": "2GB"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for provider in PROVIDERS:
            connection.execute(f"""
                CREATE OR REPLACE TABLE mine AS SELECT source_id, provider || '-' || account_id AS person, kind,
                    make_timestamptz(started_us) AS started_at, make_timestamptz(ended_us) AS ended_at,
                    distance_m, energy_wh, mass_g, pieces
                FROM read_parquet('{city}/records-*.parquet') WHERE provider = '{provider}' ORDER BY record_id""")
            (rows,) = connection.execute("SELECT count(*) FROM mine").fetchone() or (0,)
            (delivered / provider).mkdir()
            for start in range(0, rows, ROWS_OF_A_FILE):
                connection.execute(
                    f"COPY (SELECT * FROM mine LIMIT {ROWS_OF_A_FILE} OFFSET {start}) "
                    f"TO '{delivered}/{provider}/{start:09d}.parquet' (FORMAT parquet, COMPRESSION zstd)"
                )
    return {"bytes": sum(file.stat().st_size for file in delivered.rglob("*.parquet"))}


def intake(given: argparse.Namespace) -> dict[str, Any]:
    """What an operator types, from the start of the program to its end."""
    from collections import Counter

    from tanpuhui.project.command import PROGRAM
    from tanpuhui.project.database import url

    url()  # The server runs before, as it does on any day.
    command = [*PROGRAM, "evidence", "take-all", str(folder_of("delivered")), "--json"]
    command += ["--processes", str(given.processes)] if given.processes else []
    environment = {**os.environ, "TANPUHUI_BUCKETS": str(given.buckets)}
    clock = [time.perf_counter(), server_cpu_s()]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    wall_s, server_s = time.perf_counter() - clock[0], server_cpu_s() - clock[1]
    counts: Counter[str] = Counter()
    for receipt in (answer["receipt"] for answer in json.loads(done.stdout)):
        counts.update({name: receipt[name] for name in ("rows", "accepted", "duplicate")})
        counts.update({f"refused: {code}": number for code, number in receipt["reasons"].items()})
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall_s": wall_s,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * 1024,
        "server_cpu_s": server_s,
        "ends": dict(counts),
    }


def server_cpu_s() -> float:
    """CPU seconds of the embedded server: its processes, and those that have ended."""
    root = int((Path(os.environ["TANPUHUI_HOME"]) / "postgres" / "postmaster.pid").read_text().split()[0])
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if root in (int(stat.parent.name), int(fields[1])):
            ticks += int(fields[11]) + int(fields[12])
        if root == int(stat.parent.name):
            ticks += int(fields[13]) + int(fields[14])
    return ticks / os.sysconf("SC_CLK_TCK")


def lay_out(_given: argparse.Namespace) -> dict[str, Any]:
    """The lake's files of the day under the names that quantification of the bench looks for; grants as they are."""
    frozen = folder_of("day")
    for file in sorted(folder_of("lake").glob(f"evidence/day={DAY}/bucket=*/*.parquet")):
        number = int(file.parent.name.removeprefix("bucket="))
        (frozen / f"records-{number}-{file.stem[:16]}.parquet").symlink_to(file)
    for file in folder_of("city").glob("grants-*.parquet"):
        (frozen / file.name).symlink_to(file)
    return {}


def decode(_given: argparse.Namespace) -> dict[str, Any]:
    return dict(roofline(folder_of("day")))


def quantify(given: argparse.Namespace) -> dict[str, Any]:
    return dict(measure(folder_of("day"), given.buckets))


def spent(clock: list[float]) -> dict[str, Any]:
    return {
        "wall_s": time.perf_counter() - clock[0],
        "cpu_s": time.process_time() - clock[1],
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


STAGES = {
    "settle": settle,
    "write": write,
    "intake": intake,
    "lay_out": lay_out,
    "decode": decode,
    "quantify": quantify,
}


def report(given: argparse.Namespace, done: dict[str, list[dict[str, Any]]]) -> None:
    ends, taken = done["quantify"][0]["outcomes"], done["intake"][0]["ends"]
    assert sum(ends.values()) == taken["accepted"], "every accepted row ends once"
    assert (
        taken["rows"]
        == given.activities
        == taken["accepted"]
        + taken["duplicate"]
        + sum(number for name, number in taken.items() if name.startswith("refused"))
    ), "every row of a file is accepted, duplicate or refused"
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, DuckDB "
          f"{version('duckdb')}, {datetime.now(UTC).date()}")  # fmt: skip
    print(f"{given.activities:,} activities of {residents(given):,} residents in {given.buckets} buckets, "
          f"{done['write'][0]['bytes'] / 1e6:,.0f} MB of Parquet files")  # fmt: skip
    for name, count in {**taken, **ends, "all that were accepted": sum(ends.values())}.items():
        print(f"  {name:<38}{count:>12,}")
    print("stage      wall: median of runs        CPU s   peak GB   activities/s   load before")
    for name in ("intake", "decode", "quantify"):
        print(line(name, done[name], given.activities))
    print(f"the database's server used {done['intake'][0]['server_cpu_s']:.1f} s of CPU during intake")


def line(name: str, runs: list[dict[str, Any]], activities: int) -> str:
    walls = [round(run["wall_s"], 1) for run in runs]
    wall, cpu = (statistics.median(run[key] for run in runs) for key in ("wall_s", "cpu_s"))
    peak = max(run.get("peak_bytes", 0) for run in runs) / 1e9
    loads = ", ".join(f"{run['load']:.1f}" for run in runs)
    return f"{name:<10} {wall:6.2f} s of {walls!s:<16} {cpu:6.1f} {peak:9.2f} {activities / wall:14,.0f}   {loads}"


if __name__ == "__main__":
    main()
