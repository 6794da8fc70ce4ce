"""``tanpuhui federation link``: links of an account with other platforms; residents make them on their own pages."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.moment import utc_now

app = App(name="link", help="Links of residents' accounts with other platforms.")

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]


@app.command(name="list")
def list_(account: int, /, *, as_json: Json = False) -> int:
    """The links of an account; no pseudonym is printed.

    Example: tanpuhui federation link list 1 --json

    Parameters
    ----------
    account
        Number of the account.
    """
    from tanpuhui.federation.link import links_of

    rows = [_said(link) for link in links_of(account)]
    if as_json:
        print_json(rows)
        return 0
    table = Table("Link", "Platform", "Since", "Ended")
    for row in rows:
        table.add_row(str(row["link"]), row["peer"], row["at"], row["ended_at"] or "")
    console.print(table)
    return 0


@app.command
def end(account: int, link: int, /, *, as_json: Json = False) -> int:
    """End a link for a resident who asked for it at the counter; the other platform is told.

    Example: tanpuhui federation link end 1 7

    Parameters
    ----------
    account
        Number of the account.
    link
        Number of the link.
    """
    from django.db import transaction

    from tanpuhui.federation.link import links_of, revoke

    with transaction.atomic():
        revoke(account, link, at=utc_now())
    said = next(_said(one) for one in links_of(account) if one.pk == link)
    if as_json:
        print_json(said)
    else:
        console.print(f"Link {link} is over.")
    return 0


def _said(link: Any) -> dict[str, Any]:
    end = getattr(link, "end", None)
    return {
        "link": link.pk,
        "peer": link.peer.code,
        "at": link.at.isoformat(),
        "ended_at": end.at.isoformat() if end else None,
        "ended_by_peer": end.by_peer if end else None,
    }
