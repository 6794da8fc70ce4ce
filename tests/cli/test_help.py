"""Help: every command shows it, with an example, before any database is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

COMMANDS = [
    "account open",
    "audit",
    "account show",
    "baseline fit",
    "baseline hold-out draw",
    "baseline hold-out verify",
    "challenge announce",
    "challenge show",
    "challenge tally",
    "close",
    "close due",
    "close list",
    "close replay",
    "database migrate",
    "demo",
    "evidence check",
    "evidence contract add",
    "evidence key add",
    "evidence key list",
    "evidence key revoke",
    "evidence link",
    "evidence quarantine list",
    "evidence receipt",
    "evidence resubmit",
    "evidence sweep",
    "evidence take",
    "evidence work",
    "grant give",
    "grant show",
    "grant withdraw",
    "jurisdiction check",
    "jurisdiction diff",
    "jurisdiction show",
    "integrity run",
    "integrity look",
    "ledger check",
    "log check",
    "log cosign",
    "log integrate",
    "log policy",
    "log prove",
    "log show",
    "log work",
    "lot certify",
    "lot show",
    "methodology check",
    "methodology explain",
    "methodology list",
    "methodology seal",
    "methodology show",
    "methodology stale",
    "money balance",
    "money bank",
    "money cancel-withdrawal",
    "money deposit-reference",
    "money withdraw",
    "money withdrawals",
    "offer list",
    "offer publish",
    "offer show",
    "offer stop",
    "offset cap",
    "offset declare",
    "offset release",
    "offset replace",
    "offset reserve",
    "offset show",
    "offset surrender",
    "points convert",
    "points expire",
    "points fund",
    "points give",
    "points liability",
    "points settle",
    "points settlements",
    "points sponsor",
    "points sponsors",
    "points statement",
    "redeem capture",
    "redeem hold",
    "redeem key",
    "redeem refund",
    "redeem release",
    "redeem show",
    "redeem verify",
    "registry export cadtrust",
    "registry serial",
    "request done",
    "request list",
    "request refuse",
    "serve",
    "send",
    "send keygen",
    "session end",
    "session forget",
    "statement",
    "statistics publish",
    "statistics show",
    "verify",
    "witness name",
    "witness serve",
    "witness trust",
]
SCRIPT = """
import sys
from tanpuhui.cli.main import status_of
import tanpuhui.project.command
for command in sys.argv[1:]:
    print(f"<<{command}>>", flush=True)
    status_of([*command.split(), "--help"])
assert "django.db" not in sys.modules or not __import__("django.conf").conf.settings.configured
"""


@pytest.mark.slow
def test_every_command_has_help_with_an_example_and_needs_no_database_for_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *COMMANDS],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )

    assert done.returncode == 0, done.stderr
    shown = done.stdout.split("<<")[1:]
    assert len(shown) == len(COMMANDS)
    assert [text.split(">>")[0] for text in shown if "Example" not in text] == []
