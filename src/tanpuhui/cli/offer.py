"""``tanpuhui offer``: publish what points are good for, from a TOML file, show it and stop it."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, fields
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from tanpuhui.cli.points import show, show_all
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

app = App(name="offer", help="Publish, show and stop offers.")

JsonFlag = Annotated[bool, Parameter(name="--json", negative=())]


class BadOfferFile(Refusal):
    code = "points.bad_offer_file"
    message = "{path}: {problem} docs/reference/points.md has an example. Mend the file, and publish again."


@app.command
def publish(file: Path, /, *, as_json: JsonFlag = False) -> int:
    """Publish an offer from a TOML file; the same file again is the same offer.

    Example: tanpuhui offer publish coffee.toml

    Parameters
    ----------
    file
        The offer: code, kind, organisation, sponsor, titles, texts, price, limits, dates.
    as_json
        Print the offer as JSON.
    """
    from django.db import transaction

    from tanpuhui.points.offer import describe, left_of
    from tanpuhui.points.offer import publish as put_up

    order = _order(file)
    with transaction.atomic():
        made = put_up(order, at=utc_now())
    return show(describe(made, left_of([made.pk]).get(made.pk)), as_json=as_json)


@app.command(name="list")
def list_(
    *, everything: Annotated[bool, Parameter(name="--all", negative=())] = False, as_json: JsonFlag = False
) -> int:
    """Offers that are to be had now, those that end first before others.

    Example: tanpuhui offer list --json

    Parameters
    ----------
    everything
        Those that are over, stopped or still to come too.
    as_json
        Print as JSON.
    """
    from tanpuhui.points.models import Offer
    from tanpuhui.points.offer import describe, left_of, offers_at

    found = list(
        Offer.objects.select_related("organisation", "sponsor").order_by("code")
        if everything
        else offers_at(utc_now())
    )
    left = left_of([one.pk for one in found])
    rows = [describe(one, left.get(one.pk)) for one in found]
    if not as_json:
        shown = ("code", "kind", "organisation", "title_en", "price_points", "left", "ends_at")
        rows = [{name: row[name] for name in shown} for row in rows]
    return show_all(rows, as_json=as_json)


@app.command(name="show")
def show_one(code: str, /, *, as_json: JsonFlag = False) -> int:
    """One offer, and what is left of it.

    Example: tanpuhui offer show coffee

    Parameters
    ----------
    code
        Its code.
    as_json
        Print as JSON.
    """
    from tanpuhui.points.offer import describe, get_offer, left_of

    found = get_offer(code)
    return show(describe(found, left_of([found.pk]).get(found.pk)), as_json=as_json)


@app.command
def stop(code: str, /, *, reason: str, as_json: JsonFlag = False) -> int:
    """Stop an offer before its date; codes that were given stay good.

    Example: tanpuhui offer stop coffee --reason "The machine is broken."

    Parameters
    ----------
    code
        Its code.
    reason
        Why.
    as_json
        Print as JSON.
    """
    from django.db import transaction

    from tanpuhui.points.offer import stop as end

    with transaction.atomic():
        made = end(code, reason=reason, at=utc_now())
    return show({"offer": code, "stopped_at": made.at.isoformat(), "reason": made.reason}, as_json=as_json)


def _order(file: Path) -> Any:
    from tanpuhui.points.offer import OfferOrder, TermsOf

    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadOfferFile(path=file, problem=f"it cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadOfferFile(path=file, problem=f"{error}.") from error
    rows = table.pop("terms", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadOfferFile(path=file, problem="terms is no list of tables: write each as [[terms]].")
    terms = tuple(TermsOf(**_named(file, row, TermsOf, "[[terms]] ")) for row in rows)
    order = OfferOrder(**_named(file, {"sponsor": None, **table, "terms": terms}, OfferOrder))
    for name, value in vars(order).items():
        wanted = OfferOrder.__annotations__[name]
        kinds: dict[str, tuple[type, ...]] = {"int": (int,), "str": (str,), "datetime": (datetime,)}
        allowed = kinds.get(wanted.split(" ")[0])
        if allowed and not (value is None and "None" in wanted) and (type(value) not in allowed):
            raise BadOfferFile(path=file, problem=f"{name} is {value!r}.")
    if any(at.tzinfo is None for at in (order.starts_at, order.ends_at)):
        raise BadOfferFile(path=file, problem="starts_at and ends_at need their zone.")
    return order


def _named(file: Path, table: dict[str, Any], wanted: type, where: str = "") -> dict[str, Any]:
    """The table, once every name in it is known and none is missing that has no default."""
    known = {one.name: one for one in fields(wanted)}
    if unknown := sorted(table.keys() - known.keys()):
        names = ", ".join(sorted(known))
        raise BadOfferFile(path=file, problem=f"{where}{', '.join(unknown)} is not known; there are {names}.")
    needed = {
        name for name, one in known.items() if one.default is MISSING and one.default_factory is MISSING
    }
    if missing := sorted(needed - table.keys()):
        raise BadOfferFile(path=file, problem=f"{where}{', '.join(missing)} is missing.")
    return table
