"""``tanpuhui lot``: certify pending reductions into a lot, and show lots."""

from __future__ import annotations

import os
from typing import Any

from cyclopts import App
from rich.table import Table

from tanpuhui.cli.days import parse_day
from tanpuhui.cli.output import console, mg_as_mass, print_json
from tanpuhui.cli.places import jurisdiction, places
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

OPERATOR = "TANPUHUI_OPERATOR"
#: Who certifies under the demonstration's rules, which certify nothing for anyone.
DEMO, DEMO_OPERATOR = "demo", "platform operator"
app = App(name="lot")


class OperatorUnnamed(Refusal):
    code = "registry.operator_unnamed"
    message = (
        "Nobody is named as operator, and who verifies a lot must not be its operator. "
        "Set {variable} to the name under which this installation certifies."
    )


@app.command
def certify(
    methodology: str,
    /,
    *,
    through: str,
    verifier: str,
    version: int | None = None,
    vintage: int | None = None,
    json: bool = False,
) -> int:
    """Certify whole tonnes of a methodology's pending reductions; what does not fill a tonne stays pending.

    Example: tanpuhui lot certify shenzhen/metro --through 2026-03-08 --verifier "Green Audit Ltd"

    Parameters
    ----------
    methodology
        code of the methodology.
    through
        the last local day whose reductions are taken, YYYY-MM-DD.
    verifier
        who verified; not the operator (TANPUHUI_OPERATOR).
    version
        version of the methodology; the one in force on that day when left out.
    vintage
        year of the reductions; the year of --through when left out.
    json
        print the lot as JSON.
    """
    from django.db import transaction

    from tanpuhui.methodology.load import load_library
    from tanpuhui.registry.certify import Order
    from tanpuhui.registry.certify import certify as certify_lot

    day = parse_day(through, "--through")
    rules = jurisdiction()
    library = load_library()
    order = Order(
        methodology=methodology,
        version=version or library.get(methodology).version,
        vintage=vintage or day.year,
        through=day,
        operator=operator_named(rules.code),
        verifier=verifier,
        at=utc_now(),
    )
    with transaction.atomic():
        lot = certify_lot(order, places=places(), jurisdiction=rules, library=library)
    return _print([lot], as_json=json, whole=False)


def operator_named(jurisdiction: str) -> str:
    """Under which name lots are certified; the demonstration alone has one of its own."""
    named = os.environ.get(OPERATOR, "").strip()
    if not named and jurisdiction != DEMO:
        raise OperatorUnnamed(variable=OPERATOR)
    return named or DEMO_OPERATOR


@app.command
def show(code: str | None = None, /, *, json: bool = False) -> int:
    """One lot, or all of them.

    Example: tanpuhui lot show DEMO-000001

    Parameters
    ----------
    code
        the lot; all lots when left out.
    json
        print as JSON.
    """
    from tanpuhui.registry.models import Lot
    from tanpuhui.registry.refusals import LotUnknown

    lots = list(Lot.objects.order_by("serial_first"))
    if code is None:
        return _print(lots, as_json=json, whole=True)
    chosen = [lot for lot in lots if lot.code == code]
    if not chosen:
        raise LotUnknown(code=code)
    return _print(chosen, as_json=json, whole=False)


def _print(lots: list[Any], *, as_json: bool, whole: bool) -> int:
    from tanpuhui.registry.left_out import as_json as left_out_as_json
    from tanpuhui.registry.left_out import left_out_of
    from tanpuhui.registry.serial import describe

    rows = [
        {**describe(lot), "left_out": [left_out_as_json(one) for one in left_out_of(lot)]} for lot in lots
    ]
    if as_json:
        print_json(rows if whole else rows[0])
        return 0
    table = Table("Lot", "Methodology", "Vintage", "Tonnes", "Serials", "Residents", "Factors", "Verifier")
    for row in rows:
        table.add_row(
            row["lot"],
            row["methodology"],
            str(row["vintage"]),
            f"{row['tonnes']:,}",
            row["serials"],
            f"{row['residents']:,}",
            row["status"],
            row["verifier"],
        )
    console.print(table)
    for row in rows:
        console.print(
            f"{row['lot']}: {mg_as_mass(row['certified_mg'])} through {row['through']}. [dim]{row['notice']}[/]"
        )
        for one in row["left_out"]:
            said = (
                f"  Left out: {one['accounts']:,} accounts with {mg_as_mass(one['amount_mg'])}, whose meters are "
                f"covered by {one['market']} ({one['clause']}; {one['source']})."
            )
            console.print(said, highlight=False, markup=False)
    return 0
