"""Drill: lose an installation while it works, bring it back from its copies elsewhere, and measure what that costs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from tanpuhui.kit.progress import Report, nobody
from tanpuhui.operation import backup
from tanpuhui.operation.archive import Archive
from tanpuhui.operation.refusals import ToolFailed
from tanpuhui.operation.restore import restore
from tanpuhui.operation.server import Server
from tanpuhui.project import embedded
from tanpuhui.project.command import PROGRAM
from tanpuhui.project.database import NAME

#: Between two commits of whoever writes while the machine is lost.
EVERY_S = 0.02
#: How long it works before and after the moment to which it is brought back.
WORKS_S = 3.0
#: The city, its copy and its loss, and the two ways back.
STEPS = 4


@dataclass
class Drill:
    """What a drill found. Nothing lost that was received, nothing there that came later, and every check clean."""

    made_s: float = 0.0
    committed: int = 0
    received: int = 0
    lost_s: float = 0.0
    back_s: float = 0.0
    checked_s: float = 0.0
    at_moment: int = 0
    expected_at_moment: int = 0
    checks: dict[str, int] = field(default_factory=dict)
    found_before: set[str] = field(default_factory=set)

    @property
    def agrees(self) -> bool:
        return (
            not any(self.checks.values())
            and self.at_moment == self.expected_at_moment > 0
            and 0 < self.received <= self.committed
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "first_copy_s": round(self.made_s, 1),
            "commits_acknowledged": self.committed,
            "commits_brought_back": self.received,
            "rpo_s": round(self.lost_s, 2),
            "restored_in_s": round(self.back_s, 1),
            "rto_s": round(self.back_s + self.checked_s, 1),
            "commits_until_the_moment": self.expected_at_moment,
            "commits_at_the_moment": self.at_moment,
            "found_by_checks": self.checks,
            "agrees": self.agrees,
        }


def drill(residents: int, *, said: Callable[[str], Any], report: Report = nobody) -> Drill:
    """The whole of it, in a temporary folder that goes away."""
    place = Path(tempfile.mkdtemp(prefix="tanpuhui-drill-"))
    place.chmod(0o711)
    done = Drill()

    def step(number: int, words: str) -> None:
        said(words)
        report("Rehearsing a loss: " + words.rstrip(".:"), number, STEPS)

    try:
        step(0, "A city comes into being.")
        _program(place / "home", "demo", "--no-serve", "--residents", str(residents), "--days", "2", "--json")
        with _cluster(place / "home") as cluster:
            archive, server = Archive(place / "copies"), Server(cluster.url(NAME), embedded.programs())
            done.found_before = _found(place / "home")
            step(1, "It is copied whole, then followed.")
            began = time.monotonic()
            backup.make(archive, server, place / "home")
            backup.copy_keys(place / "home", archive, place / "keys")
            done.made_s = time.monotonic() - began
            moment = _work_and_be_lost(place / "home", cluster, archive, server, done)
        shutil.rmtree(place / "home")
        step(2, "The machine is lost, its disk too. As late as possible:")
        _come_back(place, archive, done)
        step(3, "And as it was at a moment:")
        _come_back_to(place, archive, moment, done)
    finally:
        for home in ("home", "late", "moment"):
            embedded.leave(place / home)
            shutil.rmtree(embedded.data_folder(place / home), ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)
    return done


def _work_and_be_lost(
    home: Path, cluster: embedded.Cluster, archive: Archive, server: Server, done: Drill
) -> datetime:
    """Follow, write all the time; then the server is killed. Answers a moment in the middle of the writing."""
    writer, stop = _Writer(server.address), threading.Event()
    follower = threading.Thread(target=_follow, args=(archive, server, home, stop))
    follower.start()
    writer.start()
    time.sleep(WORKS_S)
    moment = server.now()
    done.expected_at_moment = writer.count_until(moment)
    until = time.monotonic() + 60
    while (archive.through() or moment) <= moment and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(WORKS_S)
    os.kill(int((cluster.data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    writer.join()
    stop.set()
    follower.join()
    shutil.rmtree(cluster.data)
    done.committed = len(writer.committed_at)
    done.lost_s = writer.committed_at[-1].timestamp()
    return moment


def _follow(archive: Archive, server: Server, home: Path, stop: threading.Event) -> None:
    """Until the server dies, which is what happens here."""
    try:
        backup.follow(archive, server, home, until=stop.is_set)
    except (psycopg.OperationalError, ToolFailed):
        return


class _Writer(threading.Thread):
    """Commits one row after another and remembers which were acknowledged."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address, self.committed_at = address, list[datetime]()
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("CREATE TABLE drill_row (number bigint PRIMARY KEY, at timestamptz NOT NULL)")

    def run(self) -> None:
        try:
            with psycopg.connect(self.address, autocommit=True) as connection:
                while True:
                    row = connection.execute(
                        "INSERT INTO drill_row VALUES (%s, clock_timestamp()) RETURNING at",
                        [len(self.committed_at)],
                    ).fetchone()
                    assert row is not None
                    self.committed_at.append(row[0])
                    time.sleep(EVERY_S)
        except psycopg.OperationalError:
            return

    def count_until(self, moment: datetime) -> int:
        """How many were committed before a moment that is over."""
        time.sleep(5 * EVERY_S)
        return sum(at < moment for at in self.committed_at)


def _come_back(place: Path, archive: Archive, done: Drill) -> None:
    restored = restore(archive, place / "late", to=None, keys=place / "keys")
    done.back_s = restored.seconds
    rows = _rows(place / "late")
    done.received = len(rows)
    done.lost_s = max(0.0, done.lost_s - rows[-1].timestamp()) if rows else float("inf")
    began = time.monotonic()
    for check in (("ledger", "check"), ("audit",), ("grant", "check")):
        done.checks[" ".join(check)] = _status(place / "late", *check)
    done.checks["new findings of the doctor"] = len(_found(place / "late") - done.found_before)
    done.checked_s = time.monotonic() - began


def _come_back_to(place: Path, archive: Archive, moment: datetime, done: Drill) -> None:
    restore(archive, place / "moment", to=moment, keys=place / "keys")
    done.at_moment = len(_rows(place / "moment"))
    done.checks["ledger check at the moment"] = _status(place / "moment", "ledger", "check")


def _rows(home: Path) -> list[datetime]:
    with psycopg.connect(embedded.start(home).url(NAME)) as connection:
        return [at for (at,) in connection.execute("SELECT at FROM drill_row ORDER BY number")]


@contextmanager
def _cluster(home: Path) -> Iterator[embedded.Cluster]:
    try:
        yield embedded.start(home)
    finally:
        embedded.leave(home)


def _program(home: Path, *arguments: str) -> Any:
    done = _run(home, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _status(home: Path, *arguments: str) -> int:
    return _run(home, *arguments, "--json").returncode


def _found(home: Path) -> set[str]:
    """What the doctor finds, by code; a demonstration has late feeds and days that nobody closed.

    How fast a disk is just now says nothing of the copies.
    """
    found = json.loads(_run(home, "doctor", "--files", "--json").stdout)["findings"]
    return {one["code"] for one in found} - {"machine.disk_slow", "database.commits_slow"}


def _run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TANPUHUI_HOME": str(home)}
    environment.pop("TANPUHUI_DATABASE_URL", None)
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, check=False, env=environment, cwd="/"
    )
