"""Commands: ``tanpuhui evidence`` as people and scripts run it, in real processes with the real roles.

One installation serves the whole file: its tests follow one another.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evidence.conftest import GENERIC, RIDE
from tanpuhui.project import embedded

pytestmark = pytest.mark.slow


@dataclass
class Installation:
    """A home of its own, and the command run in it."""

    home: Path

    def run(self, *arguments: str | Path, crash_at: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TANPUHUI_HOME": str(self.home), "TANPUHUI_CRASH_AT": crash_at}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        command = [sys.executable, "-c", "from tanpuhui.project.command import run; run()"]
        return subprocess.run(
            [*command, "evidence", *map(str, arguments)],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )

    def json(self, *arguments: str | Path) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def file(self, name: str, *lines: str) -> Path:
        path = self.home / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="tanpuhui-commands-") as folder:
        home = Path(folder) / "home"
        home.mkdir(mode=0o711)
        Path(folder).chmod(0o711)
        embedded.start(home)
        yield Installation(home)
        embedded.leave(home)


def test_a_file_of_a_built_in_format_is_taken_on_a_fresh_installation(installation: Installation) -> None:
    path = installation.file("rides.csv", GENERIC, f"a,p,bike_trip,{RIDE},4200", f"b,p,bike_trip,{RIDE},far")

    answer = installation.json("take", "generic", path)

    counts = {name: answer[name] for name in ("rows", "accepted", "duplicate", "refused", "reasons")}
    assert counts == {
        "rows": 2,
        "accepted": 1,
        "duplicate": 0,
        "refused": 1,
        "reasons": {"evidence.not_a_number": 1},
    }
    assert answer["digest"].startswith("sha256:")
    assert installation.json("take", "generic", path) == answer


def test_a_refused_row_is_listed_shown_and_corrected(installation: Installation) -> None:
    (row,) = installation.json("quarantine", "list", "--provider", "generic")
    shown = installation.json("quarantine", "show", str(row["id"]))

    assert shown["content"]["distance_m"] == "far"
    assert installation.run("quarantine", "correct", str(row["id"]), "nonsense").returncode == 2
    assert installation.json("quarantine", "correct", str(row["id"]), "distance_m=900")["accepted"] == 1
    assert installation.json("quarantine", "list") == []
    assert installation.run("resubmit", "--provider", "generic").returncode == 2


def test_a_receipt_is_shown_again_with_its_refused_rows(installation: Installation) -> None:
    receipt = installation.json("receipt", "1")

    assert [(row["row"], row["code"], row["field"]) for row in receipt["refusals"]] == [
        (2, "evidence.not_a_number", "distance_m")
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("take", "nobody", "{file}"), "evidence.unknown_provider"),
        (("take", "generic", "/nowhere.csv"), "evidence.file_missing"),
        (("take", "szt", "{file}"), "evidence.wrong_columns"),
        (("receipt", "999"), "evidence.unknown_batch"),
        (("quarantine", "show", "999"), "evidence.row_unknown"),
        (("contract", "show", "nobody"), "evidence.unknown_provider"),
        (("take", "generic"), "cli.usage"),
    ],
)
def test_a_refusal_has_a_code_and_exit_status_2(
    installation: Installation, arguments: tuple[str, ...], code: str
) -> None:
    path = installation.file("other.csv", GENERIC, f"z,p,bike_trip,{RIDE},1")

    done = installation.run(*(part.format(file=path) for part in arguments), "--json")

    assert done.returncode == 2
    assert json.loads(done.stdout)["refused"]["code"] == code


def test_contracts_are_listed_added_and_disabled(installation: Installation) -> None:
    terms = ("--format", "generic", "--kind", "bike_trip", "--pia", "PIA-1", "--valid-from", "2026-01-01")

    assert (
        installation.run(
            "contract", "add", "blue", *terms[:-4], "--pia", " ", "--valid-from", "2026-01-01"
        ).returncode
        == 2
    )
    assert installation.json("contract", "add", "blue", *terms)["version"] == 1
    assert installation.json("contract", "disable", "blue")["enabled"] is False
    assert len(installation.json("contract", "list")) == 7
    assert installation.run("contract", "list").returncode == 0


def test_a_pseudonym_is_linked_once(installation: Installation) -> None:
    assert installation.json("link", "generic", "p", "7")["account"] == 7
    assert installation.run("link", "generic", "p", "7").returncode == 0
    assert installation.run("link", "generic", "p", "8").returncode == 2


@pytest.mark.parametrize("point", ["evidence.take.files_written", "evidence.take.before_commit"])
def test_a_kill_while_taking_leaves_the_state_and_a_second_start_ends_the_same(
    installation: Installation, point: str
) -> None:
    path = installation.file(
        f"{point}.csv", GENERIC, f"{point},p,bike_trip,{RIDE},1", f"{point}-2,q,bike_trip,{RIDE},x"
    )
    before = installation.json("quarantine", "list", "--all")

    killed = installation.run("take", "generic", path, crash_at=point)

    assert killed.returncode == -signal.SIGKILL
    assert installation.json("quarantine", "list", "--all") == before
    assert installation.run("check").returncode == 0
    assert len(installation.json("sweep")["removed"]) >= 2
    answer = installation.json("take", "generic", path)
    assert (answer["accepted"], answer["refused"]) == (1, 1)
    assert installation.json("sweep") == {"removed": []}


def test_a_damaged_lake_is_a_finding(installation: Installation) -> None:
    path = next((installation.home / "lake").rglob("bucket=*/*.parquet"))
    content = path.read_bytes()

    path.write_bytes(content + b"!")
    done = installation.run("check", "--json")
    path.write_bytes(content)

    assert done.returncode == 3
    assert json.loads(done.stdout)["findings"] == [str(path.relative_to(installation.home / "lake"))]
    assert installation.run("check").returncode == 0
