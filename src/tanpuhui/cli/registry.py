"""``tanpuhui registry``: serial numbers, exports for other registries, and what they or other markets count already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json

FINDINGS = 3

app = App(name="registry", help="Serial numbers, exports, the exclusion register and conflicts.")
export = App(name="export", help="Export lots for other registries.")
exclude = App(name="exclude", help="What other markets cover: nothing of it is certified here.")
conflicts = App(name="conflicts", help="Units of other registries that may be the same as ours.")
for _part in (export, exclude, conflicts):
    app.command(_part)

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]


@app.command
def serial(given: str, /, *, as_json: Json = False) -> int:
    """A serial number's lot, the state and hand it is in, and every move that brought it there.

    Example: tanpuhui registry serial DEMO-SHANGHAI.ROOFTOP-PV.1-2026-000000007 --json

    Parameters
    ----------
    given
        A serial number, as a whole number or as it is printed, or the code of a lot.
    """
    from tanpuhui.registry.history import history_of
    from tanpuhui.registry.lookup import find

    said = history_of(find(given)).as_json()
    if as_json:
        print_json(said)
        return 0
    annulled = f" [bold red]annulled: {said['annulled']}[/]" if said["annulled"] else ""
    console.print(
        f"Lot [bold]{said['lot']}[/], {said['methodology']}, {said['vintage']}{annulled}", highlight=False
    )
    table = Table("Serials", "t", "State", "Holder")
    for block in said["blocks"]:
        table.add_row(block["serials"], f"{block['tonnes']:,}", block["state"], block["holder"] or "")
    console.print(table)
    for move in said["history"]:
        hands = " to ".join(
            f"{end['holder'] or ''} {end['state']}".strip() for end in (move["from"], move["to"])
        )
        console.print(f"{move['at']} {move['verb']}: {move['serials']}, {hands}", highlight=False)
    return 0


@export.command
def cadtrust(*, site: str, model: int = 2, out: Path | None = None, as_json: Json = False) -> int:
    """Projects, issuances, units and labels in CAD Trust's data model, checked against its picklists.

    Exit status 3 when CAD Trust would refuse a record; the export is written all the same.

    Example: tanpuhui registry export cadtrust --site https://carbon.example --model 1 --out cadtrust.json

    Parameters
    ----------
    site
        Address of this platform, for links and identifiers.
    model
        Version of the data model: 1 or 2.
    out
        File to write; printed when left out.
    """
    from tanpuhui.kit.files import write_bytes
    from tanpuhui.registry.cadtrust import export as records
    from tanpuhui.registry.cadtrust_check import problems

    exported = records(model, site=site)
    found = [problem.as_json() for problem in problems(exported)]
    if out is not None:
        write_bytes(out, json.dumps(exported, ensure_ascii=False, indent=2).encode())
    if as_json or out is None:
        print_json({**({} if out else exported), "problems": found})
    else:
        counts = ", ".join(f"{len(rows)} {name}" for name, rows in exported.items() if name != "model")
        console.print(f"{out}: {counts or 'nothing'}; {len(found) or 'no'} problems.", highlight=False)
        for one in found:
            said = f"  {one['table']} {one['record']}, {one['field']}: {one['problem']}"
            console.print(said, highlight=False, markup=False)
    return FINDINGS if found else 0


@exclude.command(name="import")
def import_register(file: Path, /, *, as_json: Json = False) -> int:
    """Take a file of what other markets cover into the exclusion register: all of its lines, or none.

    Columns: kind (scope, project, place, organisation, meter), key, market (ets, ccer, green_certificate), from, to,
    clause, source. A meter is written provider:number, and only its keyed digest is kept.

    Example: tanpuhui registry exclude import ets-2026.csv --json

    Parameters
    ----------
    file
        A CSV file in UTF-8.
    """
    from django.db import transaction

    from tanpuhui.kit.moment import utc_now
    from tanpuhui.registry.exclusions import import_exclusions

    with transaction.atomic():
        found = import_exclusions(_there(file), at=utc_now())
    if as_json:
        print_json({"added": found.added, "known": found.known})
    else:
        console.print(f"{found.added} added, {found.known} known already.")
    return 0


@exclude.command(name="list")
def list_register(*, as_json: Json = False) -> int:
    """What other markets cover, as it stands now.

    Example: tanpuhui registry exclude list --json
    """
    from tanpuhui.registry.exclusions import register

    rows = [_exclusion(one) for one in register()]
    if as_json:
        print_json(rows)
        return 0
    table = Table("Kind", "Key", "Market", "From", "To", "Clause")
    for row in rows:
        table.add_row(row["kind"], row["key"], row["market"], row["from"], row["to"] or "", row["clause"])
    console.print(table)
    return 0


@exclude.command(name="check")
def check_register(kind: str, key: str, /, *, on: str | None = None, as_json: Json = False) -> int:
    """Whether another market covers something on a day; exit status 3 when one does.

    Example: tanpuhui registry exclude check meter grid_company:3100-7 --on 2026-03-02

    Parameters
    ----------
    kind
        scope, project, place, organisation or meter.
    key
        What it is; of a meter provider:number.
    on
        A day, YYYY-MM-DD; today when left out.
    """
    from tanpuhui.cli.days import parse_day
    from tanpuhui.close.installation import zone
    from tanpuhui.kit.moment import local_day, to_us, utc_now
    from tanpuhui.registry.exclusions import covering, meter_key

    day = parse_day(on, "--on") if on else local_day(to_us(utc_now()), zone())
    provider, keys = "", [key]
    if kind == "meter":
        provider, _, number = key.partition(":")
        keys = [meter_key(provider, number) or ""]
    if kind == "scope":
        parts = key.split(".")
        keys = [".".join(parts[: length + 1]) for length in range(len(parts))]
    rows = [_exclusion(one) for one in covering(kind, keys, day, day, provider=provider)]
    if as_json:
        print_json({"covered": bool(rows), "on": day.isoformat(), "by": rows})
    else:
        for row in rows:
            console.print(
                f"{row['market']}: {row['clause']} ({row['source']})", markup=False, highlight=False
            )
        console.print(f"{'covered' if rows else 'not covered'} on {day}", highlight=False)
    return FINDINGS if rows else 0


@conflicts.command(name="import")
def import_units(file: Path, /, *, as_json: Json = False) -> int:
    """Take another registry's units or projects in, as CSV with CAD Trust's columns: all of its rows, or none.

    Example: tanpuhui registry conflicts import other-registry.csv

    Parameters
    ----------
    file
        A CSV file in UTF-8 with currentRegistry, projectId, country, sector, and days or a vintage.
    """
    from django.db import transaction

    from tanpuhui.kit.moment import utc_now
    from tanpuhui.registry.conflicts import import_foreign

    with transaction.atomic():
        added = import_foreign(_there(file), at=utc_now())
    if as_json:
        print_json({"added": added})
    else:
        console.print(f"{added} new rows.")
    return 0


@conflicts.command
def scan(*, as_json: Json = False) -> int:
    """Every lot that another registry seems to count too, with reason and severity; exit status 3 for unreviewed ones.

    Example: tanpuhui registry conflicts scan --json
    """
    from tanpuhui.registry.conflicts import scan as compare

    found = [one.as_json() for one in compare()]
    if as_json:
        print_json(found)
    else:
        table = Table("Conflict", "Severity", "Ours", "Theirs", "Why", "Reviewed")
        for one in found:
            theirs = f"{one['registry']} {one['project']}"
            table.add_row(
                one["conflict"], one["severity"], one["ours"], theirs, one["reason"], one["reviewed"] or ""
            )
        console.print(table)
    return FINDINGS if any(one["reviewed"] is None for one in found) else 0


@conflicts.command
def review(conflict: str, /, *, reason: str, reviewer: str, as_json: Json = False) -> int:
    """Say why a conflict is none; said once, and kept.

    Example: tanpuhui registry conflicts review 0123456789abcdef --reason "other roofs, list compared" --reviewer desk

    Parameters
    ----------
    conflict
        As the scan or a refused certification names it.
    reason
        Why it is none.
    reviewer
        Who says so: an office, not a person's name.
    """
    from django.db import transaction

    from tanpuhui.close.installation import jurisdiction
    from tanpuhui.kit.moment import utc_now
    from tanpuhui.registry.conflicts import review as look_at

    with transaction.atomic():
        done = look_at(conflict, reason=reason, reviewer=reviewer, jurisdiction=jurisdiction(), at=utc_now())
    said = {"conflict": done.conflict, "ours": done.ours, "reason": done.reason, "reviewer": done.reviewer}
    if as_json:
        print_json(said)
    else:
        console.print(f"Reviewed {done.conflict}: {done.reason}", markup=False, highlight=False)
    return 0


def _there(file: Path) -> Path:
    from tanpuhui.registry.refusals import FileMissing

    if not file.is_file():
        raise FileMissing(file=file)
    return file


def _exclusion(one: Any) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "key": one.key,
        "provider": one.provider or None,
        "market": one.market,
        "from": one.first_day.isoformat(),
        "to": one.last_day.isoformat() if one.last_day else None,
        "clause": one.clause,
        "source": one.source,
        "file": one.file,
        "line": one.line,
    }
