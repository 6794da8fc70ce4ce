"""``tanpuhui statistics``: publish statistics in which nothing rests on a handful of persons, and show them."""

from __future__ import annotations

from typing import Any

from cyclopts import App
from rich.table import Table

from tanpuhui.cli.output import console, mg_as_mass, print_json
from tanpuhui.cli.places import jurisdiction, places
from tanpuhui.kit.moment import utc_now

app = App(name="statistics")


@app.command
def publish(*, json: bool = False) -> int:
    """Draw up the statistics of all standing closes and release them; the same again adds nothing.

    Example: tanpuhui statistics publish

    Parameters
    ----------
    json
        print the release as JSON.
    """
    from django.db import transaction

    from tanpuhui.methodology.load import load_library
    from tanpuhui.registry.statistics import publish as publish_statistics

    library = load_library()
    with transaction.atomic():
        release = publish_statistics(
            at=utc_now(), places=places(), jurisdiction=jurisdiction(), library=library
        )
    return _print(release, as_json=json)


@app.command
def show(*, json: bool = False) -> int:
    """The statistics that were published last.

    Example: tanpuhui statistics show --json

    Parameters
    ----------
    json
        print the release as JSON.
    """
    from tanpuhui.registry.refusals import NothingPublished
    from tanpuhui.registry.statistics import latest

    release = latest()
    if release is None:
        raise NothingPublished()
    return _print(release, as_json=json)


def _print(release: Any, *, as_json: bool) -> int:
    body = release.body
    if as_json:
        print_json({"digest": release.digest, "published_at": release.published_at.isoformat(), **body})
        return 0
    table = Table("Kind of act", "Acts", "Persons", "CO2e")
    for row in body["kinds"]:
        table.add_row(row["kind"], f"{row['acts']:,}", f"{row['persons']:,}", mg_as_mass(row["credited_mg"]))
    console.print(table)
    left_out = sum(cell["left_out"] for cell in body["cells"])
    console.print(
        f"{body['first_day']} to {body['last_day']}; {left_out} cells are left out: no number rests on fewer than "
        f"{body['least_persons']} persons. {release.digest}",
        highlight=False,
    )
    return 0
