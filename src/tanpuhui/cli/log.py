"""``tanpuhui log``: keep the log of what is certified, show it, and give proofs from it."""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.table import Table

from tanpuhui.cli import server
from tanpuhui.cli.output import console, errors, print_json
from tanpuhui.cli.progress import WATCHED, Watching
from tanpuhui.kit.files import write_bytes
from tanpuhui.kit.home import home
from tanpuhui.kit.progress import nobody
from tanpuhui.kit.refusal import Refusal

FINDINGS = 3
#: How often rows of the ledger are sealed by 'log work', in seconds; facts enter every round.
SEAL_EVERY_S = 60.0

Flag = Annotated[bool, Parameter(negative=())]
AsJson = Annotated[bool, Parameter(name="--json", negative=())]

app = App(name="log")


@app.command
def integrate(*, again: Flag = False, as_json: AsJson = False, watching: Watching = WATCHED) -> int:
    """Enter everything that is certified and not in the log yet, sign a checkpoint, and have it witnessed.

    Example: tanpuhui log integrate --json

    Parameters
    ----------
    again
        Write all files of the log again from the database first; refused where they would say something else.
    as_json
        Print {"new", "leaves", "witnesses", "trusted"}.
    """
    from tanpuhui.notary import installation
    from tanpuhui.notary.keep import keep_round
    from tanpuhui.transparency.log import write_again

    if again:
        write_again(installation.log())
    with watching.told(as_json=as_json) as report:
        done = keep_round(report=report)
    said = {
        "new": done.new,
        "leaves": done.size,
        "witnesses": {one.witness: one.problem or "cosigned" for one in done.asked},
        "trusted": done.trusted,
    }
    if as_json:
        print_json(said)
    else:
        console.print(
            f"{done.new:,} new, {done.size:,} leaves. {'Witnessed' if done.trusted else 'Not witnessed'}."
        )
        for name, answer in said["witnesses"].items():  # type: ignore[attr-defined]
            console.print(f"{name}: {answer}", highlight=False, markup=False)
    return 0


@app.command
def work(
    *,
    every_s: Annotated[float, Parameter(validator=Number(gte=0.1, lte=3600))] = 2.0,
    beside_server: Flag = False,
    watching: Watching = WATCHED,
) -> int:
    """Keep the log until it is stopped: a round every two seconds. It may be killed at any time; several may run.

    Example: tanpuhui log work --every-s 2

    Parameters
    ----------
    every_s
        Seconds between rounds.
    beside_server
        Stop when no server of this home runs any more.
    """
    from tanpuhui.notary.keep import keep_round

    sealed_at, said = 0.0, ""
    while not beside_server or server.running(home()) is not None:
        rows = time.monotonic() - sealed_at > SEAL_EVERY_S
        try:
            # The first round of a large installation is the long one.
            with nullcontext(nobody) if sealed_at else watching.told() as report:
                keep_round(rows=rows, report=report)
            problem = ""
        except Refusal as refusal:
            problem = str(refusal)
        if problem and problem != said:
            errors.print(problem, markup=False, highlight=False)
        said = problem
        if rows:
            sealed_at = time.monotonic()
        time.sleep(every_s)
    return 0


@app.command
def cosign(*, as_json: AsJson = False) -> int:
    """Show the newest checkpoint to the witnesses of the policy once more, without entering anything.

    Example: tanpuhui log cosign --json

    Parameters
    ----------
    as_json
        Print what each witness said.
    """
    from tanpuhui.notary import installation
    from tanpuhui.notary.keep import witness
    from tanpuhui.transparency.cosign import is_trusted

    said = {one.witness: one.problem or "cosigned" for one in witness()}
    trusted = is_trusted(installation.policy())
    if as_json:
        print_json({"witnesses": said, "trusted": trusted})
    else:
        for name, answer in said.items():
            console.print(f"{name}: {answer}", highlight=False, markup=False)
        console.print("The policy is met." if trusted else "The policy is not met.")
    return 0 if trusted else FINDINGS


