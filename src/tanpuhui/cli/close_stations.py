"""``tanpuhui close stations``: how the stations of a closed day balance with what hauliers weighed."""

from __future__ import annotations

from rich.table import Table

from tanpuhui.cli.output import console, print_json

FINDINGS = 3


def stations(day: str, /, *, json: bool = False) -> int:
    """What was sorted and fetched at each station, what counts of it, and its score; exit 3 when one does not balance.

    It is what the close that stands for the day has frozen.

    Example: tanpuhui close stations 2026-03-02

    Parameters
    ----------
    day
        a closed day, YYYY-MM-DD.
    json
        print the stations as JSON.
    """
    from tanpuhui.baseline.mass_balance import BALANCES
    from tanpuhui.cli.days import parse_day
    from tanpuhui.cli.places import places
    from tanpuhui.close.balance import stations_of
    from tanpuhui.close.inputs import standing_manifest
    from tanpuhui.close.refusals import DayNotClosed

    asked = parse_day(day, "DAY")
    manifest = standing_manifest(asked)
    if manifest is None:
        raise DayNotClosed(day=asked)
    rows = stations_of(manifest.body["inputs"], places())
    if json:
        print_json(rows)
    else:
        table = Table(
            "Provider", "Station", "Days", "Sorted, g", "Fetched, g", "Counts, g", "Score, ‰", "Why"
        )
        for row in rows:
            days = (
                row["first_day"]
                if row["first_day"] == row["last_day"]
                else f"{row['first_day']} to {row['last_day']}"
            )
            fetched = "" if row["fetched_g"] is None else f"{row['fetched_g']:,}"
            table.add_row(
                row["provider"],
                row["station"],
                days,
                f"{row['sorted_g']:,}",
                fetched,
                f"{row['counted_g']:,}",
                str(row["score_permille"]),
                row["reason"].replace("_", " "),
            )
        console.print(table)
    return FINDINGS if any(row["reason"] != BALANCES for row in rows) else 0
