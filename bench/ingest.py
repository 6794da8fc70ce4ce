"""Ingestion: signed batches over HTTP to the real server, durable before the answer: events a second.

Run: .venv/bin/python bench/ingest.py [--events 1000] [--seconds 15] [--runs 3] [--connections 6] [--workers 2]
     [--threads 4] [--with-worker]
A new embedded cluster with fsync on, the server (granian, WSGI) in processes of its own, and a bounded load generator
on the same machine that makes, digests, signs and sends every batch; it sends to 127.0.0.1 alone. An answer counts when
it is 202 with a signed inbox receipt: then the batch is synced to the disk and committed. After each run all that waits
is taken into the lake by ``tanpuhui evidence work``, timed apart; with ``--with-worker`` it works beside the server.
At the end every batch that was answered has a receipt, and every row is accounted for.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
PATH = "/api/v1/provider/batches"
HEADER = "source_id,person,kind,started_at,ended_at,distance_m\n"
PROGRAM = "from tanpuhui.project.command import run; run()"


def main() -> None:
    if sys.argv[1:2] == ["--generate"]:
        generate(json.loads(sys.stdin.read()))
        return
    arguments = parse()
    home = Path(tempfile.mkdtemp(prefix="tanpuhui-bench-"))
    home.chmod(0o711)
    os.environ["TANPUHUI_HOME"] = str(home)
    os.environ.pop("TANPUHUI_DATABASE_URL", None)
    try:
        from tanpuhui.project.database import prepare

        prepare()
        run(arguments, home)
    finally:
        from tanpuhui.project import embedded

        embedded.leave(home)
        shutil.rmtree(home, ignore_errors=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--connections", type=int, default=6)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--with-worker", action="store_true")
    return parser.parse_args()


def run(arguments: argparse.Namespace, home: Path) -> None:
    from django.db import connection

    key_file = register(home)
    print(f"{platform.machine()}, {os.cpu_count()} processors, CPython {platform.python_version()}, granian "
          f"{version('granian')}, PostgreSQL {show(connection, 'server_version')}, fsync {show(connection, 'fsync')}, "
          f"synchronous_commit {show(connection, 'synchronous_commit')}, {vars(arguments)}")  # fmt: skip
    rates, taking = [], []
    answered = 0
    with server(arguments) as port:
        for number in range(1, arguments.runs + 1):
            with working(arguments.with_worker):
                found = load(arguments, port, key_file, number)
            answered += found["batches"]
            rates.append(found["batches"] * arguments.events / found["seconds"])
            left = waiting(connection)
            seconds = drain()
            if left:
                taking.append(left * arguments.events / seconds)
            print(f"run {number}: {found['batches']:,} batches in {found['seconds']:.1f} s, {rates[-1]:,.0f} events/s "
                  f"durable; answer median {found['median_ms']:.1f} ms, p99 {found['p99_ms']:.1f} ms; "
                  f"{left:,} batches then taken in {seconds:.1f} s")  # fmt: skip
    print(f"median {statistics.median(rates):,.0f} events/s durable before the answer")
    if taking:
        print(f"median {statistics.median(taking):,.0f} events/s taken into the lake afterwards")
    check(connection, answered, arguments.events)


def register(home: Path) -> Path:
    """The provider's key, made and registered as an operator does."""
    from django.db import transaction

    from tanpuhui.client.key import generate_key, write_key
    from tanpuhui.evidence.contract import ensure_default_contracts
    from tanpuhui.evidence.provider_key import add_key

    key, path = generate_key("generic"), home / "provider.pem"
    write_key(key, path)
    now = datetime.now(UTC)
    with transaction.atomic():
        ensure_default_contracts(at=now)
        add_key("generic", key.public_bytes, valid_from=now - timedelta(minutes=1), at=now)
    return path


@contextmanager
def server(arguments: argparse.Namespace) -> Iterator[int]:
    """The real server on a free port of this machine."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)]
    command += ["--workers", str(arguments.workers), "--blocking-threads", str(arguments.threads)]
    command += ["--no-ws", "--log-level", "warning", "tanpuhui.project.wsgi:application"]
    process = subprocess.Popen(command)
    try:
        for _ in range(300):
            try:
                connection = http.client.HTTPConnection(HOST, port, timeout=5)
                connection.request("GET", "/api/v1/openapi.json")
                assert connection.getresponse().status == 200
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def working(wanted: bool) -> Iterator[None]:
    """The worker beside the server, where it is wanted."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, "evidence", "work"]) if wanted else None
    try:
        yield
    finally:
        if process is not None:
            process.terminate()
            process.wait(30)


