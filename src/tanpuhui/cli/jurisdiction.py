"""``tanpuhui jurisdiction``: check the files of rules, show what is in force on a day, and what a change changes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.days import parse_day
from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.home import content
from tanpuhui.kit.moment import local_day, to_us, utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify import rule_changes
from tanpuhui.quantify.jurisdiction import (
    Jurisdiction,
    known_jurisdictions,
    load_jurisdiction,
    read_jurisdiction,
)
from tanpuhui.quantify.rule_tables import BadJurisdiction

DONE, REFUSED, FINDINGS = 0, 2, 3

app = App(name="jurisdiction", help="Check, show and compare the dated rules of jurisdictions.")

Root = Annotated[Path | None, Parameter(help="Folder of jurisdictions; this installation's when left out.")]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]


class NothingToCompare(Refusal):
    code = "jurisdiction.nothing_to_compare"
    message = "Give two days (--from DAY --to DAY), or an earlier file (--against FILE), and not both."


class NoSuchFile(Refusal):
    code = "jurisdiction.no_such_file"
    message = "There is no file {file}. Name an earlier version of the jurisdiction's file."


class NoFiles(Refusal):
    code = "jurisdiction.no_files"
    message = "There are no jurisdictions in {root}. Name the folder that has their .toml files."


@app.command
def check(code: str | None = None, /, *, root: Root = None, as_json: Json = False) -> int:
    """Load every jurisdiction and say what is wrong with it; exit status 2 if anything is.

    Example: tanpuhui jurisdiction check --json

    Parameters
    ----------
    code
        One jurisdiction; all of them when left out.
    """
    codes = [code] if code else known_jurisdictions(root)
    if not codes:
        raise NoFiles(root=str(root or content("jurisdictions")))
    rows = [_checked(each, root) for each in codes]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            _print_checked(row)
    return DONE if all(row["sound"] for row in rows) else REFUSED


@app.command
def show(
    code: str, /, *, on: str | None = None, every: bool = False, root: Root = None, as_json: Json = False
) -> int:
    """Show the rules in force on a day, each with its days, status and source.

    Example: tanpuhui jurisdiction show shanghai --on 2025-11-01

    Parameters
    ----------
    code
        The jurisdiction.
    on
        A local day, YYYY-MM-DD; today when left out.
    every
        Show rules of all days.
    """
    jurisdiction = load_jurisdiction(code, root)
    day = parse_day(on, "--on") if on else local_day(to_us(utc_now()), jurisdiction.zone)
    found = (
        list(rule_changes.named_rules(jurisdiction)) if every else rule_changes.in_force(jurisdiction, day)
    )
    if as_json:
        print_json(
            {
                "jurisdiction": jurisdiction.code,
                "title": jurisdiction.title,
                "parent": jurisdiction.parent or None,
                "zone": jurisdiction.zone,
                "digest": jurisdiction.digest,
                "on": None if every else day.isoformat(),
                "rules": [named.as_json() for named in found],
            }
        )
        return DONE
    table = Table("Table", "From", "To", "Rule", "Status", "Source")
    for named in found:
        row = named.rule.as_json()
        table.add_row(
            named.table, row["from"], row["to"] or "", _said(named.rule.content), row["status"], row["source"]
        )
    console.print(table)
    when = "of all days" if every else f"in force on {day}"
    console.print(
        f"{jurisdiction.title['en']}: {len(found)} rules {when}. {jurisdiction.digest}", highlight=False
    )
    return DONE


@app.command
def diff(
    code: str,
    /,
    *,
    first: Annotated[str | None, Parameter(name="--from")] = None,
    second: Annotated[str | None, Parameter(name="--to")] = None,
    against: Path | None = None,
    on: str | None = None,
    root: Root = None,
    as_json: Json = False,
) -> int:
    """What changes from one day to another, or from an earlier version of the file to this one.

    Against a file, a change that touches a day already past is a finding: exit status 3.

    Example: tanpuhui jurisdiction diff shanghai --from 2025-03-31 --to 2025-11-01

    Parameters
    ----------
    code
        The jurisdiction.
    first
        The earlier day, YYYY-MM-DD.
    second
        The later day.
    against
        An earlier version of the file, under its own name: .../shanghai.toml.
    on
        The day before which everything is past; today when left out.
    """
    jurisdiction = load_jurisdiction(code, root)
    if (against is None) == (first is None or second is None):
        raise NothingToCompare()
    if against is not None:
        today = parse_day(on, "--on") if on else local_day(to_us(utc_now()), jurisdiction.zone)
        changes = rule_changes.between_versions(_earlier(against, root), jurisdiction, on=today)
    else:
        assert first is not None
        assert second is not None
        changes = rule_changes.between_days(
            jurisdiction, parse_day(first, "--from"), parse_day(second, "--to")
        )
    rewritten = any(change.rewrites_past for change in changes)
    if as_json:
        rows = [change.as_json() for change in changes]
        print_json({"jurisdiction": code, "changes": rows, "rewrites_past": rewritten})
    else:
        _print_changes(changes)
    return FINDINGS if rewritten else DONE


def _earlier(file: Path, root: Path | None) -> Jurisdiction:
    if not file.is_file():
        raise NoSuchFile(file=file)
    return read_jurisdiction(file, root or content("jurisdictions"))


def _checked(code: str, root: Path | None) -> dict[str, Any]:
    row: dict[str, Any] = {"jurisdiction": code, "sound": False}
    try:
        jurisdiction = load_jurisdiction(code, root)
        _refuse_unknown_methodologies(jurisdiction)
    except BadJurisdiction as refusal:
        return {**row, "refusal": refusal.as_json()}
    statuses = Counter(rule.status for _, rule in jurisdiction.every_rule())
    return {
        "jurisdiction": code,
        "sound": True,
        "parent": jurisdiction.parent or None,
        "digest": jurisdiction.digest,
        "rules": statuses.total(),
        "scenes": len(jurisdiction.scenes),
        "statuses": dict(sorted(statuses.items())),
    }


def _refuse_unknown_methodologies(jurisdiction: Jurisdiction) -> None:
    known = {methodology.code for methodology in load_library().all()}
    for scene in jurisdiction.scenes:
        if scene.methodology not in known:
            raise BadJurisdiction(
                file=f"{jurisdiction.code}.toml",
                key=f"scenes of {scene.kind}",
                problem=f"{scene.methodology} is not in the library.",
                repair="Name one that 'tanpuhui methodology list' has.",
            )


def _print_checked(row: dict[str, Any]) -> None:
    if row["sound"]:
        statuses = ", ".join(f"{count} {status}" for status, count in row["statuses"].items())
        console.print(f"[green]sound[/]   {row['jurisdiction']}: {row['scenes']} scenes; rules: {statuses}")
        return
    console.print(f"[red]refused[/] {row['jurisdiction']}")
    console.print(f"  {row['refusal']['code']}: {row['refusal']['message']}", style="red", markup=False)


def _print_changes(changes: list[rule_changes.Change]) -> None:
    for change in changes:
        past = " [bold red]rewrites the past[/]" if change.rewrites_past else ""
        console.print(f"[bold]{change.what}[/] {change.table} {change.name}{past}", highlight=False)
        for when, side in (("then", change.then), ("now ", change.now)):
            if side:
                row = side.as_json()
                said = f"  {when} {row['from']} to {row['to'] or 'now on'}: {_said(side.content)} ({side.status})"
                console.print(said, markup=False, highlight=False)
    console.print(f"{len(changes) or 'No'} changes.")


def _said(content: dict[str, Any]) -> str:
    return "; ".join(f"{name} {_one(value)}" for name, value in content.items() if value is not None)


def _one(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['zh']} / {value['en']}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
