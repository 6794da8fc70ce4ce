"""The log from end to end: three witnesses in processes and homes of their own, and files that verify elsewhere."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from program import Beside, Program, installation, lines_file
from tanpuhui.transparency import verify_certificate

pytestmark = pytest.mark.slow

HEADER = "source_id,person,kind,started_at,ended_at,distance_m,energy_wh"
DAY = "2026-03-02"
HALF_HOUR = f"{DAY}T08:00:00+08:00,{DAY}T08:30:00+08:00"


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    """Two residents with roofs of 5 MWh each: 4.2 t, of which 4 are certified."""
    with installation() as program:
        program.json("account", "open", "--count", 2)
        for account, person in ((1, "a"), (2, "b")):
            program.json("evidence", "link", "generic", person, account)
            given = ("--provider", "generic", "--kind", "rooftop_pv_output", "--from", "2026-01-01")
            program.json("grant", "give", "--account", account, *given)
        rows = [f"{person},{person},rooftop_pv_output,{HALF_HOUR},,5000000" for person in "ab"]
        program.json("evidence", "take", "generic", lines_file(program.home / "roofs.csv", [HEADER, *rows]))
        program.json("close", DAY)
        yield program


@dataclass(frozen=True)
class Three:
    """Three witnesses that know the log: the policy that asks for two of them, and their processes."""

    policy: str
    processes: list[Beside]

    def stop(self, number: int) -> None:
        self.processes[number - 1].end()


@pytest.fixture(scope="module")
def witnesses(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    log_key = program.json("log", "show")["key"]
    lines: list[str] = [f"log {log_key}"]
    processes: list[Beside] = []
    for number in (1, 2, 3):
        home = tmp_path_factory.mktemp(f"witness-{number}")
        alone = {"TANPUHUI_HOME": str(home), "TANPUHUI_DATABASE_URL": "postgresql:///none"}
        named = program.json("witness", "name", f"w{number}.example", **alone)
        assert program.run("witness", "trust", log_key, **alone).status == 0
        port = free_port()
        processes.append(program.begin("witness", "serve", "--port", port, **alone))
        wait_for(port)
        lines.append(f"witness w{number} {named['key']} http://127.0.0.1:{port}")
    yield Three("\n".join([*lines, "group three 2 w1 w2 w3", "quorum three"]), processes)
    for process in processes:
        process.end()


def free_port() -> int:
    with socket.socket() as attempt:
        attempt.bind(("127.0.0.1", 0))
        return int(attempt.getsockname()[1])


def wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the witness did not start")


def proved(content: str, policy: str) -> list[Any]:
    return list(verify_certificate.check_file(content.encode(), policy))


def test_from_a_certified_lot_to_a_share_that_verifies_without_us(
    program: Program, witnesses: Three, tmp_path: Path
) -> None:
    """The time from the lot to its receipt with a quorum is at most ten seconds."""
    policy = tmp_path / "policy"
    policy.write_text(witnesses.policy)
    assert program.run("log", "policy", policy).status == 0
    first = program.json("log", "integrate")
    assert (first["trusted"], set(first["witnesses"].values())) == (True, {"cosigned"})
    given = ("--through", DAY, "--verifier", "Green Audit Ltd")

    lot = program.json("lot", "certify", "shanghai/rooftop-pv", *given, TANPUHUI_OPERATOR="platform")["lot"]
    begun = time.monotonic()
    assert program.json("log", "integrate")["trusted"]
    took_s = time.monotonic() - begun

    assert took_s <= 10.0
    share = tmp_path / "share.json"
    assert program.run("log", "prove", "lot", lot, "--account", 1, "--whole", "--out", share).status == 0
    said = proved(share.read_text(), policy.read_text())
    assert [one["kind"] for one in said] == ["share", "lot"]
    assert said[0]["record"] == {"lot": lot, "account": 1, "amount_mg": 2 * 10**9}
    assert len(said[0]["witnesses"]) == 3
    shown = program.json("verify", share, "--policy", policy)
    assert shown["proved"] == said
    altered = tmp_path / "altered.json"
    altered.write_text(share.read_text().replace('"amount_mg": 2000000000', '"amount_mg": 2000000001'))
    refused = program.run("verify", altered, "--policy", policy, "--json")
    assert (refused.status, refused.refused["code"]) == (2, "transparency.proof_invalid")


def test_with_one_witness_down_a_proof_holds_and_with_two_down_both_verifiers_refuse_it(
    program: Program, witnesses: Three, tmp_path: Path
) -> None:
    policy, file = tmp_path / "policy", tmp_path / "receipt.json"
    policy.write_text(witnesses.policy)
    program.run("log", "policy", policy)
    command = [sys.executable, verify_certificate.__file__, str(file), "--policy", str(policy)]

    witnesses.stop(1)
    answered = logged_anew(program, "2026-03-03", file)
    assert answered["trusted"]
    assert answered["witnesses"]["w1.example"].startswith("0: ConnectError")
    held = program.json("verify", file, "--policy", policy)
    assert [sorted(one["witnesses"]) for one in held["proved"]] == [["w2", "w3"]]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0

    witnesses.stop(2)
    assert logged_anew(program, "2026-03-04", file)["trusted"] is False
    refused = program.run("verify", file, "--policy", policy, "--json")
    assert (refused.status, refused.refused["code"]) == (2, "transparency.quorum_missing")
    assert "w3" in refused.refused["message"]
    alone = subprocess.run(command, capture_output=True, text=True, check=False)
    assert alone.returncode != 0
    assert "enough witnesses cosigned the checkpoint" in alone.stdout + alone.stderr
    assert program.run("log", "cosign", "--json").status == 3


def logged_anew(program: Program, day: str, file: Path) -> Any:
    """Another day is closed and enters the log; its receipt in a file. What the round answered."""
    program.json("close", day)
    answered = program.json("log", "integrate")
    (manifest,) = [one["manifest"] for one in program.json("close", "list") if one["day"] == day]
    assert program.run("log", "prove", "close", manifest, "--out", file).status == 0
    return answered


def test_verify_needs_no_database_and_says_whom_it_does_not_know(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_text("{}")
    environment = {"TANPUHUI_HOME": str(tmp_path / "nowhere"), "TANPUHUI_DATABASE_URL": "postgresql:///none"}

    assert program.run("verify", file, "--json", **environment).refused["code"] == "verify.policy_unknown"
    assert (
        program.run("verify", tmp_path / "no", "--policy", file, "--json").refused["code"]
        == "verify.cannot_read"
    )
    assert program.run("log", "policy", file, "--json").refused["code"] == "transparency.policy_malformed"
    assert program.run("log", "prove", "lot", "NONE", "--json").refused["code"] == "transparency.not_in_log"


def test_the_log_checks_itself_and_is_written_again_from_the_database(program: Program) -> None:
    program.json("log", "integrate")
    assert program.json("log", "check")["ok"]
    assert program.json("audit")["ok"]
    for path in (program.home / "log" / "tile" / "entries").rglob("*"):
        if path.is_file():
            path.unlink()

    assert program.json("log", "check", status=3)["findings"][0]["invariant"] == "log_files_are_there"
    assert program.json("log", "integrate", "--again")["new"] == 0

    assert program.json("log", "check")["ok"]


@pytest.mark.parametrize(
    "point", ["log.tiles_written", "log.before_commit", "log.committed", "log.published", "log.cosigned"]
)
def test_a_kill_anywhere_leaves_a_log_that_the_next_round_ends(program: Program, point: str) -> None:
    program.json("account", "open", "--count", 1)

    killed = program.run("log", "integrate", "--json", crash_at=point)
    assert killed.status == -9

    program.json("log", "integrate")
    assert program.json("log", "check")["ok"]
    assert program.json("log", "show")["waiting"] == {}


def test_a_log_is_kept_by_a_process_beside(program: Program) -> None:
    program.run("log", "work", "--every-s", "0.2", kill_after_s=4.0)

    assert program.json("log", "check")["ok"]
    assert program.json("log", "show")["waiting"] == {}
