"""Crash: a kill at any point of a taking leaves the state as it was, and a second start ends the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import prepared
from evidence.conftest import GENERIC, RIDE
from tanpuhui.project import embedded

pytestmark = pytest.mark.slow

POINTS = ("evidence.take.files_written", "evidence.take.before_commit")


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """An installation of its own, with the real roles, for real processes."""
    with tempfile.TemporaryDirectory(prefix="tanpuhui-crash-") as folder:
        Path(folder).chmod(0o711)
        path = Path(folder) / "home"
        path.mkdir(mode=0o711)
        prepared.adopt(path)
        embedded.start(path)
        yield path
        embedded.leave(path)


def run(home: Path, *arguments: str | Path, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TANPUHUI_HOME": str(home), "TANPUHUI_CRASH_AT": crash_at}
    for name in ("DJANGO_SETTINGS_MODULE", "TANPUHUI_DATABASE_URL"):
        environment.pop(name, None)
    program = [sys.executable, "-c", "from tanpuhui.project.command import run; run()", "evidence"]
    return subprocess.run(
        [*program, *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_while_taking_changes_nothing_and_a_second_start_ends_the_same(home: Path, point: str) -> None:
    path = home / f"{point}.csv"
    path.write_text(
        f"{GENERIC}\n{point},p,bike_trip,{RIDE},1\n{point}-2,q,bike_trip,{RIDE},x\n", encoding="utf-8"
    )
    before = run(home, "quarantine", "list", "--all")

    killed = run(home, "take", "generic", path, crash_at=point)

    assert killed.returncode == -signal.SIGKILL
    assert run(home, "quarantine", "list", "--all").stdout == before.stdout
    assert len(json.loads(run(home, "sweep").stdout)["removed"]) >= 2
    answer = json.loads(run(home, "take", "generic", path).stdout)
    assert (answer["accepted"], answer["refused"]) == (1, 1)
    assert json.loads(run(home, "sweep").stdout) == {"removed": []}
    assert run(home, "check").returncode == 0