@app.command
def show(*, as_json: AsJson = False) -> int:
    """The log: its key, its newest checkpoint, who cosigned it, and what has no leaf yet.

    Example: tanpuhui log show --json

    Parameters
    ----------
    as_json
        Print as JSON.
    """
    from tanpuhui.notary import installation
    from tanpuhui.notary.enter import waiting
    from tanpuhui.transparency.cosign import is_trusted
    from tanpuhui.transparency.log import latest

    log, last = installation.log(), latest()
    said: dict[str, Any] = {
        "origin": log.origin,
        "key": str(log.key.verifier),
        "leaves": last.size if last else 0,
        "root": bytes(last.root).hex() if last else None,
        "signed_at": last.signed_at.isoformat() if last else None,
        "witnesses": sorted(last.cosignatures.values_list("witness", flat=True)) if last else [],
        "trusted": last is not None and is_trusted(installation.policy()),
        "waiting": waiting(),
    }
    if as_json:
        print_json(said)
        return 0
    table = Table(show_header=False)
    for name, value in said.items():
        table.add_row(name, str(value))
    console.print(table)
    return 0


@app.command
def prove(
    kind: str,
    key: str,
    /,
    *,
    account: int | None = None,
    whole: Flag = False,
    out: Path | None = None,
    as_json: AsJson = False,
) -> int:
    """Give the receipt of a fact as JSON: what 'tanpuhui verify' and verify_certificate.py check offline.

    Example: tanpuhui log prove lot DEMO-000001 --account 1 --whole --out share.json

    Parameters
    ----------
    kind
        close, lot, far_lot, verification_statement, retirement, cancellation, surrender, annulment, replacement,
        statistics, private_statistics, credential_status, programme, programme_window, programme_period,
        programme_opening, erasure, detached_month, methodology or rules.
    key
        Which one: a lot's code, a manifest's digest, a number.
    account
        Of a lot: the share that this account was given, with the lot.
    whole
        Of a lot: in one file with all that was retired, surrendered or annulled of it.
    out
        The file to write; printed when left out.
    as_json
        Print a refusal as JSON too; the receipt is JSON in any case.
    """
    del as_json
    from tanpuhui.notary import installation
    from tanpuhui.notary.documents import receipt_of, share_of, whole_lot

    log = installation.log()
    if kind == "lot" and whole:
        document = whole_lot(log, key, account)
    elif kind == "lot" and account is not None:
        document = share_of(log, key, account)
    else:
        document = receipt_of(log, kind, key)
    if out is None:
        print_json(document)
    else:
        write_bytes(out, json.dumps(document, ensure_ascii=False, indent=2).encode())
    return 0


@app.command
def check(*, as_json: AsJson = False) -> int:
    """Compare the log with itself: database, files and every signed checkpoint. Exit status 3 when they differ.

    Example: tanpuhui log check --json

    Parameters
    ----------
    as_json
        Print {"ok", "findings", "checked"}.
    """
    from django.db import transaction

    from tanpuhui.cli.audit import show as show_findings
    from tanpuhui.notary import installation
    from tanpuhui.notary.audit import audit_log

    with transaction.atomic():
        return show_findings(audit_log(installation.log()), as_json=as_json)


@app.command
def policy(file: Path | None = None, /, *, as_json: AsJson = False) -> int:
    """Show whom the log asks to witness and whom verifiers are told to trust; or take another policy.

    Example: tanpuhui log policy policy.txt

    Parameters
    ----------
    file
        The new policy, as https://c2sp.org/tlog-policy has it; shown when left out.
    as_json
        Print {"policy"}.
    """
    from tanpuhui.notary import installation

    if file is not None:
        installation.set_policy(read_text(file))
    text = installation.policy_text()
    if as_json:
        print_json({"policy": text})
    elif file is None:
        console.print(text, end="", highlight=False, markup=False, soft_wrap=True)
    return 0


class NoSuchFile(Refusal):
    code = "log.no_such_file"
    message = "{path} cannot be read as text. Name a file that is there."


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise NoSuchFile(path=path) from None
