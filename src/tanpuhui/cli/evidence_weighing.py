"""``tanpuhui evidence weighing``: what hauliers weighed when they fetched stations' containers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

app = App(name="weighing")
Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]


class WeighingsUnreadable(Refusal):
    code = "evidence.weighings_unreadable"
    message = (
        "{file} cannot be read ({problem}). Give a CSV file with the columns station,day,fetched_g, or "
        "station,first_day,last_day,fetched_g."
    )


@app.command
def declare(provider: str, file: Path, /, *, source: str, as_json: Json = False) -> int:
    """Declare what was fetched from a provider's stations, in grams; all rows or none, the newest of each counts.

    Where the provider's contract says that its stations must balance, a close counts no more at a station than was
    fetched. Days that were closed before are due again. No grams take a weighing back.

    Example: tanpuhui evidence weighing declare sorting-stations weighed.csv --source blue-hauliers

    Parameters
    ----------
    provider
        The code of the stations' provider.
    file
        A CSV file with the columns station,day,fetched_g, or station,first_day,last_day,fetched_g.
    source
        Who weighed: somebody else than the provider.
    """
    from django.db import transaction

    from tanpuhui.access.audit import record
    from tanpuhui.cli.places import places
    from tanpuhui.evidence.weighing import declare as write_down
    from tanpuhui.evidence.weighing import read_weighings

    at = utc_now()
    with transaction.atomic():
        rows = read_weighings(_text(file))
        made = write_down(provider, rows, source=source, at=at, by="operator", lake=places().lake)
        facts = {"weighings": len(rows), "new": len(made), "source": source.strip()}
        record(
            "weighings_declared", who=None, at=at, object_kind="provider", object_key=provider, facts=facts
        )
    if as_json:
        print_json({"provider": provider, **facts})
    else:
        console.print(f"{len(made)} of {len(rows)} weighings are new.", highlight=False)
    return 0


@app.command(name="list")
def list_(provider: str | None = None, /, *, as_json: Json = False) -> int:
    """The weighings that count, by provider, station and days.

    Example: tanpuhui evidence weighing list sorting-stations

    Parameters
    ----------
    provider
        One provider; all when left out.
    """
    from datetime import date

    from tanpuhui.evidence.weighing import standing_of

    rows: list[dict[str, Any]] = [
        {
            "provider": one.provider,
            "station": one.station,
            "first_day": one.first_day.isoformat(),
            "last_day": one.last_day.isoformat(),
            "fetched_g": one.fetched_g,
            "source": one.source,
            "declared_at": one.declared_at.isoformat(),
        }
        for one in standing_of(date.min, date.max, None if provider is None else [provider])
    ]
    if as_json:
        print_json(rows)
        return 0
    table = Table("Provider", "Station", "From", "To", "Fetched, g", "Source", "Declared at")
    for row in rows:
        table.add_row(*map(str, row.values()))
    console.print(table)
    return 0


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WeighingsUnreadable(file=file.name, problem=str(error)) from error
