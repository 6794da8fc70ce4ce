"""Commands: ``tanpuhui evidence`` as people and scripts run it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evidence.conftest import GENERIC, RIDE, Write
from tanpuhui.cli.main import status_of
from tanpuhui.consent.open_account import open_accounts

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Command:
    """The command line in this process, on the tests' database."""

    output: Callable[[], str]

    def status(self, *arguments: str | Path) -> int:
        return status_of(["evidence", *map(str, arguments)])

    def json(self, *arguments: str | Path, status: int = 0) -> Any:
        assert self.status(*arguments, "--json") == status
        return json.loads(self.output())

    def text(self, *arguments: str | Path) -> str:
        assert self.status(*arguments) == 0
        return self.output()


@pytest.fixture()
def command(fresh_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr("tanpuhui.cli.main.start_database", lambda: None)
    return Command(lambda: capsys.readouterr().out)


@pytest.fixture()
def rides(write: Write) -> Path:
    """One good ride and one with a word for a distance."""
    return write(GENERIC, f"a,p,bike_trip,{RIDE},4200", f"b,p,bike_trip,{RIDE},far")


def test_a_file_of_a_built_in_format_is_taken_on_a_fresh_installation(command: Command, rides: Path) -> None:
    answer = command.json("take", "generic", rides)

    counts = {name: answer[name] for name in ("rows", "accepted", "duplicate", "refused", "reasons")}
    assert counts == {
        "rows": 2,
        "accepted": 1,
        "duplicate": 0,
        "refused": 1,
        "reasons": {"evidence.not_a_number": 1},
    }
    assert answer["digest"].startswith("sha256:")
    assert command.json("take", "generic", rides) == answer


def test_people_see_a_table_with_every_reason(command: Command, rides: Path) -> None:
    shown = command.text("take", "generic", rides)

    assert "evidence.not_a_number" in shown
    assert "rows in the file" in shown
    assert "distance_m" in command.text("receipt", command.json("take", "generic", rides)["batch"])
    assert "far" in command.text("quarantine", "show", command.json("quarantine", "list")[0]["id"])
    assert "generic" in command.text("contract", "list")
    assert "DEMO" in command.text("contract", "show", "szt")


def test_a_refused_row_is_listed_shown_and_corrected(command: Command, rides: Path) -> None:
    command.json("take", "generic", rides)
    (row,) = command.json("quarantine", "list", "--provider", "generic")

    assert command.json("quarantine", "show", row["id"])["content"]["distance_m"] == "far"
    assert command.json("quarantine", "correct", row["id"], "nonsense", status=2)
    assert command.json("quarantine", "correct", row["id"], "distance_m=900")["accepted"] == 1
    assert command.json("quarantine", "list") == []
    assert command.json("quarantine", "list", "--all")[0]["id"] == row["id"]
    assert (
        command.json("resubmit", "--provider", "generic", status=2)["refused"]["code"] == "evidence.no_rows"
    )


def test_rows_are_sent_again_as_they_are(command: Command, rides: Path) -> None:
    command.json("take", "generic", rides)

    assert command.json("resubmit", "--provider", "generic")["reasons"] == {"evidence.not_a_number": 1}


def test_a_receipt_is_shown_again_with_its_refused_rows(command: Command, rides: Path) -> None:
    batch = command.json("take", "generic", rides)["batch"]

    refusals = command.json("receipt", batch)["refusals"]

    assert [(row["row"], row["code"], row["field"]) for row in refusals] == [
        (2, "evidence.not_a_number", "distance_m")
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("take", "nobody", "{file}"), "evidence.unknown_provider"),
        (("take", "generic", "/nowhere.csv"), "evidence.file_missing"),
        (("take", "szt", "{file}"), "evidence.wrong_columns"),
        (("receipt", "999999"), "evidence.unknown_batch"),
        (("quarantine", "show", "999999"), "evidence.row_unknown"),
        (("contract", "show", "nobody"), "evidence.unknown_provider"),
        (("take", "generic"), "cli.usage"),
    ],
)
def test_a_refusal_has_a_code_and_exit_status_2(
    command: Command, rides: Path, arguments: tuple[str, ...], code: str
) -> None:
    answer = command.json(*(part.format(file=rides) for part in arguments), status=2)

    assert answer["refused"]["code"] == code


def test_contracts_are_listed_added_and_disabled(command: Command) -> None:
    terms = (
        "contract",
        "add",
        "blue",
        "--format",
        "generic",
        "--kind",
        "bike_trip",
        "--valid-from",
        "2026-01-01",
    )

    assert command.json(*terms, "--pia", " ", status=2)["refused"]["code"] == "evidence.contract_incomplete"
    assert (
        command.json(*terms, "--pia", "P", "--options", "[]", status=2)["refused"]["code"]
        == "evidence.bad_options"
    )
    assert (
        command.json(*terms, "--pia", "P", "--valid-to", "soon", status=2)["refused"]["code"]
        == "evidence.bad_day"
    )
    made = command.json(
        *terms, "--pia", "P", "--options", '{"max_speed_kmh": 30}', "--valid-to", "2026-12-31"
    )
    assert (made["version"], made["options"], made["valid_to"]) == (1, {"max_speed_kmh": 30}, "2026-12-31")
    assert command.json("contract", "disable", "blue")["enabled"] is False
    assert len(command.json("contract", "list")) == 7


def test_a_pseudonym_is_linked_once(command: Command) -> None:
    one, other = (str(account) for account in open_accounts(2, at=AT))
    nobody = str(int(other) + 1)

    assert command.json("link", "generic", "p", one)["account"] == int(one)
    assert f"account {one}" in command.text("link", "generic", "p", one)
    assert (
        command.json("link", "generic", "p", other, status=2)["refused"]["code"] == "evidence.already_linked"
    )
    assert (
        command.json("link", "generic", "q", nobody, status=2)["refused"]["code"]
        == "consent.unknown_resident"
    )


def test_a_damaged_lake_is_a_finding(command: Command, rides: Path, fresh_home: Path) -> None:
    command.json("take", "generic", rides)
    path = next((fresh_home / "lake").rglob("bucket=*/*.parquet"))
    assert command.json("check") == {"ok": True, "findings": []}

    path.write_bytes(path.read_bytes() + b"!")

    assert command.json("check", status=3)["findings"] == [str(path.relative_to(fresh_home / "lake"))]


def test_sweep_removes_what_nothing_refers_to(command: Command, rides: Path, fresh_home: Path) -> None:
    command.json("take", "generic", rides)
    orphan = fresh_home / "lake" / "evidence" / "ids" / "orphan.parquet"
    orphan.write_bytes(b"")

    assert command.json("sweep") == {"removed": ["evidence/ids/orphan.parquet"]}
    assert command.json("check")["ok"]
