"""``tanpuhui grant``: a resident's grants: give, withdraw, pause, resume, show, and check them all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

FINDINGS = 3
METHOD = "cli"

app = App(name="grant", help="Give, withdraw and show residents' grants.")

JsonFlag = Annotated[bool, Parameter(name="--json", negative=())]


class NothingNamed(Refusal):
    code = "consent.nothing_named"
    message = "Say whose: name a grant, or an account with --account N."


class UnknownKind(Refusal):
    code = "consent.unknown_kind"
    message = "There is no kind of act {kind!r}. Choose from: {known}."


@app.command
def give(
    *,
    account: int,
    provider: str,
    kind: Annotated[list[str], Parameter(negative=())],
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    until: str | None = None,
    purpose: str = "quantification",
    recipient: str = "platform",
    guardian: int | None = None,
    lang: str = "zh",
    as_json: JsonFlag = False,
) -> int:
    """Give one grant: one provider, one recipient, one purpose, for twelve months at most.

    Example: tanpuhui grant give --account 1 --provider szt --kind metro_trip --kind bus_trip --from 2026-03-01

    Parameters
    ----------
    account
        The resident's account.
    provider
        Who may report.
    kind
        A kind of act; once for each.
    from_
        First local day of the acts covered; today if left out. It may lie in the past.
    until
        Last local day of the acts covered; as long as the grant is in force if left out.
    purpose
        What for: quantification, disclosure or publication.
    recipient
        Who receives: platform, or the recipient of another purpose.
    guardian
        Account of the guardian who agrees for somebody under 14.
    lang
        Language of the notice that was read: zh or en.
    as_json
        Print the grant as JSON.
    """
    from django.db import transaction

    from tanpuhui.cli.days import parse_day
    from tanpuhui.cli.places import jurisdiction
    from tanpuhui.consent.give import give as give_grant
    from tanpuhui.consent.terms import Terms, acts_of_days

    zone = jurisdiction().zone
    from_us, to_us = acts_of_days(
        parse_day(from_, "--from") if from_ is not None else None,
        parse_day(until, "--until") if until is not None else None,
        zone,
    )
    if purpose == "quantification":
        _refuse_unknown(provider, kind)
    terms = Terms(
        provider=provider,
        kinds=tuple(kind),
        acts_from_us=from_us,
        acts_to_us=to_us,
        purpose=purpose,
        recipient=recipient,
        lang=lang,
    )
    with transaction.atomic():
        grant = give_grant(
            account, terms, at=utc_now(), by="operator", method=METHOD, guardian=guardian, zone=zone
        )
    return _show_one(grant.pk, as_json)


def _refuse_unknown(provider: str, kinds: list[str]) -> None:
    """A grant is for a provider that has or had a contract, and for kinds of act that there are.

    What consent has to say about either (one of each, named at all) it says itself.
    """
    from django.db import transaction

    from tanpuhui.evidence import contract
    from tanpuhui.evidence.record import ACT_KINDS
    from tanpuhui.kit.moment import utc_now

    with transaction.atomic():
        contract.ensure_default_contracts(at=utc_now())
    names_one = provider.strip() and "," not in provider and "*" not in provider
    if names_one:
        contract.latest(provider)
    for kind in kinds:
        if kind.strip() and "," not in kind and "*" not in kind and kind not in ACT_KINDS:
            raise UnknownKind(kind=kind, known=", ".join(sorted(ACT_KINDS)))


@app.command
def withdraw(grant: int, /, *, as_json: JsonFlag = False) -> int:
    """Withdraw a grant: nothing more is processed under it; what was credited stays.

    Example: tanpuhui grant withdraw 17

    Parameters
    ----------
    grant
        The grant's number.
    as_json
        Print the grant as JSON.
    """
    from tanpuhui.consent import withdraw as verbs

    return _step(verbs.withdraw, grant, as_json)


@app.command
def pause(grant: int, /, *, as_json: JsonFlag = False) -> int:
    """Pause a grant: nothing is processed under it until it is resumed.

    Example: tanpuhui grant pause 17

    Parameters
    ----------
    grant
        The grant's number.
    as_json
        Print the grant as JSON.
    """
    from tanpuhui.consent import withdraw as verbs

    return _step(verbs.pause, grant, as_json)


@app.command
def resume(grant: int, /, *, as_json: JsonFlag = False) -> int:
    """Resume a paused grant.

    Example: tanpuhui grant resume 17

    Parameters
    ----------
    grant
        The grant's number.
    as_json
        Print the grant as JSON.
    """
    from tanpuhui.consent import withdraw as verbs

    return _step(verbs.resume, grant, as_json)


@app.command
def show(grant: int | None = None, /, *, account: int | None = None, as_json: JsonFlag = False) -> int:
    """Show a grant with its steps and, as JSON, its receipt, which verifies offline; or all grants of an account.

    Example: tanpuhui grant show 17 --json

    Parameters
    ----------
    grant
        The grant's number.
    account
        All grants of this account.
    as_json
        Print JSON: of one grant with "events" and "receipt".
    """
    from tanpuhui.consent.receipt import receipt
    from tanpuhui.consent.show import describe, get_grant, grants_of

    now = utc_now()
    if grant is None and account is None:
        raise NothingNamed
    if grant is None:
        assert account is not None
        return _print([describe(each, at=now) for each in grants_of(account)], as_json)
    record = receipt(grant, at=now)
    shown = describe(get_grant(grant), at=now) | {"events": record["events"], "receipt": record}
    if as_json:
        print_json(shown)
    else:
        _print([shown], as_json)
        for event in record["events"]:
            console.print(
                f"{event['event_time']}  {event['state']}  by {event['entity_id']}, {event['method']}"
            )
    return 0


@app.command
def check(*, as_json: JsonFlag = False) -> int:
    """Check every grant: signed, unaltered, and in a state that it could come to. Exit status 3 if one is not.

    Example: tanpuhui grant check --json

    Parameters
    ----------
    as_json
        Print {"ok", "findings"}.
    """
    from tanpuhui.consent.invariants import check as find

    findings = [finding.as_json() for finding in find()]
    if as_json:
        print_json({"ok": not findings, "findings": findings})
    else:
        for finding in findings:
            console.print(f"{finding['table']} {finding['key']}: not true that {finding['invariant']}.")
        console.print(f"{len(findings) or 'No'} findings.")
    return FINDINGS if findings else 0


def _step(verb: Callable[..., None], grant: int, as_json: bool) -> int:
    from django.db import transaction

    with transaction.atomic():
        verb(grant, at=utc_now(), by="operator", method=METHOD)
    return _show_one(grant, as_json)


def _show_one(grant: int, as_json: bool) -> int:
    from tanpuhui.consent.show import describe, get_grant

    shown = describe(get_grant(grant), at=utc_now())
    if as_json:
        print_json(shown)
        return 0
    return _print([shown], as_json)


def _print(rows: list[dict[str, Any]], as_json: bool) -> int:
    if as_json:
        print_json(rows)
        return 0
    from tanpuhui.cli.places import jurisdiction

    zone = ZoneInfo(jurisdiction().zone)
    table = Table("Grant", "Provider", "Kinds", "Purpose, recipient", "Acts", "State")
    for row in rows:
        first, last = (
            datetime.fromisoformat(row[edge]).astimezone(zone) for edge in ("acts_from", "acts_to")
        )
        table.add_row(
            str(row["grant"]),
            row["provider"],
            ", ".join(row["kinds"]),
            f"{row['purpose']}, {row['recipient']}",
            f"{first:%Y-%m-%d} to {last - timedelta(microseconds=1):%Y-%m-%d}",
            row["state"],
        )
    console.print(table)
    return 0
