"""``tanpuhui request``: what people ask about their own record, and the operator's answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.moment import utc_now

FINDINGS = 3
app = App(name="request", help="List and answer what people ask about their own record.")

JsonFlag = Annotated[bool, Parameter(name="--json", negative=())]


@app.command(name="list")
def list_(*, as_json: JsonFlag = False) -> int:
    """List what waits for an answer, what is due first at the beginning. Exit status 3 if something is late.

    Example: tanpuhui request list --json

    Parameters
    ----------
    as_json
        Print JSON instead of a table.
    """
    from django.utils import timezone

    from tanpuhui.rights.show import waiting

    today = timezone.localdate()
    found = waiting()
    rows = [_shown(one) | {"late": one.is_late(today)} for one in found]
    if as_json:
        print_json(rows)
    else:
        table = Table("Request", "Account", "Kind", "State", "Due", "Words")
        for row in rows:
            due = f"[bold red]{row['due_on']}[/]" if row["late"] else row["due_on"]
            table.add_row(row["request"], str(row["account"]), row["kind"], row["state"], due, row["words"])
        console.print(table)
    return FINDINGS if any(row["late"] for row in rows) else 0


@app.command(name="in-hand")
def in_hand(request: UUID, /, *, as_json: JsonFlag = False) -> int:
    """Say that somebody works on it.

    Example: tanpuhui request in-hand 0a1b2c3d-0000-4000-8000-000000000000

    Parameters
    ----------
    request
        The request.
    as_json
        Print the request as JSON.
    """
    from tanpuhui.rights.answer import take_in_hand

    return _step(request, lambda at: take_in_hand(request, at=at), as_json)


@app.command
def done(request: UUID, /, *, words: str = "", as_json: JsonFlag = False) -> int:
    """Say that it is done.

    Example: tanpuhui request done 0a1b2c3d-0000-4000-8000-000000000000 --words "The day was closed again."

    Parameters
    ----------
    request
        The request.
    words
        What was done, for the person.
    as_json
        Print the request as JSON.
    """
    from tanpuhui.rights.answer import done as answer

    return _step(request, lambda at: answer(request, words, at=at), as_json)


@app.command
def refuse(request: UUID, /, *, reasons: str, as_json: JsonFlag = False) -> int:
    """Say no, with the reasons that the person reads.

    Example: tanpuhui request refuse 0a1b2c3d-0000-4000-8000-000000000000 --reasons "Kept for ten years by law."

    Parameters
    ----------
    request
        The request.
    reasons
        Why not.
    as_json
        Print the request as JSON.
    """
    from tanpuhui.rights.answer import refuse as answer

    return _step(request, lambda at: answer(request, reasons, at=at), as_json)


@app.command(name="open")
def open_(
    account: int,
    /,
    *,
    kind: str,
    words: str,
    by: str = "operator",
    proof: str = "",
    as_json: JsonFlag = False,
) -> int:
    """Write down what was asked on paper or by telephone; for heirs with the digest of the papers that were seen.

    Example: tanpuhui request open 1 --kind explanation --words "Why is the trip of 2 March no trip?"

    Parameters
    ----------
    account
        The account that it is about.
    kind
        correction, erasure, restriction, explanation or heirs.
    words
        What was asked, as it was said.
    by
        Who asked: resident, guardian, heir or operator.
    proof
        Digest of a copy of the papers; heirs have some.
    as_json
        Print the request as JSON.
    """
    from django.db import transaction

    from tanpuhui.access.audit import record
    from tanpuhui.cli.places import jurisdiction
    from tanpuhui.consent.show import get_resident
    from tanpuhui.rights.ask import ask
    from tanpuhui.rights.models import Request
    from tanpuhui.rights.refusals import UnknownKind
    from tanpuhui.rights.show import shown

    kinds = dict(Request.KINDS)
    if kind not in kinds:
        raise UnknownKind(kind=kind, known=", ".join(kinds))
    at = utc_now()
    get_resident(account)
    with transaction.atomic():
        made = ask(account, kind, words, at=at, by=by, zone=jurisdiction().zone, proof=proof)
        facts = {"kind": kind, "request": str(made.pk), "method": "cli"}
        record("ask_right", who=None, at=at, object_kind="account", object_key=account, facts=facts)
    if as_json:
        print_json(_shown(shown(made.pk)))
    else:
        console.print(f"Request {made.pk}, due {made.due_on}.", highlight=False)
    return 0


@app.command
def restrict(request: UUID, /, *, as_json: JsonFlag = False) -> int:
    """Do what was asked: from now on the data is kept and used for nothing; every consent in force is paused.

    Example: tanpuhui request restrict 0a1b2c3d-0000-4000-8000-000000000000

    Parameters
    ----------
    request
        The request for a restriction.
    as_json
        Print the request as JSON.
    """
    from tanpuhui.consent.restrict import restrict as begin
    from tanpuhui.rights.answer import done as answer
    from tanpuhui.rights.models import Request
    from tanpuhui.rights.refusals import UnknownKind
    from tanpuhui.rights.show import shown

    def verb(at: Any) -> Any:
        one = shown(request).request
        if one.kind != Request.RESTRICTION:
            raise UnknownKind(kind=one.kind, known=Request.RESTRICTION)
        begin(one.account, at=at)
        return answer(request, "", at=at)

    return _step(request, verb, as_json)


@app.command
def lift(account: int, /, *, as_json: JsonFlag = False) -> int:
    """End the restriction of an account; the consents that it paused are used again.

    Example: tanpuhui request lift 1

    Parameters
    ----------
    account
        The account's number.
    as_json
        Print {"account": ..., "resumed": ...}.
    """
    from django.db import transaction

    from tanpuhui.access.audit import record
    from tanpuhui.consent.restrict import lift as end

    at = utc_now()
    with transaction.atomic():
        resumed = end(account, at=at)
        facts = {"resumed": resumed, "method": "cli"}
        record("restriction_lifted", who=None, at=at, object_kind="account", object_key=account, facts=facts)
    if as_json:
        print_json({"account": account, "resumed": resumed})
    else:
        console.print(f"Account {account} is used again; consents resumed: {resumed}.", highlight=False)
    return 0


@app.command
def erase(
    request: UUID | None = None,
    /,
    *,
    again: Annotated[bool, Parameter(negative=())] = False,
    as_json: JsonFlag = False,
) -> int:
    """Erase whoever asked for it, once a second person has agreed in the console. Nothing brings them back.

    Runs as the owner of the tables: the role of pages and of this command line otherwise may not delete. With --again,
    after a database was restored from a backup, erase once more everybody who had been erased by then.

    Example: tanpuhui request erase 0a1b2c3d-0000-4000-8000-000000000000

    Parameters
    ----------
    request
        The request; none with --again.
    again
        Erase again whoever a restored database has brought back.
    as_json
        Print what was erased as JSON.
    """
    from django.db import transaction

    from tanpuhui.cli.owner import become_owner
    from tanpuhui.cli.places import jurisdiction, places
    from tanpuhui.erasure.erase import erase as do
    from tanpuhui.erasure.erase import erase_again
    from tanpuhui.federation.gather import gather
    from tanpuhui.federation.peer import enabled_peers
    from tanpuhui.rights.refusals import UnknownRequest

    become_owner()
    if again:
        accounts = erase_again(places=places(), at=utc_now())
        if as_json:
            print_json({"accounts": accounts})
        else:
            console.print(f"{len(accounts)} accounts were erased again.", highlight=False)
        return 0
    if request is None:
        raise UnknownRequest
    # Sums that a peer was not told yet, because it is away, are drawn up while the person's part can still be counted.
    with transaction.atomic():
        for peer in enabled_peers():
            gather(peer, at=utc_now())
    erased = do(request, at=utc_now(), places=places(), zone=jurisdiction().zone)
    if as_json:
        print_json(erased.as_json())
    else:
        console.print(
            f"Account {erased.account} is nobody's now: "
            f"{sum(erased.tables.values())} rows of {len(erased.tables)} tables, "
            f"{erased.rows} rows of {erased.files} files of the lake; {erased.points} points went back.",
            highlight=False,
        )
    return 0


def _step(request: UUID, verb: Callable[..., Any], as_json: bool) -> int:
    from django.db import transaction

    from tanpuhui.access.audit import record
    from tanpuhui.rights.show import shown

    at = utc_now()
    with transaction.atomic():
        step = verb(at)
        one = shown(request)
        record(
            f"answer_{step.state}",
            who=None,
            at=at,
            object_kind="account",
            object_key=one.request.account,
            facts={"request": str(request), "method": "cli"},
        )
    if as_json:
        print_json(_shown(one))
    else:
        console.print(f"Request {request} is {one.state.value}.", highlight=False)
    return 0


def _shown(one: Any) -> dict[str, Any]:
    return {
        "request": str(one.request.pk),
        "account": one.request.account,
        "kind": one.request.kind,
        "state": one.state.value,
        "made_at": one.request.made_at.isoformat(),
        "due_on": one.request.due_on.isoformat(),
        "words": one.request.words,
        "answer": one.words,
    }
