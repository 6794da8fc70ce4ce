"""Crash: a kill at any point of a taking leaves the state as it was, and a second start ends the same."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from evidence.conftest import GENERIC, RIDE
from program import Program, installation
from tanpuhui.evidence.id_index import FOLDER, LOOSE_FILES
from tanpuhui.evidence.id_run import SUFFIX

pytestmark = pytest.mark.slow

POINTS = ("evidence.take.files_written", "evidence.take.before_commit")


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    """An installation of its own, with the real roles, for real processes."""
    with installation() as each:
        yield each


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_while_taking_changes_nothing_and_a_second_start_ends_the_same(
    program: Program, point: str
) -> None:
    path = program.home / f"{point}.csv"
    path.write_text(
        f"{GENERIC}\n{point},p,bike_trip,{RIDE},1\n{point}-2,q,bike_trip,{RIDE},x\n", encoding="utf-8"
    )
    before = program.json("evidence", "quarantine", "list", "--all")

    killed = program.run("evidence", "take", "generic", path, "--json", crash_at=point)

    assert killed.status == -signal.SIGKILL
    assert program.json("evidence", "quarantine", "list", "--all") == before
    assert len(program.json("evidence", "sweep")["removed"]) >= 2
    answer = program.json("evidence", "take", "generic", path)
    assert (answer["accepted"], answer["refused"]) == (1, 1)
    assert program.json("evidence", "sweep") == {"removed": []}
    assert program.json("evidence", "check")["ok"]


def test_a_kill_after_a_run_of_ids_was_written_leaves_what_a_sweep_removes() -> None:
    with installation() as program:
        killed_after_a_run(program)


def killed_after_a_run(program: Program) -> None:
    folder = program.home / "sent" / "generic"
    folder.mkdir(parents=True)
    for number in range(LOOSE_FILES):
        (folder / f"{number}.csv").write_text(
            f"{GENERIC}\nrun-{number},p,bike_trip,{RIDE},1\n", encoding="utf-8"
        )
    program.json("evidence", "take-all", folder.parent)
    again = program.home / "again.csv"
    again.write_text(
        f"{GENERIC}\nrun-3,p,bike_trip,{RIDE},1\nrun-new,p,bike_trip,{RIDE},1\n", encoding="utf-8"
    )

    killed = program.run(
        "evidence", "take", "generic", again, "--json", crash_at="evidence.index.run_written"
    )

    assert killed.status == -signal.SIGKILL
    (left,) = [path for path in program.json("evidence", "sweep")["removed"] if path.endswith(SUFFIX)]
    answer = program.json("evidence", "take", "generic", again)
    assert (answer["accepted"], answer["duplicate"]) == (1, 1)
    (run,) = (program.home / "lake" / FOLDER).iterdir()
    assert run.name not in left
    assert program.json("evidence", "sweep") == {"removed": []}
    assert program.json("evidence", "check")["ok"]

    run.unlink()
    third = program.home / "third.csv"
    third.write_text(
        f"{GENERIC}\nrun-5,p,bike_trip,{RIDE},1\nrun-last,p,bike_trip,{RIDE},1\n", encoding="utf-8"
    )
    answer = program.json("evidence", "take", "generic", third)
    assert (answer["accepted"], answer["duplicate"]) == (1, 1)
    assert len(list((program.home / "lake" / FOLDER).iterdir())) == 1
