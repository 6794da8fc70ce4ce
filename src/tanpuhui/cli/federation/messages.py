"""Messages on the command line: send what waits, look at what went and came, replay, reconcile a day."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from tanpuhui.cli.days import parse_day
from tanpuhui.cli.output import console, mg_as_mass, print_json
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

FINDINGS = 3

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]


class BadNumber(Refusal):
    code = "federation.bad_number"
    message = "--from is {given}. Messages are numbered from 1 on."


def send(peer: str | None = None, /, *, as_json: Json = False) -> int:
    """A round with every peer, or one: compare counts, get back what was lost, say what is new.

    'tanpuhui work' does it by itself. Exit status 3 when something was not taken.

    Example: tanpuhui federation send shanghai --json

    Parameters
    ----------
    peer
        Code of a peer; every one that is enabled when left out.
    """
    from tanpuhui.federation.peer import get_peer
    from tanpuhui.federation.send import send as bring
    from tanpuhui.federation.send import send_all
    from tanpuhui.federation.transport import over_http

    at = utc_now()
    if peer is None:
        return _rounds(send_all(over_http, at=at), as_json=as_json)
    return _rounds([bring(get_peer(peer, enabled=True), over_http, at=at)], as_json=as_json)


def replay(peer: str, /, *, first: Annotated[int, Parameter(name="--from")], as_json: Json = False) -> int:
    """Say everything to a peer again from a number on; what it has, it answers as before.

    Example: tanpuhui federation replay shanghai --from 1

    Parameters
    ----------
    peer
        Code of the peer.
    first
        Number of the first message.
    """
    from tanpuhui.federation.peer import get_peer
    from tanpuhui.federation.replay import replay as again
    from tanpuhui.federation.transport import over_http

    if first < 1:
        raise BadNumber(given=first)
    found = get_peer(peer, enabled=True)
    return _rounds([again(found, over_http, first=first, at=utc_now())], as_json=as_json)


def outbox(
    *,
    peer: str | None = None,
    waiting: Annotated[bool, Parameter(negative=())] = False,
    as_json: Json = False,
) -> int:
    """What was said to peers, the newest first, and what they answered.

    Example: tanpuhui federation outbox --waiting --json

    Parameters
    ----------
    peer
        Code of a peer.
    waiting
        Only what has no answer yet.
    """
    from tanpuhui.federation.listing import outgoing

    return _listed(outgoing(peer, waiting=waiting), as_json=as_json)


def inbox(
    *,
    peer: str | None = None,
    evidence: Annotated[bool, Parameter(negative=())] = False,
    as_json: Json = False,
) -> int:
    """What peers said and what we answered, the newest first; or what was refused and kept as evidence.

    Example: tanpuhui federation inbox --evidence --json

    Parameters
    ----------
    peer
        Code of a peer.
    evidence
        What was refused and kept, in place of what was taken.
    """
    from tanpuhui.federation.listing import incoming, kept_evidence

    return _listed(kept_evidence(peer) if evidence else incoming(peer), as_json=as_json)


def findings(*, peer: str | None = None, as_json: Json = False) -> int:
    """What was noticed when counts were compared: that one side went back, or that the two differ.

    Example: tanpuhui federation findings --json

    Parameters
    ----------
    peer
        Code of a peer.
    """
    from tanpuhui.federation.listing import noticed

    rows = noticed(peer)
    if as_json:
        print_json(rows)
    else:
        table = Table("Peer", "What", "Facts", "At")
        for row in rows:
            table.add_row(row["peer"], row["what"], str(row["facts"]), row["at"])
        console.print(table)
    return 0


def reconcile(day: str, /, *, peer: str | None = None, as_json: Json = False) -> int:
    """Compare a day with every peer, or one, to zero; names each message that is missing, refused or different.

    Exit status 3 when anything is.

    Example: tanpuhui federation reconcile 2026-11-24 --json

    Parameters
    ----------
    day
        A local day, YYYY-MM-DD.
    peer
        Code of a peer; every one that is enabled when left out.
    """
    from tanpuhui.federation.peer import enabled_peers, get_peer
    from tanpuhui.federation.reconcile import reconcile as compare
    from tanpuhui.federation.transport import over_http

    on, at = parse_day(day, "DAY"), utc_now()
    peers = [get_peer(peer, enabled=True)] if peer else enabled_peers()
    reports = [compare(one, on, over_http, at=at) for one in peers]
    if as_json:
        print_json(reports)
    else:
        for report in reports:
            _print_report(report)
    return 0 if all(report["agrees"] for report in reports) else FINDINGS


def _print_report(report: dict[str, Any]) -> None:
    verdict = "[green]agree[/]" if report["agrees"] else "[bold red]differ[/]"
    console.print(f"{report['peer']} and we {verdict} about {report['day']}.", highlight=False)
    table = Table("Kind", "Sent", "mg", "Taken", "mg")
    for kind in sorted({*report["sent"], *report["taken"]}):
        sent, taken = report["sent"].get(kind, {}), report["taken"].get(kind, {})
        cells = [
            sent.get("count", 0),
            sent.get("amount_mg", 0),
            taken.get("count", 0),
            taken.get("amount_mg", 0),
        ]
        table.add_row(kind, *(f"{cell:,}" for cell in cells))
    console.print(table)
    for one in report["differences"]:
        said = ", ".join(f"{name} {value}" for name, value in one.items() if name != "what")
        console.print(f"{one['what']}: {said}", markup=False, highlight=False)


def _rounds(rounds: list[Any], *, as_json: bool) -> int:
    rows = [one.as_json() for one in rounds]
    if as_json:
        print_json(rows)
    else:
        table = Table("Peer", "Done", "Refused", "Got back", "Done again", "Waiting", "Why not")
        for row in rows:
            why = row["why_not"]["message"] if row["why_not"] else ""
            counts = (row[name] for name in ("done", "refused", "recovered", "redone", "waiting"))
            table.add_row(row["peer"], *(f"{count:,}" for count in counts), why)
        console.print(table)
    return FINDINGS if any(row["why_not"] or row["refused"] for row in rows) else 0


def _listed(rows: list[dict[str, Any]], *, as_json: bool) -> int:
    if as_json:
        print_json(rows)
        return 0
    table = Table("Peer", "Number", "Kind", "Day", "Amount", "Outcome", "Id")
    for row in rows:
        outcome = row["outcome"] if not row["code"] else f"{row['outcome']}: {row['code']}"
        amount = mg_as_mass(row["amount_mg"]) if row["amount_mg"] else ""
        table.add_row(
            row["peer"], str(row["sequence"]), row["kind"], row["day"], amount, outcome, row["id"][:19]
        )
    console.print(table)
    return 0
