"""``tanpuhui federation key``: our own keys. Private ones are files of this installation and are never printed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

app = App(name="key", help="Our own keys, and the one that follows.")

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]


class BadMoment(Refusal):
    code = "federation.bad_moment"
    message = "{option} is {given!r}. Write a moment with its zone, such as 2026-11-24T12:00:00+08:00."


@app.command
def new(*, valid_from: str | None = None, as_json: Json = False) -> int:
    """Make a key and tell every peer that we speak with; the one in force signs that message.

    Example: tanpuhui federation key new --valid-from 2026-12-01T00:00:00+08:00

    Parameters
    ----------
    valid_from
        From when on it signs; now when left out. Let it be later than the next round of sending.
    """
    from django.db import transaction

    from tanpuhui.federation.peer import key_as_json
    from tanpuhui.federation.rotate import rotate

    at = utc_now()
    with transaction.atomic():
        made = rotate(valid_from=moment(valid_from, "--valid-from") or at, at=at)
    said = key_as_json(made)
    if as_json:
        print_json(said)
    else:
        console.print(f"{said['key_id']}\n{said['public_key']}", markup=False, highlight=False)
    return 0


@app.command
def end(key_id: str, /, *, as_json: Json = False) -> int:
    """End a key of ours from now on, and tell every peer; another one must be in force.

    Example: tanpuhui federation key end pudong:21fe31dfa154a261626bf854046fd227

    Parameters
    ----------
    key_id
        What the key is called.
    """
    from django.db import transaction

    from tanpuhui.federation.key import signing_key
    from tanpuhui.federation.rotate import retire_key

    at = utc_now()
    with transaction.atomic():
        made = retire_key(key_id, ended_at=at, at=at)
        signing_key(at)
    if as_json:
        print_json({"key_id": key_id, "ended_at": made.ended_at.isoformat()})
    else:
        console.print(f"{key_id} is over.", markup=False, highlight=False)
    return 0


@app.command(name="list")
def list_(*, as_json: Json = False) -> int:
    """Our keys with their public halves, for the other side's operator.

    Example: tanpuhui federation key list --json
    """
    from tanpuhui.federation.key import own_keys, state_of
    from tanpuhui.federation.peer import key_as_json

    rows = [{**key_as_json(key), "state": state_of(key, utc_now())} for key in own_keys()]
    if as_json:
        print_json(rows)
        return 0
    table = Table("Key", "Public key", "From", "State")
    for row in rows:
        table.add_row(row["key_id"], row["public_key"], row["valid_from"], row["state"])
    console.print(table)
    return 0


def moment(text: str | None, option: str) -> datetime | None:
    """A moment with its zone; refuses anything else, with the option that it was given for."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadMoment(option=option, given=text) from None
    if found.tzinfo is None:
        raise BadMoment(option=option, given=text)
    return found
