"""``tanpuhui redeem``: hold points for an offer, show and check its code, capture, release and refund."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from cyclopts import App, Parameter

from tanpuhui.cli.places import jurisdiction
from tanpuhui.cli.points import moment, show
from tanpuhui.kit.moment import local_day, to_us, utc_now
from tanpuhui.kit.refusal import Refusal

app = App(name="redeem", help="Redeem points: hold, capture, release, refund; codes and their check.")

JsonFlag = Annotated[bool, Parameter(name="--json", negative=())]


class BadQuantity(Refusal):
    code = "points.bad_quantity"
    message = "{quantity} is not a quantity. Give a whole number from 1 to {most}."


class BadKeyFile(Refusal):
    code = "points.bad_key_file"
    message = "{path} is not a public key ({why}). Write one with 'tanpuhui redeem key'."


@app.command
def hold(
    offer: str, /, *, account: int, quantity: int = 1, key: str | None = None, as_json: JsonFlag = False
) -> int:
    """Hold points of an account for an offer, and print the code that its merchant scans.

    Example: tanpuhui redeem hold coffee --account 1 --key first --json

    Parameters
    ----------
    offer
        Code of the offer.
    account
        Number of the account.
    quantity
        How many.
    key
        Names this order: a repeat with the same key gives the same answer, a no too. A new one when left out.
    as_json
        Print the redemption as JSON.
    """
    from django.db import transaction

    from tanpuhui.points.redeem import RedeemOrder, redeem

    _refuse_bad_quantity(quantity)
    now = utc_now()
    order = RedeemOrder(key or str(uuid4()), offer, account, quantity, _today())
    with transaction.atomic():
        answer = redeem(order, at=now)
    return show(_describe(answer.accepted()), as_json=as_json)


@app.command(name="show")
def show_one(redemption: int, /, *, as_json: JsonFlag = False) -> int:
    """A redemption: its state, its code while it is held, and what went back.

    Example: tanpuhui redeem show 1

    Parameters
    ----------
    redemption
        Its number.
    as_json
        Print as JSON.
    """
    return show(_describe(redemption), as_json=as_json)


@app.command
def capture(
    redemption: str,
    /,
    *,
    merchant: str,
    quantity: int | None = None,
    key: str | None = None,
    as_json: JsonFlag = False,
) -> int:
    """Capture what is held: by the redemption's number, or by the code that was scanned.

    Example: tanpuhui redeem capture 1 --merchant corner-cafe

    Parameters
    ----------
    redemption
        Its number, or its code.
    merchant
        Code of the organisation that gives what is offered.
    quantity
        How many; all that are held when left out.
    key
        Names this order. A new one when left out.
    as_json
        Print as JSON.
    """
    from django.db import transaction

    from tanpuhui.points import code
    from tanpuhui.points.redeem import CaptureOrder
    from tanpuhui.points.redeem import capture as take

    if quantity is not None:
        _refuse_bad_quantity(quantity)
    is_number = redemption.isascii() and redemption.isdecimal()
    number = int(redemption) if is_number else code.read(redemption, code.public_key()).redemption
    order = CaptureOrder(key or str(uuid4()), number, merchant, quantity)
    with transaction.atomic():
        answer = take(order, day=_today(), at=utc_now())
    return show(_describe(answer.accepted()), as_json=as_json)


@app.command
def release(
    redemption: int,
    /,
    *,
    account: int | None = None,
    merchant: str | None = None,
    key: str | None = None,
    as_json: JsonFlag = False,
) -> int:
    """Let go what is held: for the person (--account) or for the merchant (--merchant).

    Example: tanpuhui redeem release 1 --account 1

    Parameters
    ----------
    redemption
        Its number.
    account
        The person's account, which must be the redemption's.
    merchant
        The merchant's code, who must be the redemption's.
    key
        Names this order. A new one when left out.
    as_json
        Print as JSON.
    """
    from django.db import transaction

    from tanpuhui.points.redeem import ReleaseOrder
    from tanpuhui.points.redeem import release as let_go

    order = ReleaseOrder(key or str(uuid4()), redemption, account, merchant)
    with transaction.atomic():
        answer = let_go(order, at=utc_now())
    return show(_describe(answer.accepted()), as_json=as_json)


@app.command
def refund(
    redemption: int,
    points: int,
    /,
    *,
    merchant: str,
    reason: str,
    key: str | None = None,
    as_json: JsonFlag = False,
) -> int:
    """Give points of a captured redemption back, all or a part.

    Example: tanpuhui redeem refund 1 2 --merchant corner-cafe --reason "The coffee was cold."

    Parameters
    ----------
    redemption
        Its number.
    points
        How many points go back.
    merchant
        Code of the organisation that captured it.
    reason
        Why.
    key
        Names this order. A new one when left out.
    as_json
        Print as JSON.
    """
    from django.db import transaction

    from tanpuhui.points.refund import RefundOrder
    from tanpuhui.points.refund import refund as give_back

    order = RefundOrder(key or str(uuid4()), redemption, merchant, points, reason)
    with transaction.atomic():
        answer = give_back(order, day=_today(), at=utc_now())
    return show(answer.accepted(), as_json=as_json)


@app.command
def key(*, as_json: JsonFlag = False) -> int:
    """The public key by which codes are checked, as a JWK: for merchants' phones.

    Example: tanpuhui redeem key --json > redemption-key.json

    Parameters
    ----------
    as_json
        Print as JSON.
    """
    from tanpuhui.points import code

    return show(code.public_key(), as_json=as_json)


@app.command
def verify(
    code: str,
    /,
    *,
    key_file: Path,
    merchant: str,
    at: str | None = None,
    seen: Annotated[list[int] | None, Parameter(negative=())] = None,
    as_json: JsonFlag = False,
) -> int:
    """Check a code as a phone without a network does: signature, merchant, time, points, and not seen before.

    Example: tanpuhui redeem verify eyJ... --key-file redemption-key.json --merchant corner-cafe

    Parameters
    ----------
    code
        The code as it was scanned.
    key_file
        The platform's public key, from 'tanpuhui redeem key --json'.
    merchant
        Whose phone it is.
    at
        What its clock says; now when left out.
    seen
        Redemptions that the phone accepted before.
    as_json
        Print what the code says as JSON.
    """
    from tanpuhui.points.code import accept_offline, is_public_key

    try:
        public = json.loads(key_file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadKeyFile(path=key_file, why=error.strerror or "it cannot be read") from error
    except ValueError as error:
        raise BadKeyFile(path=key_file, why="it is not JSON") from error
    if not is_public_key(public):
        raise BadKeyFile(path=key_file, why="it is JSON, but no Ed25519 key in JWK form")
    found = accept_offline(code, public, merchant=merchant, seen=set(seen or ()), at=moment(at))
    return show(
        {name: str(value) if hasattr(value, "isoformat") else value for name, value in vars(found).items()},
        as_json=as_json,
    )


def _describe(number: int) -> dict[str, Any]:
    from tanpuhui.points import code
    from tanpuhui.points.models import Offer
    from tanpuhui.points.redeem import get_redemption, state_of
    from tanpuhui.points.refund import refunded

    found = get_redemption(number)
    offer = Offer.objects.select_related("organisation").get(pk=found.offer_id)
    state, closing = state_of(found), getattr(found, "closing", None)
    return {
        "redemption": found.pk,
        "offer": offer.code,
        "merchant": offer.organisation.code,
        "account": found.account,
        "state": state,
        "quantity": closing.quantity if closing else found.quantity,
        "points": closing.points if closing else found.points,
        "refunded": refunded(found.pk),
        "good_until": found.good_until.isoformat() if found.good_until else None,
        "code": code.sign(found, offer) if state == "held" else None,
    }


def _today() -> date:
    return local_day(to_us(utc_now()), jurisdiction().zone)


def _refuse_bad_quantity(quantity: int) -> None:
    from tanpuhui.points.redeem import MOST_AT_ONCE

    if not 1 <= quantity <= MOST_AT_ONCE:
        raise BadQuantity(quantity=quantity, most=MOST_AT_ONCE)
