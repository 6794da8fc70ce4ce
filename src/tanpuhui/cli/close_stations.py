"""``tanpuhui close stations``: how the stations of a closed day balance with what hauliers weighed."""

from __future__ import annotations

from rich.table import Column, Table

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
        why = Column("Why", no_wrap=True)
        table = Table("Station", "Days", "Sorted, g", "Fetched, g", "Counts, g", "‰", why)
        for row in rows:
            fetched = "" if row["fetched_g"] is None else f"{row['fetched_g']:,}"
            table.add_row(
                f"{row['provider']}: {row['station']}",
                " to ".join(dict.fromkeys((row["first_day"], row["last_day"]))),
                f"{row['sorted_g']:,}",
                fetched,
                f"{row['counted_g']:,}",
                str(row["score_permille"]),
                row["reason"],
            )
        console.print(table)
    return FINDINGS if any(row["reason"] != BALANCES for row in rows) else 0
