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


@app.command
def districts(month: str | None = None, *, json: bool = False) -> int:
    """Release a month's figures of each district, with noise, or show the newest; a month is released once.

    What a release tells about any one person is bounded by its epsilon, and a year's releases share a budget.

    Example: tanpuhui statistics districts 2026-02 --json

    Parameters
    ----------
    month
        The month to release, as 2026-02; without one, what was released last is shown.
    json
        print the release as JSON.
    """
    from django.db import transaction

    from tanpuhui.registry.private import latest_private, publish_month
    from tanpuhui.registry.refusals import NothingPublished

    if month is None:
        release = latest_private()
        if release is None:
            raise NothingPublished()
    else:
        with transaction.atomic():
            release = publish_month(month, at=utc_now(), places=places(), jurisdiction=jurisdiction())
    if json:
        print_json(
            {"digest": release.digest, "published_at": release.published_at.isoformat(), **release.body}
        )
    else:
        _print_districts(release.body)
    return 0


@app.command
def budget(year: int | None = None, *, json: bool = False) -> int:
    """What a year's releases of districts have told, and what they may tell in all (millionths of epsilon).

    Example: tanpuhui statistics budget 2026 --json

    Parameters
    ----------
    year
        The year of the months; this year without it.
    json
        print {"year", "spent", "limit", "left"} as JSON.
    """
    from tanpuhui.registry.private import budget_of
    from tanpuhui.registry.refusals import NoDistricts

    rules = jurisdiction().private
    if rules is None:
        raise NoDistricts(jurisdiction=jurisdiction().code)
    found = budget_of(utc_now().year if year is None else year, rules)
    if json:
        print_json({"year": found.year, "spent": found.spent, "limit": found.limit, "left": found.left})
    else:
        console.print(
            f"{found.year}: {found.spent:,} of {found.limit:,} millionths of epsilon; {found.left:,} left."
        )
    return 0


def _print_districts(body: Any) -> None:
    from tanpuhui.quantify.districts import load_districts

    rules = jurisdiction().private
    names = {one.code: one.en for one in load_districts(rules.districts if rules else "")}
    table = Table("District", "Persons", "CO2e")
    for row in body["districts"]:
        name = names.get(row["code"], row["code"])
        if row["left_out"]:
            table.add_row(name, f"below {body['threshold']}", "")
        else:
            table.add_row(name, f"{row['persons']:,}", mg_as_mass(row["credited_g"] * 1_000))
    console.print(table)
    console.print(
        f"{body['month']}; 95 of 100 numbers are within {body['persons_error']:,} persons and "
        f"{mg_as_mass(body['credited_error_g'] * 1_000)} of what was counted; "
        f"epsilon {body['epsilon_millionths'] / 1e6:g}.",
        highlight=False,
    )


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
