"""``tanpuhui ledger``: check every invariant of the ledger on the live database; let old months go to files."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.cli.progress import WATCHED, Watching

FINDINGS = 3

app = App(name="ledger", help="Check every invariant of the ledger, and let old months go to files.")


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

    from tanpuhui.ledger.every_month import every_month
    from tanpuhui.ledger.invariants import counts, exceptions_of, invariants, unread
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
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with every_month(connection, report=report) as everything:
            found = [*unread(everything), *exceptions_of(connection, [*invariants(), *others], report)]
            checked = counts(connection)
        findings = [finding.as_json() for finding in found]
        checked["invariants"] += len(others)
        if everything.from_files:
            checked["postings_from_files"] = everything.from_files
    if as_json:
        print_json({"ok": not findings, "findings": findings, "checked": checked})
    else:
        _show(findings, checked)
    return FINDINGS if findings else 0


@app.command
def detach(
    month: str | None = None,
    /,
    *,
    older_than: Annotated[int, Parameter(validator=Number(lte=1200))] = 12,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    watching: Watching = WATCHED,
) -> int:
    """Let what closes credited in a month that is over go from the database to a file, as the owner of the tables.

    Statements, balances and checks read the file from then on. It is whole and compared with the table before
    anything goes; every leg must be sealed in the log, and months go in order. Files are below
    TANPUHUI_HOME/ledger: copies of the installation have them, and without them old statements are refused.

    Example: tanpuhui ledger detach 2025-10 --json

    Parameters
    ----------
    month
        The month, as 2025-10; without one, all that are old enough, the oldest first.
    older_than
        How many whole months must have gone by since the month's end: 2 or more.
    as_json
        Print {"months", "room_is_back"} instead of lines.
    """
    from tanpuhui.cli.owner import become_owner
    from tanpuhui.kit.moment import utc_now
    from tanpuhui.notary.detach import detach_and_give_back, may_go
    from tanpuhui.registry.month import days_of

    become_owner()
    at = utc_now()
    wanted = [days_of(month)[0]] if month is not None else may_go(at=at, older_than=older_than)
    gone, is_back = [], True
    with watching.told(as_json=as_json) as report:
        for each in wanted:
            detached, given_back = detach_and_give_back(each, at=at, older_than=older_than, report=report)
            is_back = is_back and given_back
            gone.append(
                {
                    "month": detached.name,
                    "legs": detached.legs,
                    "bytes": detached.bytes,
                    "file": str(detached.path),
                }
            )
    if as_json:
        print_json({"months": gone, "room_is_back": is_back})
        return 0
    for one in gone:
        console.print(
            "{month}: {legs:,} legs, {bytes:,} bytes in {file}.".format_map(one),
            highlight=False,
            soft_wrap=True,
        )
    if not gone:
        console.print(f"No month is over for {older_than} months and in the table still.")
    if not is_back:
        console.print(
            "Somebody reads such a month: its room in the database is free once autovacuum went by."
        )
    return 0


@app.command(name="months")
def list_months(*, as_json: Annotated[bool, Parameter(name="--json", negative=())] = False) -> int:
    """List the months in which closes posted, with where their credits are: in the table, or in which file.

    Example: tanpuhui ledger months --json

    Parameters
    ----------
    as_json
        Print {"months": [{"month", "where", "legs", "bytes", "file"}]}; in the table legs and file are null.
    """
    from django.db import connection

    from tanpuhui.ledger.detach import bytes_in_table, in_table
    from tanpuhui.ledger.detached import months

    found: list[dict[str, Any]] = [
        {"month": one.name, "where": "file", "legs": one.legs, "bytes": one.bytes, "file": str(one.path)}
        for one in months(connection)
    ]
    found += [
        {
            "month": f"{one:%Y-%m}",
            "where": "table",
            "legs": None,
            "bytes": bytes_in_table(connection, one),
            "file": None,
        }
        for one in in_table(connection)
    ]
    if as_json:
        print_json({"months": found})
        return 0
    table = Table("Month", "Where", "Legs", "Bytes", "File", title="Months of closes")
    for one in found:
        legs = "" if one["legs"] is None else f"{one['legs']:,}"
        table.add_row(one["month"], one["where"], legs, f"{one['bytes']:,}", one["file"] or "")
    console.print(table)
    return 0


def _show(findings: list[dict[str, str]], checked: dict[str, int]) -> None:
    if findings:
        table = Table("Invariant", "Table", "Row", "Found", title="Rows that break an invariant")
        for finding in findings:
            table.add_row(finding["invariant"], finding["table"], finding["key"], finding["found"])
        console.print(table)
    looked_at = ", ".join(f"{count:,} {name}" for name, count in checked.items())
    console.print(f"Looked at {looked_at}: {len(findings) or 'no'} findings.")
