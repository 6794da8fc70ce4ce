"""``tanpuhui points``: sponsors and what they owe, conversion, expiry, and settlement."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.cli.places import jurisdiction
from tanpuhui.kit.moment import local_day, to_us, utc_now
from tanpuhui.kit.refusal import Refusal

app = App(name="points", help="The second book: what sponsors fund and owe, conversion, and settlement.")

JsonFlag = Annotated[bool, Parameter(name="--json", negative=())]


class BadMoment(Refusal):
    code = "points.bad_moment"
    message = "{given!r} is not a moment with its zone. Write one such as 2026-11-25T12:00:00+08:00."


class BothGiven(Refusal):
    code = "points.callback_both"
    message = "An address and --none were given. Give one of the two."


@app.command
def sponsor(
    organisation: str, /, *, point_value: str, currency: str = "CNY", as_json: JsonFlag = False
) -> int:
    """Make an organisation a sponsor, whose points are worth so much each, for good.

    Example: tanpuhui points sponsor city --point-value 2.00

    Parameters
    ----------
    organisation
        Code of the organisation.
    point_value
        What one point is worth, a decimal with at most the currency's places.
    currency
        ISO 4217 code of the currency.
    as_json
        Print the sponsor as JSON.
    """
    from django.db import transaction

    from tanpuhui.money.amounts import to_minor
    from tanpuhui.points.sponsor import liability, open_sponsor

    now = utc_now()
    with transaction.atomic():
        made = open_sponsor(
            organisation, currency=currency, point_value_minor=to_minor(point_value, currency), at=now
        )
    return show(liability(made, at=now).as_json(), as_json=as_json)


@app.command
def fund(
    organisation: str,
    amount: str,
    /,
    *,
    currency: str = "CNY",
    reference: str,
    key: str | None = None,
    as_json: JsonFlag = False,
) -> int:
    """Enter money that came in for a sponsor's budget as the operator states it, once for each key.

    A bank's statement enters it by itself where the payment carries the sponsor's funding reference (see `sponsors`).

    Example: tanpuhui points fund city 10000.00 --reference BANK-2026-118 --key fund-1

    Parameters
    ----------
    organisation
        Code of the sponsor.
    amount
        A decimal with at most the currency's places; more are refused, nothing is rounded.
    currency
        The currency of the amount, which is the budget's.
    reference
        By what the bank knows the payment.
    key
        Names this order: a repeat with the same key does nothing more. A new one when left out.
    as_json
        Print what was entered as JSON.
    """
    from django.db import transaction

    from tanpuhui.points.sponsor import FundOrder
    from tanpuhui.points.sponsor import fund as enter

    with transaction.atomic():
        answer = enter(
            FundOrder(key or str(uuid4()), organisation, amount, currency, reference), at=utc_now()
        )
    return show(answer.accepted(), as_json=as_json)


@app.command
def sponsors(*, as_json: JsonFlag = False) -> int:
    """Every sponsor: budget, reserve, points outstanding, and what a payment into its budget carries as its reference.

    Example: tanpuhui points sponsors --json

    Parameters
    ----------
    as_json
        Print as JSON.
    """
    from tanpuhui.points.budget import funding_reference
    from tanpuhui.points.models import Sponsor
    from tanpuhui.points.sponsor import liability as owed

    now = utc_now()
    rows = [
        {**owed(one, at=now).as_json(), "funding_reference": funding_reference(one)}
        for one in Sponsor.objects.order_by("code")
    ]
    return show_all(rows, as_json=as_json)


@app.command
def liability(organisation: str, /, *, at: str | None = None, as_json: JsonFlag = False) -> int:
    """What a sponsor owes, now or as the ledger had it at a time.

    Example: tanpuhui points liability city --at 2026-11-25T00:00:00+08:00 --json

    Parameters
    ----------
    organisation
        Code of the sponsor.
    at
        A moment with its zone; now when left out.
    as_json
        Print as JSON.
    """
    from tanpuhui.points.sponsor import get_sponsor
    from tanpuhui.points.sponsor import liability as owed

    return show(owed(get_sponsor(organisation), at=moment(at)).as_json(), as_json=as_json)


@app.command
def convert(
    account: int,
    /,
    *,
    sponsor: str,
    points: int | None = None,
    key: str | None = None,
    as_json: JsonFlag = False,
) -> int:
    """Turn certified reductions of an account into points of a sponsor, under today's rule of the jurisdiction.

    Example: tanpuhui points convert 1 --sponsor city --points 5 --key first

    Parameters
    ----------
    account
        Number of the account.
    sponsor
        Whose points they become.
    points
        How many; as many as there can be when left out.
    key
        Names this order: a repeat with the same key gives the same answer. A new one when left out.
    as_json
        Print the conversion as JSON.
    """
    from django.db import transaction

    from tanpuhui.points.convert import ConvertOrder
    from tanpuhui.points.convert import convert as turn
    from tanpuhui.points.rule import conversion_rule

    now, rules = utc_now(), jurisdiction()
    day = local_day(to_us(now), rules.zone)
    order = ConvertOrder(key or str(uuid4()), sponsor, account, points, day)
    with transaction.atomic():
        answer = turn(order, conversion_rule(rules, day), at=now)
    return show(answer.accepted(), as_json=as_json)


@app.command
def give(
    source: int,
    target: int,
    points: int,
    /,
    *,
    sponsor: str,
    key: str | None = None,
    as_json: JsonFlag = False,
) -> int:
    """Points from one account to another; refused unless the jurisdiction's rule lets points be given.

    Example: tanpuhui points give 1 2 5 --sponsor city

    Parameters
    ----------
    source
        The account that gives.
    target
        The account that gets.
    points
        How many.
    sponsor
        Whose points they are.
    key
        Names this order. A new one when left out.
    as_json
        Print as JSON.
    """
    from django.db import transaction

    from tanpuhui.points.give import GiveOrder
    from tanpuhui.points.give import give as hand
    from tanpuhui.points.rule import conversion_rule

    now, rules = utc_now(), jurisdiction()
    day = local_day(to_us(now), rules.zone)
    order = GiveOrder(key or str(uuid4()), sponsor, source, target, points, day)
    with transaction.atomic():
        answer = hand(order, conversion_rule(rules, day), at=now)
    return show(answer.accepted(), as_json=as_json)


@app.command
def expire(*, as_json: JsonFlag = False) -> int:
    """Give back what nobody captured in time, and take back points whose time is over; run it every hour.

    Example: tanpuhui points expire --json

    Parameters
    ----------
    as_json
        Print {"redemptions", "points": {sponsor: points}}.
    """
    from django.db import transaction

    from tanpuhui.points.expire import expire as take_back
    from tanpuhui.points.models import Sponsor
    from tanpuhui.points.redeem import expire_redemptions

    now, counted = utc_now(), 0
    while True:
        with transaction.atomic():
            some = expire_redemptions(at=now, most=1_000)
        counted += some
        if some == 0:
            break
    over = {}
    for one in Sponsor.objects.order_by("code"):
        with transaction.atomic():
            over[one.code] = take_back(one, at=now)
    return show({"redemptions": counted, "points": over}, as_json=as_json)


@app.command
def callback(
    organisation: str,
    /,
    *,
    url: str | None = None,
    none: Annotated[bool, Parameter(negative=())] = False,
    as_json: JsonFlag = False,
) -> int:
    """Say where a bank takes its messages, or that it takes none; without either, show where it does.

    Messages say that a consent under which somebody has the bank's product has ended. They are signed with the key that
    'tanpuhui points callback-key' prints, and sent again until the bank answers with a status of 2xx.

    Example: tanpuhui points callback bank --url https://bank.example/tanpuhui

    Parameters
    ----------
    organisation
        Code of the bank.
    url
        An https address.
    none
        Send it nothing; messages wait.
    as_json
        Print as JSON.
    """
    from django.db import transaction

    from tanpuhui.points.callback import Reach, callback_of, set_callback
    from tanpuhui.points.sponsor import get_organisation

    bank = get_organisation(organisation)
    if url is not None and none:
        raise BothGiven
    if url is not None or none:
        with transaction.atomic():
            set_callback(organisation, url, reach=Reach.of_installation(), at=utc_now())
    return show({"bank": bank.code, "url": callback_of(bank.pk)}, as_json=as_json)


@app.command
def callback_key(*, as_json: JsonFlag = False) -> int:
    """The public key by which banks check that a message is the platform's: its name and its 32 bytes in base64.

    Example: tanpuhui points callback-key --json

    Parameters
    ----------
    as_json
        Print as JSON.
    """
    from tanpuhui.points.callback import TAG, key

    ours = key()
    return show(
        {"key_id": ours.key_id, "algorithm": "ed25519", "public_key": ours.public_key, "tag": TAG},
        as_json=as_json,
    )


@app.command
def outbox(*, bank: str | None = None, as_json: JsonFlag = False) -> int:
    """Messages to banks: which were taken, how often the others were tried, what was answered, when they go again.

    Example: tanpuhui points outbox --bank bank --json

    Parameters
    ----------
    bank
        Code of one bank; all when left out.
    as_json
        Print as JSON.
    """
    from tanpuhui.points.callback import status_of
    from tanpuhui.points.sponsor import get_organisation

    return show_all(status_of(get_organisation(bank).pk if bank else None), as_json=as_json)


@app.command
def settle(
    organisation: str,
    /,
    *,
    sponsor: str,
    through: str | None = None,
    key: str | None = None,
    as_json: JsonFlag = False,
) -> int:
    """Settle what a sponsor owes a merchant: every capture and refund through a moment, once.

    Example: tanpuhui points settle corner-cafe --sponsor city --through 2026-11-25T00:00:00+08:00

    Parameters
    ----------
    organisation
        Code of the merchant.
    sponsor
        Code of the sponsor.
    through
        A moment with its zone; now when left out.
    key
        Names this order. A new one when left out.
    as_json
        Print the settlement as JSON.
    """
    from django.db import transaction

    from tanpuhui.points.settle import SettleOrder
    from tanpuhui.points.settle import settle as sum_up

    order = SettleOrder(key or str(uuid4()), organisation, sponsor, moment(through) if through else None)
    with transaction.atomic():
        answer = sum_up(order, at=utc_now())
    return show(answer.accepted(), as_json=as_json)


@app.command
def settlements(*, as_json: JsonFlag = False) -> int:
    """Every settlement, newest first, and whether it is paid.

    Example: tanpuhui points settlements --json

    Parameters
    ----------
    as_json
        Print as JSON.
    """
    from tanpuhui.points.models import Settlement
    from tanpuhui.points.settle import describe

    found = Settlement.objects.select_related("organisation", "sponsor", "payment").order_by("-id")
    return show_all([describe(one) for one in found], as_json=as_json)


@app.command
def statement(settlement: str, /, *, form: str = "csv", into: Path | None = None) -> int:
    """A settlement as a file: CSV, or an ISO 20022 camt.053 statement.

    Example: tanpuhui points statement TPS-000000001 --form camt --into corner-cafe.xml

    Parameters
    ----------
    settlement
        Its reference.
    form
        csv or camt.
    into
        The file to write; standard output when left out.
    """
    import sys

    from tanpuhui.points import camt
    from tanpuhui.points.settle import as_csv, get_settlement

    found = get_settlement(settlement)
    body = camt.write(found, at=utc_now()) if form == "camt" else as_csv(found).encode()
    if into is None:
        sys.stdout.write(body.decode())
    else:
        into.write_bytes(body)
        console.print(f"{into}: {len(body):,} bytes.")
    return 0


def moment(given: str | None) -> datetime:
    """A moment from the command line; now when left out."""
    if given is None:
        return utc_now()
    try:
        found = datetime.fromisoformat(given)
    except ValueError as error:
        raise BadMoment(given=given) from error
    if found.tzinfo is None:
        raise BadMoment(given=given)
    return found


def show(row: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(row)
    else:
        for name, value in row.items():
            console.print(f"{name.replace('_', ' ')}: {value}", highlight=False, markup=False)
    return 0


def show_all(rows: list[dict[str, Any]], *, as_json: bool) -> int:
    if as_json:
        print_json(rows)
        return 0
    if not rows:
        console.print("None.")
        return 0
    table = Table(*[name.replace("_", " ") for name in rows[0]])
    for row in rows:
        table.add_row(*[str(value) for value in row.values()])
    console.print(table)
    return 0
