"""``tanpuhui doctor``: look for what is wrong with this installation, from the disk upwards, and say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.home import home, lake
from tanpuhui.kit.refusal import Refusal
from tanpuhui.operation import machine
from tanpuhui.operation.finding import Finding

FINDINGS = 3
Flag = Annotated[bool, Parameter(negative=())]


def doctor(
    *, files: Flag = False, as_json: Annotated[bool, Parameter(name="--json", negative=())] = False
) -> int:
    """Look at disks, keys, the database, queues, the log and the files, and say what is wrong and what to do.

    It changes nothing, but writes a small file to each disk and removes it. Exit status 3 when something was found.

    Example: tanpuhui doctor --files --json

    Parameters
    ----------
    files
        Read every file of the lake and compare it with its digest; otherwise only whether it is there, and how large.
    as_json
        Print {"ok", "findings"}, each with "code", "severity" (wrong or soon), "found" and "next_step".
    """
    findings = list(look(files=files))
    if as_json:
        print_json({"ok": not findings, "findings": [finding.as_json() for finding in findings]})
        return FINDINGS if findings else 0
    if findings:
        table = Table("Found", "What to do", title=f"{home()}")
        for finding in findings:
            table.add_row(
                f"{finding.code}\n{finding.found}",
                finding.next_step,
                style="bold" if finding.is_wrong else "",
            )
        console.print(table)
    console.print(f"{len(findings) or 'Nothing'} found.")
    return FINDINGS if findings else 0


def look(*, files: bool = False) -> Iterator[Finding]:
    """Everything; where the database does not answer, that is the finding, and what needs none was looked at before."""
    folders = {"the home": home(), "the lake": lake()}
    yield from machine.room(folders)
    yield from machine.speed(folders)
    yield from machine.traces()
    try:
        from tanpuhui.project.database import prepare

        prepare()
    except Refusal as refusal:
        yield Finding(refusal.code, True, str(refusal), "Mend that, and run 'tanpuhui doctor' again.")
        return
    yield from machine.secrets(home())
    yield from _with_database(files=files)


def _with_database(*, files: bool) -> Iterator[Finding]:
    from django.db import connections

    from tanpuhui.kit.moment import utc_now
    from tanpuhui.operation import database, proof, work

    with connections["owner"].cursor() as cursor:
        yield from database.look(cursor, utc_now())
    with connections["default"].cursor() as cursor:
        yield from database.time_limits(cursor)
    yield from work.look(utc_now())
    yield from proof.log()
    yield from proof.files(lake(), digests=files)
