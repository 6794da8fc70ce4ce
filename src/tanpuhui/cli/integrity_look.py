"""``tanpuhui integrity look``: look for patterns of fraud in the acts of a closed day and the days before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from tanpuhui.cli.output import console, mg_as_mass, print_json
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

if TYPE_CHECKING:
    import pyarrow as pa

    from tanpuhui.integrity.patterns.find import Found

JsonFlag = Annotated[bool, Parameter(name="--json", negative=())]
WITH_FINDINGS = 3
#: Records that are listed for each pattern; all of them are counted.
MOST_LISTED = 1_000
MOST_DAYS = 31


class BadWindow(Refusal):
    code = "integrity.bad_window"
    message = "{given} days cannot be looked at together. Give --days from 1 to {most}."


def look(day: str, /, *, days: Annotated[int, Parameter(negative=())] = 7, as_json: JsonFlag = False) -> int:
    """Look for patterns of fraud in a closed day and the closed days before it. Nothing is held: 'hold' does that.

    Records are shown by number and never with a name; that somebody looked is kept in the audit trail.
    Exit status 3 when a pattern found something.

    Example: tanpuhui integrity look 2018-09-01 --days 7 --json

    Parameters
    ----------
    day
        The last day, YYYY-MM-DD; it must be closed.
    days
        How many days are looked at together, 1 to 31.
    as_json
        Print JSON instead of a table.
    """
    from datetime import timedelta

    from django.db import transaction

    from tanpuhui.access.audit import record
    from tanpuhui.cli.days import parse_day
    from tanpuhui.cli.places import places
    from tanpuhui.close.drop_offs import drop_offs
    from tanpuhui.close.totals import reported_totals
    from tanpuhui.close.window import acts_in
    from tanpuhui.integrity.patterns.find import find
    from tanpuhui.points.redeemed import redeemed

    refuse_bad_window(days)
    last = parse_day(day, "DAY")
    window = [last - timedelta(days=back) for back in range(days)]
    with transaction.atomic():
        acts = acts_in(window, places())
        relations = {"act": acts, **drop_offs(acts, window)}
        others = {"reported_total": reported_totals(window, places()), "redemption": redeemed(window)}
        found = find(relations | {name: table for name, table in others.items() if table is not None})
        record(
            "look_for_fraud",
            who=None,
            at=utc_now(),
            object_kind="day",
            object_key=last.isoformat(),
            facts={"days": len(window), "acts": acts.num_rows}
            | {f.pattern.name: len(f.records) for f in found},
        )
    rows = [_shown(one, acts) for one in found]
    if as_json:
        print_json({"day": last.isoformat(), "days": len(window), "acts": acts.num_rows, "patterns": rows})
    else:
        _print(rows, acts.num_rows)
    return WITH_FINDINGS if any(one.records for one in found) else 0


def refuse_bad_window(days: int) -> None:
    """A window is a day to a month."""
    if not 1 <= days <= MOST_DAYS:
        raise BadWindow(given=days, most=MOST_DAYS)


def _shown(found: Found, acts: pa.Table) -> dict[str, Any]:
    import pyarrow.compute as pc

    from tanpuhui.integrity.flag import OF_ACTS

    # Totals and redemptions have numbers of their own, which are no acts'.
    records = found.records if found.pattern.relation in OF_ACTS else ()
    credited = acts.filter(pc.is_in(acts["record_id"], _numbers(records)))["credited_mg"]
    return {
        "pattern": found.pattern.name,
        "reason": {"zh": found.pattern.reason_zh, "en": found.pattern.reason_en},
        "looked_at": not found.missing,
        "missing": list(found.missing),
        "acts": len(found.records),
        "credited_mg": sum(credited.to_pylist()),
        "records": list(found.records[:MOST_LISTED]),
    }


def _numbers(records: tuple[int, ...]) -> pa.Array:
    import pyarrow as pa

    return pa.array(records, pa.int64())


def _print(rows: list[dict[str, Any]], acts: int) -> None:
    table = Table("Pattern", "Acts", "Credited", "Reason, or what is not known")
    for row in rows:
        said = row["reason"]["en"] if row["looked_at"] else f"not looked at: no {', '.join(row['missing'])}"
        table.add_row(row["pattern"], str(row["acts"]), mg_as_mass(row["credited_mg"]), said)
    console.print(table)
    found = sum(row["acts"] for row in rows)
    next_step = " 'tanpuhui integrity hold DAY' holds what was found." if found else ""
    console.print(f"{acts} acts were looked at, {found} findings.{next_step}", highlight=False)
