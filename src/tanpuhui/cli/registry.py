"""``tanpuhui registry``: look a serial number up, and export lots for other registries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json

FINDINGS = 3

app = App(name="registry", help="Look serial numbers up, and export lots for other registries.")
export = App(name="export", help="Export lots for other registries.")
app.command(export)

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
