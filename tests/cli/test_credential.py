"""``tanpuhui credential``: issue, show a part, suspend, restore, revoke, publish; and the check of it all elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry.units_town import given, new_lot
from tanpuhui.access.models import AuditEntry
from tanpuhui.access.organise import organise
from tanpuhui.cli import main
from tanpuhui.consent.give import give
from tanpuhui.consent.models import Grant
from tanpuhui.consent.open_account import open_account
from tanpuhui.consent.withdraw import pause
from tanpuhui.disclosure.hand_over import terms
from tanpuhui.kit.moment import utc_now
from tanpuhui.ledger.account import organisation
from tanpuhui.transparency import verify_certificate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
Run = Callable[..., tuple[int, Any]]


@pytest.fixture()
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command on the tests' database; answers its exit status and what it printed as JSON."""
    monkeypatch.setattr(main, "start_database", lambda: None)

    def command(*given_words: object) -> tuple[int, Any]:
        status = main.status_of([*map(str, given_words), "--json"])
        return status, json.loads(capsys.readouterr().out)

    return command


@pytest.fixture()
def desk(run: Run, tmp_path: Path) -> tuple[str, ...]:
    """The words by which a verifier names what is published."""
    run("credential", "issuer", "--out", tmp_path / "issuer.json")
    _, said = run("credential", "status-list")
    return ("--issuer", str(tmp_path / "issuer.json"), "--status-list", said["lists"][0]["file"])


def grant_of_today() -> int:
    now = utc_now() - timedelta(minutes=1)
    return give(open_account(at=now), terms("bank"), at=now, method="test").pk


def certificate() -> str:
    acme = organise("company", "acme", name_zh="甲公司", name_en="Acme", at=utc_now())
    given(organisation(acme.pk), new_lot(5), 5)
    return "C000001-95"


def code_of(answer: tuple[int, Any]) -> str:
    status, said = answer
    assert status == 2, said
    return str(said["refused"]["code"])


