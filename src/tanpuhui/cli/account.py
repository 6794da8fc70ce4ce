"""``tanpuhui account``: open residents' accounts, and show one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.moment import utc_now

SHOWN = 10
MOST = 1_000_000

app = App(name="account", help="Open and show residents' accounts.")

JsonFlag = Annotated[bool, Parameter(name="--json", negative=())]


@app.command(name="open")
def open_(
    *,
    count: Annotated[int, Parameter(validator=Number(gte=1, lte=MOST))] = 1,
    birth_on: str | None = None,
    guardian: int | None = None,
    as_json: JsonFlag = False,
) -> int:
    """Open accounts and print their numbers. Somebody under 14 needs the account of a guardian.

    Example: tanpuhui account open --birth-on 2015-06-01 --guardian 1

    Parameters
    ----------
    count
        How many to open, up to a million.
    birth_on
        Date of birth, as 2015-06-01; kept in the vault and read for age alone.
    guardian
        The guardian's account.
    as_json
        Print {"accounts": [...]}.
    """
    from django.db import transaction

    from tanpuhui.cli.days import parse_day
    from tanpuhui.cli.places import jurisdiction
    from tanpuhui.consent.open_account import Facts, open_accounts

    facts = Facts(parse_day(birth_on, "--birth-on") if birth_on else None, guardian)
    with transaction.atomic():
        known = dict.fromkeys(range(count), facts) if facts else None
        accounts = open_accounts(count, at=utc_now(), facts=known, zone=jurisdiction().zone)
    if as_json:
        print_json({"accounts": accounts})
    else:
        rest = f" and {len(accounts) - SHOWN} more" if len(accounts) > SHOWN else ""
        console.print(f"Opened {', '.join(map(str, accounts[:SHOWN]))}{rest}.")
    return 0


@app.command(name="import")
def import_(file: Path, /, *, account: int, as_json: JsonFlag = False) -> int:
    """Keep a copy of a record that somebody took elsewhere (the zip of their privacy page) with their account here.

    It is history: what was agreed to there is no consent here, and what was credited there is no credit here. The next
    copy that is taken here has all of it again. See first that it is their own.

    Example: tanpuhui account import copy.zip --account 1

    Parameters
    ----------
    file
        The zip as it was downloaded.
    account
        The account's number here.
    as_json
        Print what was kept as JSON.
    """
    from django.db import transaction

    from tanpuhui.access.audit import record
    from tanpuhui.copies.carry import carry

    at = utc_now()
    with transaction.atomic():
        kept = carry(account, file.read_bytes(), at=at)
        facts = {"digest": kept.digest, "method": "cli"}
        record("import_record", who=None, at=at, object_kind="account", object_key=account, facts=facts)
    shown = {
        "account": account,
        "digest": kept.digest,
        "controller": kept.controller,
        "consents": len(kept.content["grants"]),
        "acts": len(kept.content["more"]["acts"]),
    }
    if as_json:
        print_json(shown)
    else:
        console.print(
            f"Kept with account {account}: {shown['consents']} consents, {shown['acts']} acts of {kept.controller}.",
            highlight=False,
        )
    return 0


@app.command
def district(
    account: int, code: str | None = None, /, *, forget: bool = False, as_json: JsonFlag = False
) -> int:
    """Keep, show or forget the district in which somebody says they live; it is read for the map of districts alone.

    Example: tanpuhui account district 1 310115

    Parameters
    ----------
    account
        The account's number.
    code
        The district's code (GB/T 2260); without one, what is kept is shown.
    forget
        Forget what was said.
    as_json
        Print {"account", "district"}.
    """
    from django.db import transaction

    from tanpuhui.cli.places import jurisdiction
    from tanpuhui.consent.district import district_of, forget_district, say_district
    from tanpuhui.consent.show import get_resident
    from tanpuhui.registry.districts import known_district

    get_resident(account)
    with transaction.atomic():
        if forget:
            forget_district(account)
        elif code is not None:
            say_district(account, known_district(code, jurisdiction()).code, at=utc_now())
    kept = district_of(account)
    if as_json:
        print_json({"account": account, "district": kept})
    else:
        console.print(f"Account {account}: {kept or 'no district'}.")
    return 0


@app.command
def show(account: int, /, *, as_json: JsonFlag = False) -> int:
    """Show when an account was opened or closed, and how many grants it has ever given. No personal fact is shown.

    Example: tanpuhui account show 1 --json

    Parameters
    ----------
    account
        The account's number.
    as_json
        Print JSON instead of a sentence.
    """
    from tanpuhui.consent.show import get_resident

    resident = get_resident(account)
    shown = {
        "account": resident.pk,
        "opened_at": resident.opened_at.isoformat(),
        "closed_at": resident.closed_at.isoformat() if resident.closed_at else None,
        "grants": resident.grants.count(),
    }
    if as_json:
        print_json(shown)
    else:
        closed = f", closed {resident.closed_at:%Y-%m-%d}" if resident.closed_at else ""
        console.print(
            f"Account {account}: opened {resident.opened_at:%Y-%m-%d}{closed}; grants: {shown['grants']}."
        )
    return 0
