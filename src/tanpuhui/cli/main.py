"""The ``tanpuhui`` command: its groups, what its exit status means, and how a refusal is shown.

Exit status: 0 done, 1 our fault, 2 refused, 3 done with findings.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

from cyclopts import App, CycloptsError

from tanpuhui.cli.start import start_database
from tanpuhui.cli.whole_number import take_whole_numbers_as_written
from tanpuhui.kit.files import DiskFull
from tanpuhui.kit.home import home
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.time_limit import time_limit_in

REFUSED = 2
#: PostgreSQL's code for a full disk.
DISK_FULL = "53100"
OUR_FAULT = 1

#: Groups that work without a database.
WITHOUT_DATABASE = {
    "methodology",
    "baseline",
    "jurisdiction",
    "demo",
    "database",
    "backup",
    "doctor",
    "send",
    "serve",
    "verify",
    "witness",
    "--help",
    "-h",
    "--version",
}
#: Commands of other groups that do.
ALONE = (
    ["credential", "present"],
    ["credential", "holder-key"],
    ["credential", "verify"],
    ["offset", "cap"],
    ["integrity", "run"],
    ["verification", "key"],
    ["verification", "sign"],
    ["federation", "demo"],
)

take_whole_numbers_as_written()
app = App(
    name="tanpuhui",
    help="Personal carbon accounts: from providers' files to reductions in residents' accounts.",
    help_epilogue="Exit status: 0 done, 1 our fault, 2 refused, 3 done with findings.",
    version_flags=["--version"],
    result_action="return_value",
)
app.command(
    "tanpuhui.cli.methodology:app",
    name="methodology",
    help="Check, list, show, explain and seal methodologies.",
)
app.command(
    "tanpuhui.cli.baseline:app",
    name="baseline",
    help="Fit what a home would have used from its own reads and the weather, and what was saved.",
)
app.command(
    "tanpuhui.cli.jurisdiction:app",
    name="jurisdiction",
    help="Check, show and compare the dated rules of jurisdictions.",
)
app.command(
    "tanpuhui.cli.integrity:app",
    name="integrity",
    help="Show what schemes issue in a synthetic city of known truth; look for patterns of fraud.",
)
app.command("tanpuhui.cli.account:app", name="account", help="Open and show residents' accounts.")
app.command(
    "tanpuhui.cli.breach:app",
    name="breach",
    help="Write down breaches of personal information, and whom they were told.",
)
app.command(
    "tanpuhui.cli.retention:app", name="retention", help="Delete what is kept longer than its purpose needs."
)
app.command("tanpuhui.cli.grant:app", name="grant", help="Give, withdraw and show residents' grants.")
app.command(
    "tanpuhui.cli.evidence:app", name="evidence", help="Take providers' files; every row is accounted for."
)
app.command(
    "tanpuhui.cli.send:app",
    name="send",
    help="Send a provider's file to a platform, signed; make the key with 'send keygen'.\n\n"
    "Example: tanpuhui send monday.csv --url https://carbon.example --provider blue-bikes --key-file blue-bikes.pem",
)
app.command(
    "tanpuhui.cli.close:app",
    name="close",
    help="Close a day, or replay a close from its manifest.\n\nExample: tanpuhui close 2018-09-01",
)
app.command("tanpuhui.cli.lot:app", name="lot", help="Certify reductions into a lot with a serial range.")
app.command(
    "tanpuhui.cli.programme:app",
    name="programme",
    help="Saving programmes of homes: hold-out, windows, settled periods under the pooled bound.",
)
app.command(
    "tanpuhui.cli.verification:app",
    name="verification",
    help="Verify a lot before it is certified: sample, findings, projection, signed statement.",
)
app.command(
    "tanpuhui.cli.statistics:app",
    name="statistics",
    help="Publish a month's statistics that reveal nobody: with noise and a budget, or with small numbers left out.",
)
app.command(
    "tanpuhui.cli.registry:app",
    name="registry",
    help="Look serial numbers up, and export lots for other registries.",
)
app.command(
    "tanpuhui.cli.offset:app",
    name="offset",
    help="A company's cap, and what it reserves and surrenders under it.",
)
app.command(
    "tanpuhui.cli.ledger:app",
    name="ledger",
    help="Check every invariant of the ledger, and let old months go to files.",
)
app.command(
    "tanpuhui.cli.statement:statement",
    name="statement",
    help="Show a resident's statement, now or at a time.\n\n"
    "Example: tanpuhui statement 1 --at 2026-11-24T12:00:00+08:00 --json",
)
app.command(
    "tanpuhui.cli.points:app",
    name="points",
    help="The second book: what sponsors fund and owe, conversion, and settlement.",
)
app.command(
    "tanpuhui.cli.money:app",
    name="money",
    help="Money of organisations: deposits, withdrawals, balances, and bank statements.",
)
app.command(
    "tanpuhui.cli.market:app",
    name="market",
    help="Trade whole tonnes between organisations: list, negotiate, auction; prices.",
)
app.command("tanpuhui.cli.offer:app", name="offer", help="Publish, show and stop offers.")
app.command(
    "tanpuhui.cli.redeem:app",
    name="redeem",
    help="Redeem points: hold, capture, release, refund; codes and their check.",
)
app.command(
    "tanpuhui.cli.pool:app",
    name="pool",
    help="Pools: residents' reductions sold as whole tonnes, and paid out to them.",
)
app.command(
    "tanpuhui.cli.federation:app",
    name="federation",
    help="Speak with other platforms: a district with its city, a city with another one.",
)
app.command(
    "tanpuhui.cli.log:app",
    name="log",
    help="The log of what was certified: keep it, show it, and give proofs from it.",
)
app.command(
    "tanpuhui.cli.audit:audit",
    name="audit",
    help="Compute again everything that was certified, and name every row that was touched since.\n\n"
    "Example: tanpuhui audit --seen checkpoint-of-a-witness --json",
)
app.command(
    "tanpuhui.cli.verify:verify",
    name="verify",
    help="Check what a receipt, certificate or credential proves, without network and database.\n\n"
    "Example: tanpuhui verify share.json --policy policy.txt",
)
app.command(
    "tanpuhui.cli.witness:app",
    name="witness",
    help="Be a witness of logs, in a home and with a key of its own.",
)
app.command(
    "tanpuhui.cli.credential:app",
    name="credential",
    help="Credentials: issue, show, revoke, suspend, restore; their status lists; show a part of one.",
)
app.command("tanpuhui.cli.session:app", name="session", help="End sessions, one user's or everybody's.")
app.command(
    "tanpuhui.cli.challenge:app", name="challenge", help="Announce, count and show a city's challenges."
)
app.command(
    "tanpuhui.cli.request:app", name="request", help="List and answer what people ask about their own record."
)
app.command(
    "tanpuhui.cli.serve:serve",
    name="serve",
    help="Serve the pages of this installation.\n\nExample: tanpuhui serve --port 8000 --workers 2",
)
app.command(
    "tanpuhui.cli.demo.command:demo",
    name="demo",
    help="Run a small synthetic city whose truth is known, from providers' files to a certified lot.\n\n"
    "Exit status 3 when anything planted was not found or the honest total was not credited to the milligram.\n\n"
    "Example: tanpuhui demo --residents 500 --days 3 --json",
)


def status_of(given: list[str]) -> int:
    """Run one command; a refusal is printed with its code, facts and next step, and gives 2."""
    as_json = "--json" in given
    try:
        if _needs_database(given):
            start_database()
        answer = app(given, exit_on_error=False, print_error=False)
    except Refusal as refusal:
        _show_refusal(refusal.as_json(), as_json=as_json)
        return REFUSED
    except CycloptsError as error:
        _show_refusal(
            {"code": "cli.usage", "message": f"{error} See 'tanpuhui --help'.", "facts": {}}, as_json=as_json
        )
        return REFUSED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUR_FAULT
    except Exception as error:
        known = DiskFull(folder=home()) if _is_disk_full(error) else time_limit_in(error)
        if known is None:
            raise
        _show_refusal(known.as_json(), as_json=as_json)
        return REFUSED
    return answer if isinstance(answer, int) else 0


def _is_disk_full(error: BaseException) -> bool:
    """Whether the machine, the database or the engine said that there is no room left on a disk."""
    causes = [error, error.__cause__, error.__context__]
    return any(
        getattr(cause, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        or getattr(cause, "sqlstate", None) == DISK_FULL
        for cause in causes
    )


def _needs_database(given: list[str]) -> bool:
    alone = not given or given[0] in WITHOUT_DATABASE or given[:2] in ALONE
    return not alone and not {"--help", "-h"} & set(given)


def _show_refusal(refusal: dict[str, Any], *, as_json: bool) -> None:
    from tanpuhui.cli.output import errors, print_json

    if as_json:
        print_json({"refused": refusal})
    errors.print(f"[bold red]Refused[/] [dim]{refusal['code']}[/]", highlight=False)
    errors.print(refusal["message"], highlight=False, markup=False)
