"""``tanpuhui evidence key``: the public keys with which providers sign their requests."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

app = App(name="key")
AsJson = Annotated[bool, Parameter(name="--json", negative=())]


class BadMoment(Refusal):
    code = "evidence.bad_moment"
    message = "{given!r} is not a moment with its zone. Write it as 2026-03-02T08:00:00+08:00."


class NoSuchOwner(Refusal):
    code = "evidence.no_such_owner"
    message = (
        "There is no {owner} whose programs could sign. Give a provider's code, or merchant/CODE or company/CODE of an "
        "organisation of that kind."
    )


@app.command
def add(
    provider: str,
    public_key: str,
    /,
    *,
    valid_from: str | None = None,
    valid_to: str | None = None,
    as_json: AsJson = False,
) -> int:
    """Register a provider's Ed25519 public key. Keys before it stay in force: that is how one takes over.

    Example: tanpuhui evidence key add generic sXt1Zu0pnSTMPEbY3ZTXmu0zxEXmvR4xVoW6PPHsE1s=

    Parameters
    ----------
    provider
        The provider's code, as in its contract; merchant/CODE or company/CODE for an organisation of that kind.
    public_key
        32 bytes in base64, or a PEM file.
    valid_from
        From when, with its zone; now where none is given.
    valid_to
        Until when, with its zone.
    as_json
        Print the key as JSON.
    """
    from django.db import transaction

    from tanpuhui.evidence.contract import ensure_default_contracts
    from tanpuhui.evidence.provider_key import add_key, read_public_key

    given = Path(public_key)
    text = given.read_text(encoding="utf-8", errors="replace") if _is_file(given) else public_key
    now = utc_now()
    with transaction.atomic():
        ensure_default_contracts(at=now)
        _refuse_unknown(provider)
        key = add_key(
            provider,
            read_public_key(text),
            valid_from=_moment(valid_from) if valid_from else now,
            valid_to=_moment(valid_to) if valid_to else None,
            at=now,
        )
    return _show(key.as_json(now), as_json=as_json)


def _refuse_unknown(owner: str) -> None:
    """A merchant's or company's key is of an organisation that is there; of others no request is ever taken."""
    from tanpuhui.access.models import Organisation
    from tanpuhui.access.organise import get_organisation

    kind, slash, code = owner.partition("/")
    if slash and (
        kind not in (Organisation.MERCHANT, Organisation.COMPANY) or get_organisation(code).kind != kind
    ):
        raise NoSuchOwner(owner=owner)


@app.command(name="list")
def list_keys(*, provider: str | None = None, as_json: AsJson = False) -> int:
    """List keys, their ids and states.

    Example: tanpuhui evidence key list --provider generic

    Parameters
    ----------
    provider
        Only keys of this provider.
    as_json
        Print JSON.
    """
    from tanpuhui.evidence.provider_key import keys_of

    now = utc_now()
    found = [key.as_json(now) for key in keys_of(provider)]
    if as_json:
        print_json(found)
        return 0
    table = Table("key", "state", "from", "until", "made by")
    for key in found:
        cells = (key["key_id"], key["state"], key["valid_from"], key["valid_to"] or "-", key["made_by"])
        table.add_row(*(escape(str(cell)) for cell in cells))
    console.print(table)
    return 0


@app.command
def revoke(key_id: str, /, *, reason: str, as_json: AsJson = False) -> int:
    """Revoke a key at once and for good.

    Example: tanpuhui evidence key revoke generic:0123456789abcdef0123456789abcdef --reason "laptop lost"

    Parameters
    ----------
    key_id
        As 'key list' shows it.
    reason
        Why; it is kept.
    as_json
        Print the key as JSON.
    """
    from django.db import transaction

    from tanpuhui.evidence.provider_key import revoke_key

    now = utc_now()
    with transaction.atomic():
        key = revoke_key(key_id, reason=reason, at=now)
    return _show(key.as_json(now), as_json=as_json)


def _show(key: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(key)
    else:
        console.print(f"Key {key['key_id']} of {key['provider']}: {key['state']}.", highlight=False)
    return 0


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadMoment(given=text) from error
    if moment.tzinfo is None:
        raise BadMoment(given=text)
    return moment
