"""The commands of the guide run as they are printed, with files as they are handed over at a desk."""

from __future__ import annotations

import json
import shlex
import zlib
from pathlib import Path

import pytest

from tanpuhui.cli.main import app
from tanpuhui.kit.digest import digest_bytes
from tanpuhui.transparency import verify_certificate
from tanpuhui.transparency.credentials.issue import issue
from tanpuhui.transparency.credentials.key import metadata
from tanpuhui.transparency.credentials.kinds import PORTABILITY
from tanpuhui.transparency.credentials.present import bind
from transparency.credentials.desk import (
    HOLDER,
    KEY,
    NAME,
    NOW,
    POLICY,
    URI,
    balance,
    certificate,
    status_list,
)

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "check-a-credential.md"
BLOCKS = [block.strip("\n").split("\n") for block in GUIDE.read_text(encoding="utf-8").split("```")[1::2]]
LINES = [line.partition("#")[0].strip() for block in BLOCKS for line in block]
CHECKS = [line for line in LINES if line.startswith("python ")]
COMMANDS = [line for line in LINES if line.startswith("tanpuhui ")]


@pytest.fixture()
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the guide names, at the moment for which they are good."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verify_certificate.time, "time", lambda: float(NOW))
    record = b'{"acts": []}'
    taken = issue(
        {
            "iss": NAME,
            "vct": PORTABILITY,
            "status": {"status_list": {"idx": 1, "uri": URI}},
            "record_digest": digest_bytes(record),
        },
        KEY,
    )
    files = {
        "issuer.json": json.dumps(metadata(NAME, KEY)).encode(),
        "status-list-1": status_list().encode(),
        "policy": POLICY.encode(),
        "record.json": record,
        "account-portability.sd-jwt.json": taken.text().encode(),
        "certificate.pdf": b"%PDF-1.7\nstream\n"
        + zlib.compress(certificate().text().encode())
        + b"\nendstream\n",
        "statement.sd-jwt.json": balance().text().encode(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize("line", CHECKS)
def test_each_check_of_the_guide_holds(line: str, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(line)[2:]
    if "--nonce" in words:
        nonce = words[words.index("--nonce") + 1]
        shown = bind(balance(holder=HOLDER), HOLDER, audience="bank", nonce=nonce, at_s=NOW)
        (desk / "statement.sd-jwt.json").write_text(shown.text())

    assert verify_certificate.main(words) == 0

    assert json.loads(capsys.readouterr().out)["proved"][0]["checked"]["status"] == "valid"
    (desk / "status-list-1").write_text(status_list(at_s=NOW - 90_000))
    assert verify_certificate.main(words) == 2
    assert "download it again" in capsys.readouterr().err


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_of_the_guide_is_one(line: str) -> None:
    function, bound, _ = app.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)

    assert function.__module__.startswith("tanpuhui.cli.")
    assert bound is not None


def test_the_guide_has_both() -> None:
    assert (len(CHECKS), len(COMMANDS)) == (4, 13)
