"""``tanpuhui audit``: compute again everything that was certified and compare it with the log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.cli.progress import WATCHED, Watching

FINDINGS = 3


def audit(
    *,
    seen: list[Path] | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    watching: Watching = WATCHED,
) -> int:
    """Compare the database, the files of closes and the log, and name every row that was edited, deleted or inserted.

    Exit status 3 when there are any. Give it a checkpoint that a witness kept, so that a log that was written anew is
    found too.

    Example: tanpuhui audit --seen checkpoint-of-a-witness --json

    Parameters
    ----------
    seen
        Files with checkpoints of this log that somebody else kept.
    as_json
        Print {"ok", "findings", "checked"}.
    """
    from django.db import connection, transaction

    from tanpuhui.cli.log import read_text
    from tanpuhui.cli.places import places
    from tanpuhui.notary import installation
    from tanpuhui.notary.audit import asked
    from tanpuhui.notary.audit import audit as compare
    from tanpuhui.pooling import invariants as pooling

    texts = [read_text(path) for path in seen or []]
    with watching.told(as_json=as_json) as report, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        audited = compare(
            installation.log(),
            places(),
            seen=texts,
            also=[asked("pooling", pooling.check)],
            report=report,
        )
    return show(audited, as_json=as_json)


def show(audited: Any, *, as_json: bool) -> int:
    """Print findings; answers the exit status."""
    findings = [finding.as_json() for finding in audited.findings]
    if as_json:
        print_json({"ok": not findings, "findings": findings, "checked": dict(audited.checked)})
        return FINDINGS if findings else 0
    if findings:
        table = Table("What must hold", "Table", "Row", "Found", title="The first is where to look first")
        for one in findings:
            table.add_row(one["invariant"], one["table"], one["key"], one["found"])
        console.print(table)
    looked_at = ", ".join(f"{count:,} {name}" for name, count in audited.checked.items())
    console.print(f"Looked at {looked_at}: {len(findings) or 'no'} findings.")
    return FINDINGS if findings else 0
