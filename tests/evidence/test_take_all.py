"""Take all: every file of a folder is taken as it would be alone, by however many processes."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from evidence.conftest import GENERIC, RIDE
from program import Program, installation
from tanpuhui.cli.main import status_of
from tanpuhui.evidence.take import turn_is_free

TOP_UP = '{"id": "1", "type": "top_up", "user": "u", "at": "2026-03-02T08:00:00Z"}\n'

TakeAll = Callable[..., Any]


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    """Two providers: one with two rides in three files, one with a top-up and a file that is none of its format's."""
    folder = tmp_path / "delivered"
    for provider, name, text in (
        ("generic", "1.csv", f"{GENERIC}\na,p,bike_trip,{RIDE},4200\nb,p,bike_trip,{RIDE},far\n"),
        ("generic", "2.csv", f"{GENERIC}\na,p,bike_trip,{RIDE},4200\nc,p,bike_trip,{RIDE},1\n"),
        ("generic", "3.csv", f"{GENERIC}\nc,p,bike_trip,{RIDE},2\n"),
        ("generic", ".4.csv.part", f"{GENERIC}\nd,p"),
        ("payments", "1.ndjson", TOP_UP),
        ("payments", "2.ndjson", f"{GENERIC}\n"),
    ):
        (folder / provider).mkdir(parents=True, exist_ok=True)
        (folder / provider / name).write_text(text, encoding="utf-8")
    (folder / "notes.txt").write_text("about these files", encoding="utf-8")
    return folder


@pytest.fixture()
def take_all(
    db: None, fresh_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> TakeAll:
    monkeypatch.setattr("tanpuhui.cli.main.start_database", lambda: None)

    def run(folder: Path, *options: str, status: int) -> Any:
        assert status_of(["evidence", "take-all", str(folder), "--json", *options]) == status
        return json.loads(capsys.readouterr().out)

    return run


def ends(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each file: accepted, duplicate and refused rows, or the code of what refused it."""
    return {
        "/".join(Path(answer["file"]).parts[-2:]): answer["refused"]["code"]
        if "refused" in answer
        else tuple(answer["receipt"][name] for name in ("accepted", "duplicate", "refused"))
        for answer in answers
    }


#: By hand: an id counts once in the order of the names, whatever else a file holds.
EXPECTED = {
    "generic/1.csv": (1, 0, 1),
    "generic/2.csv": (1, 1, 0),
    "generic/3.csv": (0, 0, 1),
    "payments/1.ndjson": (1, 0, 0),
    "payments/2.ndjson": "evidence.wrong_media",
}


def test_each_file_ends_as_alone_and_a_file_that_is_refused_holds_up_none(
    take_all: TakeAll, folder: Path
) -> None:
    first = take_all(folder, "--processes", "1", status=2)

    again = take_all(folder, "--processes", "1", status=2)

    assert ends(first) == EXPECTED
    assert again == first


def test_a_folder_without_files_of_providers_and_no_processes_are_refused(
    take_all: TakeAll, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty" / "generic").mkdir(parents=True)

    for nothing in (tmp_path / "empty", tmp_path / "absent", folder / "generic"):
        assert take_all(nothing, status=2)["refused"]["code"] == "evidence.no_files"
    assert take_all(folder, "--processes", "0", status=2)["refused"]["code"] == "evidence.bad_processes"


@pytest.mark.django_db
def test_a_turn_that_another_transaction_has_is_not_free() -> None:
    given = connection.get_connection_params()
    named = {name: given[name] for name in ("dbname", "user", "password", "host", "port") if given.get(name)}
    with psycopg.connect(**named) as other, transaction.atomic():
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('evidence|bikes', 1))")

        assert not turn_is_free("bikes")
        assert turn_is_free("trains")
        other.rollback()
        assert turn_is_free("bikes")


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    """An installation of its own, for real processes."""
    with installation() as each:
        yield each


@pytest.mark.slow
def test_two_processes_end_as_one_and_a_kill_of_both_loses_nothing(program: Program, folder: Path) -> None:
    killed = program.run(
        "evidence", "take-all", folder, "--processes", "2", "--json", crash_at="evidence.take.before_commit"
    )
    assert killed.status == -signal.SIGKILL
    program.run("evidence", "sweep")

    answer = program.run("evidence", "take-all", folder, "--processes", "2", "--json")

    assert (answer.status, ends(answer.json)) == (2, EXPECTED)
    batches = [each["receipt"]["batch"] for each in answer.json if "receipt" in each]
    assert len(set(batches)) == 4
    assert program.json("evidence", "check")["ok"]
    assert program.json("evidence", "sweep") == {"removed": []}
