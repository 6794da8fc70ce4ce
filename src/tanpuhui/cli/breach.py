"""``tanpuhui breach``: write down what happened to people's data, tell whom it must be told, and see what is late."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.moment import utc_now

FINDINGS = 3
app = App(
    name="breach", help="Write down breaches of personal information, and whom they were told (PIPL 57)."
)

JsonFlag = Annotated[bool, Parameter(name="--json", negative=())]


@app.command
def record(
    *,
    kinds: str,
    cause: str,
    harm: str,
    measures: str,
    advice: str,
    contact: str,
    found_at: datetime | None = None,
    accounts: Path | None = None,
    follows: int | None = None,
    as_json: JsonFlag = False,
) -> int:
    """Write a breach down, with the three groups of contents of the article, and the accounts it concerns.

    Example: tanpuhui breach record --kinds "e-mail addresses" --cause "a lost laptop" --harm "unwanted mail"
    --measures "the disk is encrypted, its key is revoked" --advice "be wary of mail" --contact privacy@carbon.example

    Parameters
    ----------
    kinds
        Which kinds of personal information it concerns.
    cause
        Why it happened.
    harm
        What it may do to people.
    measures
        What was done against it.
    advice
        What people can do themselves.
    contact
        Whom to reach.
    found_at
        When it was found; now, if left out.
    accounts
        A file with one account number a line.
    follows
        The record that this one adds to.
    as_json
        Print the record as JSON.
    """
    from django.db import transaction

    from tanpuhui.rights import breach

    at = utc_now()
    found = found_at.astimezone() if found_at else at
    named = [int(line) for line in accounts.read_text().split()] if accounts else []
    contents = breach.Contents(kinds, cause, harm, measures, advice, contact)
    with transaction.atomic():
        made = breach.record(contents, named, found_at=found, follows=follows, at=at)
    return _print(made.pk, as_json)


@app.command
def told(
    number: int,
    who: Literal["authority", "persons"],
    /,
    *,
    words: str = "",
    as_json: JsonFlag = False,
) -> int:
    """Say that the authority was told, or tell the persons: each of them finds it on their page and in their trail.

    Example: tanpuhui breach told 1 persons

    Parameters
    ----------
    number
        The breach.
    who
        authority or persons.
    words
        How, to whom.
    as_json
        Print the record as JSON.
    """
    from django.db import transaction

    from tanpuhui.access.audit import record as write_down
    from tanpuhui.rights import breach
    from tanpuhui.rights.models import BreachStep

    at = utc_now()
    what = {"authority": BreachStep.AUTHORITY_TOLD, "persons": BreachStep.PERSONS_TOLD}[who]
    with transaction.atomic():
        breach.step(number, what, words, at=at)
        found = breach.shown(number)
        if who == "persons":
            for account in found.persons:
                write_down(
                    "breach_notice",
                    who=None,
                    at=at,
                    object_kind="account",
                    object_key=account,
                    reason=found.notice,
                    facts={"breach": number},
                )
    return _print(number, as_json)


@app.command
def show(number: int | None = None, /, *, as_json: JsonFlag = False) -> int:
    """Show one breach, or all. Exit status 3 if the authority should have been told by now.

    Example: tanpuhui breach show --json

    Parameters
    ----------
    number
        The breach; all, if left out.
    as_json
        Print JSON.
    """
    if number is not None:
        return _print(number, as_json)
    from tanpuhui.rights import breach

    at = utc_now()
    found = [one.as_json(at) for one in breach.all_shown()]
    if as_json:
        print_json(found)
    else:
        for one in found:
            late = ", LATE" if one["late"] else ""
            console.print(
                f"{one['breach']}: {one['what']['kinds']}, {one['persons']} persons{late}", highlight=False
            )
    return FINDINGS if any(one["late"] for one in found) else 0


def _print(number: int, as_json: bool) -> int:
    from tanpuhui.rights import breach

    at = utc_now()
    found = breach.shown(number)
    if as_json:
        print_json(found.as_json(at))
    else:
        console.print(f"Breach {number}: {found.notice}", highlight=False)
        console.print(f"Tell the authority by {found.tell_by:%Y-%m-%d %H:%M %Z}.", highlight=False)
    return FINDINGS if found.is_late(at) else 0
