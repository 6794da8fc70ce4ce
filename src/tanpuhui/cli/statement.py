"""``tanpuhui statement``: what a resident has, and how it came to it, now or at a time."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.table import Table

from tanpuhui.cli.output import amount_of, console, mg_as_mass, print_json
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

if TYPE_CHECKING:
    from tanpuhui.ledger.statement import Statement


#: No ledger is older, and the database does not know every offset of the first years.
FIRST_YEAR = 1970


class NotAMoment(Refusal):
    code = "ledger.not_a_moment"
    message = "{text} is not a moment with its zone. Write it as 2026-11-24T12:00:00+08:00."


def statement(
    account: Annotated[int, Parameter(validator=Number(gte=1, lt=2**58))],
    *,
    at: str | None = None,
    limit: int | None = None,
    pdf: Path | None = None,
    language: Literal["zh", "en"] = "zh",
    large: Annotated[bool, Parameter(negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Show a resident's statement: pending, certified and retired, with every line, newest first.

    Example: tanpuhui statement 1 --at 2026-11-24T12:00:00+08:00 --json

    On paper: tanpuhui statement 1 --pdf statement.pdf --large

    Parameters
    ----------
    account
        Number of the resident's account.
    at
        The moment to look back to, with its zone; now if left out.
    limit
        Show at most this many lines; the totals count all.
    pdf
        Write the statement to this file, for printing on A4.
    language
        Language of the printed statement: zh or en.
    large
        Print it in large letters.
    as_json
        Print JSON instead of a table.
    """
    from django.db import connection

    from tanpuhui.consent import store
    from tanpuhui.ledger.statement import statement as draw_up

    store.refuse_unknown([account])
    moment = _moment(at) if at else utc_now()
    drawn = draw_up(connection, account, at=moment, limit=limit)
    if pdf is not None:
        _write_pdf(account, pdf, language, large=large, at=moment)
        if not as_json:
            console.print(f"Statement of account {account} written to {pdf}.", highlight=False)
            return 0
    if as_json:
        print_json(drawn.as_json())
    else:
        _show(drawn)
    return 0


def _write_pdf(account: int, pdf: Path, language: str, *, large: bool, at: datetime) -> None:
    from tanpuhui.cli.places import jurisdiction
    from tanpuhui.copies.statement import Printed, statement_pdf
    from tanpuhui.kit.files import write_bytes

    how = Printed("zh-hans" if language == "zh" else language, large=large, zone=jurisdiction().zone)
    write_bytes(pdf.absolute(), statement_pdf(account, how, at=at))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NotAMoment(text=text) from None
    if moment.tzinfo is None or moment.year < FIRST_YEAR:
        raise NotAMoment(text=text)
    return moment


def _show(drawn: Statement) -> None:
    table = Table(
        "Day", "Account", "Asset", "Amount", "Balance", "Reason", "No.", title=f"Account {drawn.owner_id}"
    )
    for line in drawn.lines:
        amounts = [amount_of(value, line.unit) for value in (line.amount, line.balance)]
        table.add_row(
            line.effective_on.isoformat(), line.account, line.asset, *amounts, line.reason, str(line.tx_id)
        )
    console.print(table)
    console.print(
        f"Pending {mg_as_mass(drawn.pending_mg())}, certified {mg_as_mass(drawn.certified_mg())}, "
        f"retired {mg_as_mass(drawn.retired_mg())} CO2e as of {drawn.at.isoformat()}."
    )
    if drawn.owed_mg():
        console.print(
            f"{mg_as_mass(drawn.owed_mg())} were taken back after they were certified: what is credited next makes "
            "them good."
        )
