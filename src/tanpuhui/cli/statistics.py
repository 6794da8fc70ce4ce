"""``tanpuhui statistics``: publish a month's statistics that reveal nobody, and show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cyclopts import App
from rich.table import Column, Table

from tanpuhui.cli.output import console, mg_as_mass, print_json
from tanpuhui.cli.places import jurisdiction, places
from tanpuhui.kit.moment import utc_now

if TYPE_CHECKING:
    from tanpuhui.registry.monthly import Figures, MonthTable

app = App(name="statistics")


@app.command
def publish(month: str | None = None, *, json: bool = False) -> int:
    """Release a month's statistics, once: with noise where the jurisdiction has [statistics.private], else exact.

    With noise, kinds of act and districts are released together, within the year's budget. A month that was released
    is answered as it was.

    Example: tanpuhui statistics publish 2026-02 --json

    Parameters
    ----------
    month
        The month to release, as 2026-02; without one, the last that is over.
    json
        print the release as JSON.
    """
    from django.db import transaction

    from tanpuhui.methodology.load import load_library
    from tanpuhui.registry.month import last_month
    from tanpuhui.registry.monthly import publish as publish_month

    rules, now = jurisdiction(), utc_now()
    with transaction.atomic():
        table = publish_month(
            month or last_month(now, rules.zone),
            at=now,
            places=places(),
            jurisdiction=rules,
            library=load_library(),
        )
    return _print(table, as_json=json)


@app.command
def show(month: str | None = None, *, json: bool = False) -> int:
    """A month's statistics by kind of act, as they were published.

    Example: tanpuhui statistics show 2026-02 --json

    Parameters
    ----------
    month
        The month, as 2026-02; without one, the newest that was released.
    json
        print the release as JSON.
    """
    from tanpuhui.registry.month import days_of
    from tanpuhui.registry.monthly import latest, table_of
    from tanpuhui.registry.refusals import NothingPublished

    if month is not None:
        days_of(month)
    table = latest() if month is None else table_of(month)
    if table is None:
        raise NothingPublished(month=month or "any month")
    return _print(table, as_json=json)


@app.command
def districts(month: str | None = None, *, json: bool = False) -> int:
    """A month's figures of each district, with noise, as they were published.

    Example: tanpuhui statistics districts 2026-02 --json

    Parameters
    ----------
    month
        The month, as 2026-02; without one, the newest that was released.
    json
        print the release as JSON.
    """
    from tanpuhui.registry.month import days_of
    from tanpuhui.registry.private import latest_private
    from tanpuhui.registry.refusals import NothingPublished

    if month is not None:
        days_of(month)
    release = latest_private(month)
    if release is None:
        raise NothingPublished(month=month or "any month")
    if json:
        print_json(
            {"digest": release.digest, "published_at": release.published_at.isoformat(), **release.body}
        )
    else:
        _print_districts(release.body)
    return 0


@app.command
def budget(year: int | None = None, *, json: bool = False) -> int:
    """What a year's releases with noise have told, and what they may tell in all (millionths of epsilon).

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


def _print(table: MonthTable, *, as_json: bool) -> int:
    if as_json:
        print_json({"digest": table.digest, "published_at": table.published_at.isoformat(), **table.body})
        return 0
    drawn = Table(Column("Kind of act", overflow="fold"), "Acts", "Persons", "CO2e")
    for row in (*table.rows, table.everybody):
        drawn.add_row(row.kind, *_numbers(row, table.least))
    console.print(drawn)
    said = (
        f"95 of 100 numbers are within what follows them; epsilon {table.body['epsilon_kinds_millionths'] / 1e6:g}."
        if table.noisy
        else f"No number rests on fewer than {table.least} persons."
    )
    console.print(f"{table.month}; {said} {table.digest}", highlight=False)
    return 0


def _numbers(row: Figures, least: int) -> tuple[str, str, str]:
    if row.acts is None or row.credited_mg is None:
        return "", f"below {least}", ""
    return (
        f"{row.acts:,}{_within(row.acts_error, f'{row.acts_error:,}')}",
        "left out"
        if row.persons is None
        else f"{row.persons:,}{_within(row.persons_error, f'{row.persons_error:,}')}",
        f"{mg_as_mass(row.credited_mg)}{_within(row.credited_error_mg, mg_as_mass(row.credited_error_mg))}",
    )


def _within(error: int, said: str) -> str:
    return f" ± {said}" if error else ""
