"""A Spark master and two workers, each in a network namespace of its own; one worker is killed in the middle of a day.

Run as root: .venv/bin/python bench/cluster.py [--activities 200000] [--buckets 4] [--keep-both]
Needs iproute2, Java 17 and the 'spark' extra (make spark). The day is that of bench/quantify.py; the folder with its
files is what all machines share. DuckDB computes it first; then the cluster does, and while it works on the second
bucket every process of one worker's namespace is killed with SIGKILL. The digests of all buckets must be the same.
Takes network, processes and files away at the end, whatever happens.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from quantify import make_city, quantify_all

NET = "10.77.41"
#: Address of the bridge, where the driver is, and of each machine.
DRIVER, MASTER, WORKERS = 1, 2, (11, 12)
SPARK_MASTER = f"spark://{NET}.{MASTER}:7077"
DEFAULTS = """
spark.executor.memory 1g
spark.sql.shuffle.partitions 4
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--activities", type=int, default=200_000)
    parser.add_argument("--buckets", type=int, default=4)
    parser.add_argument("--keep-both", action="store_true", help="kill nobody, to compare")
    given = parser.parse_args()
    refuse_unfit()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tanpuhui-cluster-")))
        make_city(folder, given.activities, given.activities // 4, given.buckets)
        began = time.perf_counter()
        expected = quantify_all(folder, given.buckets)
        embedded_s = time.perf_counter() - began
        machines = stack.enter_context(network())
        started(stack, folder, machines)
        load = os.getloadavg()[0]
        found, cluster_s, states = on_cluster(folder, given, machines)
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, DuckDB "
          f"{version('duckdb')}, PySpark {version('pyspark')}, {datetime.now(UTC).date()}, "
          f"load {load:.1f}")  # fmt: skip
    print(f"{given.activities:,} activities in {given.buckets} buckets; {found[1]:,} mg credited")
    print(f"DuckDB in this process: {embedded_s:.1f} s; the cluster: {cluster_s:.1f} s")
    for when, workers in states.items():
        print(f"workers {when}: {workers}")
    same = expected == found
    print("digests, outcomes and milligrams are the same" if same else f"DIFFERENT: {expected} {found}")
    sys.exit(0 if same else 3)


def refuse_unfit() -> None:
    wants = [name for name in ("ip", "java") if shutil.which(name) is None]
    wants += [] if find_spec("pyspark") else ["pyspark"]
    if wants or os.geteuid() != 0:
        sys.exit(
            f"This needs root and {', '.join(wants) or 'nothing else'} (apt install iproute2, make spark)."
        )


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def network() -> Iterator[dict[int, str]]:
    """A bridge, and a namespace with an address of its own for each machine: last number of the address to name."""
    mine = f"tph{os.getpid() % 100_000}"
    names = {number: f"{mine}-{number}" for number in (MASTER, *WORKERS)}
    try:
        ip("link", "add", mine, "type", "bridge")
        ip("addr", "add", f"{NET}.{DRIVER}/24", "dev", mine)
        ip("link", "set", mine, "up")
        for number, name in names.items():
            ip("netns", "add", name)
            ip(
                "link",
                "add",
                f"v{os.getpid() % 100_000}-{number}",
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                name,
            )
            ip("link", "set", f"v{os.getpid() % 100_000}-{number}", "master", mine, "up")
            ip("-n", name, "addr", "add", f"{NET}.{number}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "route", "add", "default", "via", f"{NET}.{DRIVER}")
        yield names
    finally:
        for name in names.values():
            kill_all(name)
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "link", "del", mine], check=False, stderr=subprocess.DEVNULL)


def kill_all(namespace: str) -> int:
    """Kill every process of a namespace at once, as a machine that loses its power does; answers how many."""
    listed = subprocess.run(
        ["ip", "netns", "pids", namespace], check=False, capture_output=True, text=True
    ).stdout
    for pid in map(int, listed.split()):
        os.kill(pid, signal.SIGKILL)
    return len(listed.split())


def started(stack: ExitStack, folder: Path, machines: dict[int, str]) -> None:
    """The master and its workers, each in its namespace; back when the master knows both."""
    (folder / "conf").mkdir()
    (folder / "conf/spark-defaults.conf").write_text(DEFAULTS)
    os.environ |= {"SPARK_CONF_DIR": str(folder / "conf"), "SPARK_LOCAL_IP": f"{NET}.{DRIVER}"}
    run(stack, folder, machines, MASTER, ["master.Master", "--host", f"{NET}.{MASTER}", "--port", "7077"])
    for number in WORKERS:
        own = ["worker.Worker", "--host", f"{NET}.{number}", "--cores", "1", "--memory", "1g"]
        run(
            stack,
            folder,
            machines,
            number,
            [*own, "--work-dir", str(folder / f"work-{number}"), SPARK_MASTER],
        )
    for _ in range(240):
        if alive() == len(WORKERS):
            return
        time.sleep(0.5)
    sys.exit(f"The workers did not come up: {(folder / f'{WORKERS[0]}.log').read_text()[-2000:]}")


def run(stack: ExitStack, folder: Path, machines: dict[int, str], number: int, words: list[str]) -> None:
    home = Path(str(find_spec("pyspark").origin)).parent  # type: ignore[union-attr]
    environment = os.environ | {
        "SPARK_LOCAL_IP": f"{NET}.{number}",
        "SPARK_HOME": str(home),
        "SPARK_NO_DAEMONIZE": "1",
    }
    log = stack.enter_context((folder / f"{number}.log").open("w"))
    name, *rest = words
    command = [
        "ip",
        "netns",
        "exec",
        machines[number],
        str(home / "bin/spark-class"),
        f"org.apache.spark.deploy.{name}",
    ]
    process = subprocess.Popen([*command, *rest], env=environment, stdout=log, stderr=log)
    stack.callback(process.wait)
    stack.callback(kill_all, machines[number])


def state() -> dict[str, Any]:
    with urlopen(f"http://{NET}.{MASTER}:8080/json/", timeout=5) as answer:
        told: dict[str, Any] = json.load(answer)
        return told


def alive() -> int:
    try:
        return int(state()["aliveworkers"])
    except OSError:
        return 0


def on_cluster(
    folder: Path, given: argparse.Namespace, machines: dict[int, str]
) -> tuple[Any, float, dict[str, str]]:
    """The day on the cluster; while the second bucket is worked on, the first worker goes."""
    from tanpuhui.quantify.engines.choice import EngineChoice

    states = {"at the start": said()}
    (folder / "results-0.parquet").unlink()

    def go() -> None:
        while not (folder / "results-0.parquet").exists():
            time.sleep(0.05)
        time.sleep(0.5)
        states["in the middle"] = said()
        states["killed"] = f"{kill_all(machines[WORKERS[0]])} processes of {NET}.{WORKERS[0]}"

    killer = threading.Thread(target=go, daemon=True)
    began = 0.0

    def ready() -> None:
        nonlocal began
        began = time.perf_counter()
        if not given.keep_both:
            killer.start()

    found = quantify_all(folder, given.buckets, EngineChoice("spark", master=SPARK_MASTER), ready)
    took = time.perf_counter() - began
    states["at the end"] = said()
    return found, took, states


def said() -> str:
    """What the master says of its workers, and of the cores that the close has."""
    told = state()
    workers = [
        f"{each['host']} {each['state'].lower()}, {each['coresused']} core used" for each in told["workers"]
    ]
    return "; ".join(sorted(workers))


if __name__ == "__main__":
    main()
