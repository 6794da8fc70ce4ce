"""Lots on the command line: a district asks, its city certifies or refuses, a city offers tonnes to another one."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

from cyclopts import Parameter
from rich.table import Table

from tanpuhui.cli.days import parse_day
from tanpuhui.cli.lot import operator_named
from tanpuhui.cli.output import console, print_json
from tanpuhui.cli.places import jurisdiction, places
from tanpuhui.kit.moment import utc_now

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]


def ask(
    methodology: str,
    /,
    *,
    through: str,
    verifier: str,
    version: int | None = None,
    vintage: int | None = None,
    as_json: Json = False,
) -> int:
    """Ask the city that certifies for us for a lot; until it answers, what it would take is set aside.

    Example: tanpuhui federation ask shanghai/rooftop-pv --through 2026-11-23 --verifier "Green Audit Ltd"

    Parameters
    ----------
    methodology
        Code of the methodology.
    through
        The last local day whose reductions are taken, YYYY-MM-DD.
    verifier
        Who verified; not the operator (TANPUHUI_OPERATOR).
    version
        Version of the methodology; the newest when left out.
    vintage
        Year of the reductions; the year of --through when left out.
    """
    from django.db import transaction

    from tanpuhui.federation.ask_lot import ask_lot
    from tanpuhui.methodology.load import load_library
    from tanpuhui.registry.certify import Order

    day, library, rules = parse_day(through, "--through"), load_library(), jurisdiction()
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
        made = ask_lot(order, places=places(), jurisdiction=rules, library=library)
    if as_json:
        print_json({"ask": made.subject, "peer": made.peer.code, "tonnes": made.tonnes})
    else:
        console.print(f"{made.tonnes:,} t are asked of {made.peer.code}: {made.subject}", highlight=False)
    return 0


def asks(*, as_json: Json = False) -> int:
    """What districts asked for and we did not answer yet.

    Example: tanpuhui federation asks --json
    """
    from tanpuhui.federation.answer_ask import open_asks

    rows = open_asks()
    if as_json:
        print_json(rows)
        return 0
    table = Table("Ask", "Peer", "Methodology", "Vintage", "Through", "Tonnes", "Verifier")
    for row in rows:
        cells = (row[name] for name in ("peer", "methodology", "vintage", "through", "tonnes", "verifier"))
        table.add_row(row["ask"], *(str(cell) for cell in cells))
    console.print(table)
    return 0


def certify(ask: str, /, *, as_json: Json = False) -> int:
    """Certify what a district asked for: a lot with serial numbers, of what it reported.

    Example: tanpuhui federation certify sha256:86587d310d91ae08dec71c85a727a3bb2b7a294e01bee88c49fc9f1947b87820

    Parameters
    ----------
    ask
        The ask, as 'federation asks' prints it.
    """
    from django.db import transaction

    from tanpuhui.federation.answer_ask import certify_ask
    from tanpuhui.methodology.load import load_library
    from tanpuhui.registry.serial import describe

    rules = jurisdiction()
    with transaction.atomic():
        lot = certify_ask(
            ask, operator=operator_named(rules.code), jurisdiction=rules, library=load_library(), at=utc_now()
        )
    said = describe(lot)
    if as_json:
        print_json(said)
    else:
        console.print(f"{said['lot']}: {said['tonnes']:,} t, {said['serials']}", highlight=False)
    return 0


def refuse(ask: str, /, *, reason: str, as_json: Json = False) -> int:
    """Refuse what a district asked for; what it had set aside is its residents' again.

    Example: tanpuhui federation refuse sha256:86587d310d91ae08dec71c85a727a3bb2b7a294e01bee88c49fc9f1947b87820 --reason "The statement is missing."

    Parameters
    ----------
    ask
        The ask, as 'federation asks' prints it.
    reason
        Why; the district reads it.
    """  # noqa: E501
    from django.db import transaction

    from tanpuhui.federation.answer_ask import refuse_ask

    with transaction.atomic():
        refuse_ask(ask, reason=reason, at=utc_now())
    if as_json:
        print_json({"ask": ask, "refused": reason})
    else:
        console.print("It is refused.")
    return 0


def recognise(
    peer: str, /, *, company: str, lot: str, tonnes: int, key: str | None = None, as_json: Json = False
) -> int:
    """Offer a company's tonnes to another city, which recognises them by its rule; here they are locked.

    Example: tanpuhui federation recognise shanghai --company acme --lot GUANGDONG-000001 --tonnes 10 --key offer-1

    Parameters
    ----------
    peer
        Code of the other city.
    company
        Code of the company that has the tonnes here.
    lot
        Code of the lot.
    tonnes
        Whole tonnes.
    key
        Names this offer: repeated with the same key it is answered as before. A new one when left out.
    """
    from django.db import transaction

    from tanpuhui.access.organise import get_organisation
    from tanpuhui.federation.key import us
    from tanpuhui.federation.recognition import offer, part_of
    from tanpuhui.ledger.account import organisation
    from tanpuhui.methodology.load import load_library
    from tanpuhui.registry.units import UnitOrder

    at = utc_now()
    holder = organisation(get_organisation(company).pk)
    order = UnitOrder(key or str(uuid4()), holder, part_of(lot, tonnes), at.date())
    with transaction.atomic():
        _, claim = offer(peer, order, library=load_library(), home=us(), at=at)
    said = {"peer": peer, "lot": claim.lot, "first": claim.first, "last": claim.last, "tonnes": claim.tonnes}
    if as_json:
        print_json(said)
    else:
        console.print(f"{claim.tonnes:,} t of {claim.lot} are locked and offered.", highlight=False)
    return 0
