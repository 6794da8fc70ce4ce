"""Help: every command shows it, with an example, before any database is there."""

from __future__ import annotations

import re
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
    "baseline mobility",
    "challenge announce",
    "challenge show",
    "challenge tally",
    "close",
    "close due",
    "close list",
    "close replay",
    "close stations",
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
    "evidence take-all",
    "evidence weighing declare",
    "evidence weighing list",
    "evidence work",
    "federation ask",
    "federation asks",
    "federation certify",
    "federation demo",
    "federation findings",
    "federation inbox",
    "federation key end",
    "federation key list",
    "federation key new",
    "federation link end",
    "federation link list",
    "federation outbox",
    "federation peer add",
    "federation peer distrust",
    "federation peer enable",
    "federation peer list",
    "federation peer move",
    "federation peer stop",
    "federation peer trust",
    "federation recognise",
    "federation reconcile",
    "federation refuse",
    "federation replay",
    "federation send",
    "grant give",
    "grant show",
    "grant withdraw",
    "jurisdiction check",
    "jurisdiction diff",
    "jurisdiction show",
    "integrity confirm",
    "integrity held",
    "integrity hold",
    "integrity look",
    "integrity release",
    "integrity run",
    "ledger check",
    "ledger detach",
    "ledger months",
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
    "market accept",
    "market admit",
    "market auctions",
    "market bid",
    "market buy",
    "market cancel",
    "market clear",
    "market decline",
    "market expire",
    "market list",
    "market listings",
    "market members",
    "market open-auction",
    "market prices",
    "market proposals",
    "market propose",
    "market suspend",
    "market take",
    "market trades",
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
    "pool close-round",
    "pool list",
    "pool members",
    "pool offer",
    "pool open",
    "pool open-round",
    "pool pay-out",
    "pool rounds",
    "pool sell",
    "pool settle",
    "pool show",
    "pool take-back",
    "pool withdrawals",
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
    "programme join",
    "programme open",
    "programme settle",
    "programme show",
    "programme unseal",
    "programme verify",
    "programme window",
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


GROUPS = sorted({command.rpartition(" ")[0] for command in COMMANDS if " " in command})


@pytest.mark.slow
def test_every_command_has_help_with_an_example_and_needs_no_database_for_it() -> None:
    shown = shown_of(COMMANDS)

    assert [command for command, text in shown.items() if "Example" not in text] == []


@pytest.mark.slow
def test_every_list_of_commands_says_what_each_does() -> None:
    lists = shown_of(GROUPS)

    assert all("Commands" in text for text in lists.values())
    # A line of the list with a name and nothing after it.
    bare = {group: re.findall(r"^│ (\S+) +│$", text, re.MULTILINE) for group, text in lists.items()}
    assert {group: names for group, names in bare.items() if names} == {}


def shown_of(commands: list[str]) -> dict[str, str]:
    """What each prints with ``--help``, in one process that has no database."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *commands],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )
    assert done.returncode == 0, done.stderr
    parts = (part.partition(">>") for part in done.stdout.split("<<")[1:])
    shown = {command: text for command, _, text in parts}
    assert sorted(shown) == sorted(commands)
    return shown
