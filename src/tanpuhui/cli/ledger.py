"""``tanpuhui ledger``: check every invariant of the ledger on the live database."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.cli.progress import WATCHED, Watching

FINDINGS = 3

app = App(name="ledger", help="Check every invariant of the ledger.")


@app.command
def check(
    *, as_json: Annotated[bool, Parameter(name="--json", negative=())] = False, watching: Watching = WATCHED
) -> int:
    """Look for rows that break an invariant of the ledger, and name them. Exit status 3 when there are any.

    What was issued is compared with closes and lots too, so that a credit that no close gave is found; serial numbers
    with milligrams; what companies reserved and surrendered with their caps and the pool; money with
    what banks' statements say; what is offered on the market with holds, and trades with both their sides.

    Example: tanpuhui ledger check --json

    Parameters
    ----------
    as_json
        Print {"ok", "findings", "checked"} instead of a table.
    """
    from django.db import connection, transaction

    from tanpuhui.ledger.invariants import counts, exceptions_of, invariants
    from tanpuhui.market import invariants as market
    from tanpuhui.money import invariants as money
    from tanpuhui.offsetting import invariants as offsetting
    from tanpuhui.offsetting import ruled as offsetting_ruled
    from tanpuhui.points import invariants as points
    from tanpuhui.points import ruled as points_ruled
    from tanpuhui.pooling import invariants as pooling
    from tanpuhui.registry.reconcile import INVARIANTS

    others = [
        *INVARIANTS,
        *money.INVARIANTS,
        *market.INVARIANTS,
        *offsetting.INVARIANTS,
        *offsetting_ruled.invariants(),
        *points.invariants(),
        *points_ruled.invariants(),
        *pooling.INVARIANTS,
    ]
    with watching.told(as_json=as_json) as report, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        found = exceptions_of(connection, [*invariants(), *others], report)
        findings = [finding.as_json() for finding in found]
        checked = counts(connection)
        checked["invariants"] += len(others)
    if as_json:
        print_json({"ok": not findings, "findings": findings, "checked": checked})
    else:
        _show(findings, checked)
    return FINDINGS if findings else 0


def _show(findings: list[dict[str, str]], checked: dict[str, int]) -> None:
    if findings:
        table = Table("Invariant", "Table", "Row", "Found", title="Rows that break an invariant")
        for finding in findings:
            table.add_row(finding["invariant"], finding["table"], finding["key"], finding["found"])
        console.print(table)
    looked_at = ", ".join(f"{count:,} {name}" for name, count in checked.items())
    console.print(f"Looked at {looked_at}: {len(findings) or 'no'} findings.")
