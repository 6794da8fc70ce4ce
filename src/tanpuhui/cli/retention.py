"""``tanpuhui retention``: how long everything is kept, and what goes because that is over."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.moment import utc_now

app = App(name="retention", help="Delete what is kept longer than its purpose needs.")

JsonFlag = Annotated[bool, Parameter(name="--json", negative=())]


@app.command
def show(*, as_json: JsonFlag = False) -> int:
    """Show how long each kind of personal information is kept, and the last day whose acts are over.

    Example: tanpuhui retention show --json

    Parameters
    ----------
    as_json
        Print JSON instead of a table.
    """
    from tanpuhui.cli.places import jurisdiction
    from tanpuhui.erasure.retain import last_day_over, listed

    rows = list(listed())
    last = last_day_over(at=utc_now(), zone=jurisdiction().zone)
    if as_json:
        print_json({"rules": rows, "acts_over_through": last.isoformat()})
    else:
        table = Table("What", "Kept")
        for row in rows:
            table.add_row(row["what"], row["kept"])
        console.print(table)
        console.print(f"Acts of {last} and before are over.", highlight=False)
    return 0


@app.command
def run(*, as_json: JsonFlag = False) -> int:
    """Delete what is over, in tables and in the lake, as the owner of the tables; print how many rows of what.

    Tables are looked at once a day by 'tanpuhui work tend' too; the lake by this command alone: run it every night.

    Example: tanpuhui retention run --json

    Parameters
    ----------
    as_json
        Print what went as JSON.
    """
    from tanpuhui.cli.owner import become_owner
    from tanpuhui.cli.places import jurisdiction, places
    from tanpuhui.erasure.retain import retain, retain_acts

    become_owner()
    at = utc_now()
    went = retain(at=at)
    acts = retain_acts(places(), at=at, zone=jurisdiction().zone)
    if as_json:
        print_json({"tables": went, "lake": dict(acts)})
    else:
        for name, count in went.items():
            if count:
                console.print(f"{name}: {count}", highlight=False)
        console.print(f"acts in the lake: {acts['rows']} rows of {acts['files']} files", highlight=False)
    return 0
