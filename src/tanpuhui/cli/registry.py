"""``tanpuhui registry``: look a serial number up."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json

app = App(name="registry", help="Look serial numbers up.")

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
