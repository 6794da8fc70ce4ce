"""The verification's commands, from keys to the signed statement: what they print as JSON and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tanpuhui.cli import main
from tanpuhui.verification.models import SampledAct, Statement
from verification.conftest import desk, library
from verification.desk import METHODOLOGY, SECOND, VERIFIER, Desk

__all__ = ["desk", "library"]


@pytest.fixture()
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command on the tests' database and its home; answers its exit status and what it printed."""
    monkeypatch.setattr(main, "start_database", lambda: None)
    monkeypatch.setenv("TANPUHUI_BUCKETS", "2")

    def command(*given_words: object) -> tuple[int, str]:
        status = main.status_of(["verification", *map(str, given_words)])
        return status, capsys.readouterr().out

    return command


def test_a_lot_is_verified_by_commands_alone(run: Any, desk: Desk, tmp_path: Path) -> None:
    pem, nonce = tmp_path / "key.pem", tmp_path / "nonce.txt"

    def said(*words: object, status: int = 0) -> Any:
        answer, out = run(*words, "--json")
        assert answer == status, out
        return json.loads(out)

    def signed(file: Path) -> Path:
        status, token = run("sign", file, "--key-file", pem)
        assert status == 0
        target = file.with_suffix(".jws")
        target.write_text(token)
        return target

    public = said("key", pem)["public_key"]
    assert pem.stat().st_mode & 0o777 == 0o600
    assert said("register-key", VERIFIER, public)["verifier"] == VERIFIER
    asked = ("open", METHODOLOGY, "--through", SECOND.isoformat(), "--verifier", VERIFIER, "--key", "cli")
    number = said(*asked)["engagement"]
    assert said(*asked)["engagement"] == number
    assert (
        said("plan", number, "--nonce-file", nonce, status=2)["refused"]["code"]
        == "verification.not_declared"
    )

    run("declaration-text", number, "--conflicts", "None.", "--to", tmp_path / "declaration.json")
    said("declare", number, "--signed", signed(tmp_path / "declaration.json"))
    assert said("recalculate", number)["agrees"]
    own = tmp_path / "own.csv"
    own.write_text(f"provider,day,records\ntown,{SECOND},13\n")
    assert said("complete", number, "--totals", own, status=3)["count"] == 1
    assert said("complete", number)["balances"]

    plan = said("plan", number, "--nonce-file", nonce, "--precision", "95/5")
    assert (plan["size"], plan["acts"]) == (24, 24)
    assert len(nonce.read_text()) == 64
    assert said("draw", number, "--nonce-file", nonce)["size"] == 24
    assert [row["verdict"] for row in said("sample", number)] == [None] * 24
    shown = said("look", number, 1)
    assert shown["credited_mg"] == SampledAct.objects.get(position=1).credited_mg
    assert not {"account", "person"} & set(shown)

    table = tmp_path / "found.csv"
    lines = "".join(f"{place},agrees,,meter photo\n" for place in range(2, 25))
    table.write_text(f"position,verdict,right_mg,note\n{lines}")
    assert said("examine", number, "--table", table)["left"] == 1
    assert said("project", number, status=2)["refused"]["code"] == "verification.not_examined"
    assert said("examine", number, 1, "--verdict", "agrees", "--note", "invoice")["left"] == 0

    raised = said("finding", "raise", number, "--severity", "major", "--text", "Dust.", "--asked", "Clean.")
    assert raised["finding"] == 1
    assert said("project", number, status=3)["conclusion"] == "refuse"
    said("finding", "answer", number, 1, "--text", "Cleaned.")
    assert said("finding", "close", number, 1, "--text", "Seen.")["state"] == "closed"
    assert said("project", number)["conclusion"] == "accept"

    run("statement-text", number, "--to", tmp_path / "statement.json")
    assert said("conclude", number, "--signed", signed(tmp_path / "statement.json"))["conclusion"] == "accept"
    assert said("show", number)["step"] == "ended"
    assert len(said("list")) == 1
    assert Statement.objects.get().deducted_mg == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "7"), "verification.unknown_engagement"),
        (("open", "--verifier", "x"), "verification.bad_plan"),
        (("register-key", VERIFIER, "short"), "verification.not_a_key"),
        (("declare", "7", "--signed", "/nowhere"), "verification.file_unreadable"),
        (("open", METHODOLOGY, "--through", "Monday", "--verifier", VERIFIER), "cli.bad_day"),
        (("open", "--lot", "DEMO-000009", "--verifier", VERIFIER), "registry.lot_unknown"),
        (("examine", "7"), "verification.bad_examination"),
    ],
)
def test_what_cannot_be_is_refused(run: Any, desk: Desk, words: tuple[str, ...], code: str) -> None:
    status, out = run(*words, "--json")

    assert status == 2
    assert json.loads(out)["refused"]["code"] == code
