"""``tanpuhui evidence total``: what providers say that they sent, and what somebody independent counted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

app = App(name="total")
Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]


class TotalsUnreadable(Refusal):
    code = "evidence.totals_unreadable"
    message = "{file} cannot be read ({problem}). Give a CSV file with the columns day,kind,records."


@app.command
def declare(provider: str, file: Path, /, *, source: str | None = None, as_json: Json = False) -> int:
    """Declare how many records of each kind there were on each day; of each the newest declaration counts.

    Without --source it is what the provider says that it sent, and a verifier's completeness check compares it with
    what was recorded. With it, it is an independent count, and 'integrity look' finds a provider that reports more.

    Example: tanpuhui evidence total declare szt totals.csv --source metro-gates

    Parameters
    ----------
    provider
        The provider's code.
    file
        A CSV file with the columns day,kind,records.
    source
        Who counted independently.
    """
    from django.db import transaction

    from tanpuhui.access.audit import record
    from tanpuhui.evidence.contract import latest
    from tanpuhui.evidence.total import declare as write_down
    from tanpuhui.evidence.total import read_totals

    at = utc_now()
    with transaction.atomic():
        rows = read_totals(_text(file), latest(provider).kinds)
        made = write_down(provider, rows, at=at, by="operator", source=source)
        facts = {"totals": len(rows), "new": len(made), "source": source or provider}
        record("totals_declared", who=None, at=at, object_kind="provider", object_key=provider, facts=facts)
    if as_json:
        print_json({"provider": provider, **facts})
    else:
        console.print(f"{len(made)} of {len(rows)} totals are new.", highlight=False)
    return 0


@app.command(name="list")
def list_(provider: str | None = None, /, *, as_json: Json = False) -> int:
    """The newest totals by provider, source, day and kind.

    Example: tanpuhui evidence total list szt

    Parameters
    ----------
    provider
        One provider; all when left out.
    """
    from tanpuhui.evidence.models import Total
    from tanpuhui.evidence.total import newest_of

    days = Total.objects.values_list("day", flat=True).distinct()
    rows: list[dict[str, Any]] = [
        {
            "provider": one.provider,
            "source": one.source,
            "day": one.day.isoformat(),
            "kind": one.kind,
            "records": one.records,
            "declared_at": one.declared_at.isoformat(),
        }
        for one in newest_of(days)
        if provider in (None, one.provider)
    ]
    if as_json:
        print_json(rows)
        return 0
    table = Table("Provider", "Source", "Day", "Kind", "Records", "Declared at")
    for row in rows:
        table.add_row(*map(str, row.values()))
    console.print(table)
    return 0


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TotalsUnreadable(file=file.name, problem=str(error)) from error