def drain() -> float:
    """Take everything that waits; the seconds it took, without the program's start."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", PROGRAM, "evidence", "work", "--once"], check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - started


def load(arguments: argparse.Namespace, port: int, key_file: Path, number: int) -> dict[str, Any]:
    """One run of the load generator, in a process of its own."""
    order = {
        "port": port,
        "key": str(key_file),
        "events": arguments.events,
        "seconds": arguments.seconds,
        "connections": arguments.connections,
        "run": number,
    }
    done = subprocess.run(
        [sys.executable, __file__, "--generate"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@dataclass
class Tally:
    times_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def generate(order: dict[str, Any]) -> None:
    """Make, sign and send batches over some connections for some seconds; print what was answered."""
    tally = Tally()
    until = time.perf_counter() + order["seconds"]
    started = time.perf_counter()
    threads = [
        threading.Thread(target=send, args=(order, number, until, tally))
        for number in range(order["connections"])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    assert not tally.wrong, tally.wrong[:3]
    times_ms = sorted(each * 1000 for each in tally.times_s)
    print(json.dumps({
        "batches": len(times_ms),
        "seconds": seconds,
        "median_ms": times_ms[len(times_ms) // 2],
        "p99_ms": times_ms[len(times_ms) * 99 // 100],
    }))  # fmt: skip


def send(order: dict[str, Any], number: int, until: float, tally: Tally) -> None:
    from tanpuhui.client.key import read_key
    from tanpuhui.client.profile import digest_of
    from tanpuhui.client.sign import Outgoing, sign

    key = read_key("generic", Path(order["key"]))
    rows = "".join(
        f"@@{row},p{(number * 7919 + row) % 50_000},bike_trip,2026-11-2{row % 4}T08:{row % 60:02d}:00+08:00,"
        f"2026-11-2{row % 4}T09:{row % 60:02d}:00+08:00,{1000 + row}\n"
        for row in range(order["events"])
    )
    template = (HEADER + rows).encode()
    connection = http.client.HTTPConnection(HOST, order["port"], timeout=60)
    count = 0
    while time.perf_counter() < until:
        count += 1
        name = f"{order['run']}-{number}-{count}"
        body = template.replace(b"@@", f"{name}-".encode())
        request = Outgoing("POST", f"http://{HOST}:{order['port']}{PATH}", {
            "Content-Type": "text/csv",
            "Content-Digest": digest_of(body),
            "Idempotency-Key": f'"{name}"',
        })  # fmt: skip
        sign(request, key, at=datetime.now(UTC))
        started = time.perf_counter()
        connection.request("POST", PATH, body=body, headers=dict(request.headers))
        answer = connection.getresponse()
        content = answer.read()
        tally.times_s.append(time.perf_counter() - started)
        if answer.status != 202 or b"inbox_receipt" not in content:
            tally.wrong.append(f"{answer.status} {content[:500]!r}")
            return


def waiting(connection: Any) -> int:
    return int(number_of(connection, "SELECT count(*) FROM evidence_inboxwaiting"))


def check(connection: Any, answered: int, events: int) -> None:
    """Every batch that was answered was taken once, and every row of it is somewhere."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), sum(rows), sum(accepted), sum(duplicate), sum(refused) FROM evidence_batch"
        )
        batches, rows, accepted, duplicate, refused = cursor.fetchone()
    assert (batches, rows) == (answered, answered * events), (batches, rows, answered)
    assert waiting(connection) == 0
    print(f"{batches:,} batches answered and taken: {rows:,} rows, {accepted:,} accepted, {duplicate:,} duplicate, "
          f"{refused:,} refused")  # fmt: skip


def show(connection: Any, name: str) -> str:
    return str(number_of(connection, f"SELECT current_setting('{name}')"))


def number_of(connection: Any, query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


if __name__ == "__main__":
    main()