def test_a_bound_statement_is_issued_shown_in_part_and_checked_elsewhere(
    run: Run, desk: tuple[str, ...], tmp_path: Path
) -> None:
    whole, tier = tmp_path / "whole.json", tmp_path / "tier.json"
    holder = tmp_path / "holder.jwk"
    assert run("credential", "holder-key", "--out", holder)[0] == 0
    assert holder.stat().st_mode & 0o777 == 0o600
    public = f"{holder}.public"
    assert "d" not in json.loads(Path(public).read_text())

    status, said = run(
        "credential", "issue", f"grant:{grant_of_today()}", "--holder-key", public, "--out", whole
    )
    shown = ("--disclose", "tier", "--holder-key", holder, "--audience", "bank", "--nonce", "77")
    assert run("credential", "present", whole, *shown, "--out", tier)[0] == 0

    assert (status, said["status"], said["steps"]) == (0, "valid", [])
    asked = ("--audience", "bank", "--nonce", "77")
    status, found = run("verify", tier, *desk, *asked)
    assert (status, found["holds"]) == (0, True)
    [one] = found["proved"]
    assert (one["record"]["tier"], one["checked"]["holder"]) == (None, "proved")
    assert "balance" not in one["record"]
    assert run("credential", "verify", tier, *desk, *asked) == (0, found)
    # The single file says the same, in a process of its own.
    done = subprocess.run(
        [sys.executable, str(verify_certificate.__file__), str(tier), *desk, *asked],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == found
    assert (
        code_of(run("verify", tier, *desk, "--audience", "bank", "--nonce", "78")) == "credential.nonce_wrong"
    )
    assert code_of(run("verify", whole, *desk, *asked)) == "credential.key_binding_missing"
    assert code_of(run("verify", tier, *desk[:2], *asked)) == "credential.status_list_missing"
    assert code_of(run("verify", tier)) == "verify.policy_unknown"


def test_each_step_is_in_the_list_and_in_the_audit_with_its_reason(
    run: Run, desk: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "whole.json"
    _, said = run("credential", "issue", f"grant:{grant_of_today()}", "--out", file)
    number = said["credential"]
    asked = (*desk, "--audience", "bank")
    assert run("verify", file, *asked)[0] == 0

    assert run("credential", "suspend", number, "--reason", "looked at")[1]["status"] == "suspended"
    assert code_of(run("verify", file, *asked)) == "credential.suspended"
    assert run("credential", "restore", number, "--reason", "all well")[1]["status"] == "valid"
    assert run("verify", file, *asked)[0] == 0
    pause(Grant.objects.get().pk, at=utc_now(), method="test")
    assert run("credential", "suspend", number, "--reason", "looked at")[1]["status"] == "suspended"
    paused = run("credential", "restore", number, "--reason", "all well")[1]
    assert (paused["status"], paused["steps"][-1]["by"]) == ("suspended", "consent")
    assert code_of(run("verify", file, *asked)) == "credential.suspended"
    assert (
        code_of(run("credential", "restore", number, "--reason", "no")) == "credential.suspension_of_another"
    )
    assert run("credential", "revoke", number, "--reason", "issued by mistake")[1]["status"] == "revoked"
    assert code_of(run("verify", file, *asked)) == "credential.revoked"
    assert (
        code_of(run("credential", "restore", number, "--reason", "no")) == "credential.status_cannot_follow"
    )

    entries = AuditEntry.objects.filter(object_kind="credential", object_key=str(number)).order_by("pk")
    assert [(one.verb, one.reason) for one in entries] == [
        ("credential.issue", ""),
        ("credential.suspend", "looked at"),
        ("credential.restore", "all well"),
        ("credential.suspend", "looked at"),
        ("credential.restore", "all well"),
        ("credential.revoke", "issued by mistake"),
    ]
    _, shown = run("credential", "show", number)
    assert [one["state"] for one in shown["steps"]] == [
        "suspended",
        "valid",
        "suspended",
        "valid",
        "suspended",
        "revoked",
    ]
    assert [one["credential"] for one in run("credential", "show")[1]] == [number]


def test_a_certificate_is_issued_once_and_its_tonnes_are_shown_alone(
    run: Run, desk: tuple[str, ...], tmp_path: Path
) -> None:
    number, file, part = certificate(), tmp_path / "c.json", tmp_path / "t.json"
    retired = ("--amount-t", 2, "--beneficiary", "Marathon", "--purpose", "travel")
    assert run("offset", "retire", "--company", "acme", "--jurisdiction", "demo", *retired)[0] == 0

    status, said = run("credential", "issue", number, "--out", file)
    assert (status, said["subject"]) == (0, f"certificate:{number}")
    assert run("credential", "issue", number)[1]["credential"] == said["credential"]
    run("credential", "present", file, "--disclose", "tonnes", "--out", part)

    [one] = run("verify", part, *desk)[1]["proved"]
    assert (one["record"]["tonnes"], one["checked"]["log"]) == (2, "not shown")
    assert b"Marathon" not in part.read_bytes()
    assert code_of(run("verify", part, *desk, "--needs-log")) == "credential.log_proof_missing"
    assert code_of(run("verify", file, *desk)) == "credential.log_proof_missing"


def test_an_account_is_taken_elsewhere_with_its_record(
    run: Run, desk: tuple[str, ...], tmp_path: Path
) -> None:
    account = open_account(at=utc_now())
    file = tmp_path / "account.json"

    assert run("credential", "issue", f"account:{account}", "--out", file)[0] == 0

    record = tmp_path / "record.json"
    [one] = run("verify", file, *desk, "--record", record)[1]["proved"]
    assert (one["record"]["account"], one["record"]["acts"]) == (account, 0)
    assert one["record"]["balance"] == {"certified_mg": 0, "pending_mg": 0, "retired_mg": 0}
    record.write_text(record.read_text() + " ")
    assert code_of(run("verify", file, *desk, "--record", record)) == "transparency.proof_invalid"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("issue", "lot:1"), "credential.not_a_subject"),
        (("issue", "grant:x"), "credential.not_a_subject"),
        (("issue", "grant:404"), "disclosure.unknown_grant"),
        (("issue", "C000404-59"), "credential.not_a_subject"),
        (("show", 404), "credential.unknown"),
        (("revoke", 404, "--reason", "x"), "credential.unknown"),
        (("revoke", 1), "cli.usage"),
        (("present", "nowhere.json"), "credential.cannot_read"),
        (("holder-key", "--out", "/nowhere/x"), "credential.cannot_write"),
    ],
)
def test_what_cannot_be_is_refused_with_a_code(run: Run, words: tuple[object, ...], code: str) -> None:
    assert code_of(run("credential", *words)) == code
