"""``tanpuhui integrity hold``, ``release``, ``confirm`` and ``held``: acts that rules against fraud keep back."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from tanpuhui.cli.output import console, mg_as_mass, print_json
from tanpuhui.kit.moment import utc_now

JsonFlag = Annotated[bool, Parameter(name="--json", negative=())]
DONE, WITH_FINDINGS = 0, 3


def hold(day: str, /, *, days: Annotated[int, Parameter(negative=())] = 7, as_json: JsonFlag = False) -> int:
    """Hold what patterns of fraud find in a closed day and the closed days before it, and close those days again.

    What was credited is taken back by the close, also after a lot has certified it.
    Exit status 3 when acts are newly held.

    Example: tanpuhui integrity hold 2018-09-01 --days 7 --json

    Parameters
    ----------
    day
        The last day, YYYY-MM-DD; it must be closed.
    days
        How many days are looked at together, 1 to 31.
    as_json
        Print JSON instead of a table.
    """
    from tanpuhui.cli.days import parse_day
    from tanpuhui.cli.integrity_look import refuse_bad_window
    from tanpuhui.cli.places import jurisdiction, places
    from tanpuhui.close.hold import hold as hold_acts
    from tanpuhui.methodology.load import load_library

    refuse_bad_window(days)
    last, at = parse_day(day, "DAY"), utc_now()
    found = hold_acts(last, days, at=at, places=places(), jurisdiction=jurisdiction(), library=load_library())
    _note("acts_held", "day", last.isoformat(), at, {"acts": found.looked_at, **found.new})
    answer = {
        "day": last.isoformat(),
        "days": days,
        "acts": found.looked_at,
        "held": found.new,
        "closes": [one.as_json() for one in found.closes],
    }
    if as_json:
        print_json(answer)
    else:
        _print(found.new, [one.as_json() for one in found.closes])
    return WITH_FINDINGS if found.new else DONE


def release(record: int, /, *, reason: str, as_json: JsonFlag = False) -> int:
    """Release an act from the rules that hold it, and close its day again: it is credited like any other.

    An appeal that is upheld releases its act as well; its day is then due.

    Example: tanpuhui integrity release 4294967297 --reason "a cleaner with an entry of her own"

    Parameters
    ----------
    record
        The act's record number.
    reason
        Why; the person reads it.
    as_json
        Print JSON.
    """
    from django.db import transaction

    from tanpuhui.cli.places import jurisdiction, places
    from tanpuhui.close.run import close_day
    from tanpuhui.integrity.decide import release as release_act
    from tanpuhui.methodology.load import load_library

    at = utc_now()
    with transaction.atomic():
        day = release_act(record, reason, by=None, at=at)
        _note("act_released", "record", record, at, {"reason": reason})
    closed = close_day(
        day, at=at, places=places(), jurisdiction=jurisdiction(), library=load_library(), reopen=True
    )
    if as_json:
        print_json({"record": record, "day": day.isoformat(), "close": closed.as_json()})
    else:
        console.print(
            f"{record} is released. {day}: {mg_as_mass(closed.credited_mg)} credited.", highlight=False
        )
    return DONE


def confirm(record: int, /, *, reason: str, as_json: JsonFlag = False) -> int:
    """Decide that a held act stays so, without an appeal: at a sorting station it takes no part from others then.

    Days whose stations it was counted at are due. An appeal that is upheld releases the act still.

    Example: tanpuhui integrity confirm 4294967297 --reason "no such bag was fetched"

    Parameters
    ----------
    record
        The act's record number.
    reason
        Why; the person reads it.
    as_json
        Print JSON.
    """
    from django.db import transaction

    from tanpuhui.integrity.decide import confirm as confirm_act

    at = utc_now()
    with transaction.atomic():
        day = confirm_act(record, reason, by=None, at=at)
        _note("act_confirmed", "record", record, at, {"reason": reason})
    if as_json:
        print_json({"record": record, "day": day.isoformat()})
    else:
        console.print(f"{record} of {day} stays held.", highlight=False)
    return DONE


def held(day: str | None = None, /, *, as_json: JsonFlag = False) -> int:
    """What is held now, by record and without a name: of one day, or of all.

    Example: tanpuhui integrity held 2018-09-01

    Parameters
    ----------
    day
        A day, YYYY-MM-DD; all days when left out.
    as_json
        Print JSON.
    """
    from tanpuhui.cli.days import parse_day
    from tanpuhui.integrity.held import standing_flags

    flags = standing_flags().order_by("day", "record_id", "pattern")
    if day is not None:
        flags = flags.filter(day=parse_day(day, "DAY"))
    rows = [
        {
            "record": one.record_id,
            "day": one.day.isoformat(),
            "pattern": one.pattern,
            "found_at": one.found_at.isoformat(),
        }
        for one in flags
    ]
    if as_json:
        print_json(rows)
        return DONE
    table = Table("Record", "Day", "Held by", "Found at")
    for row in rows:
        table.add_row(*map(str, row.values()))
    console.print(table)
    return DONE


def _note(verb: str, kind: str, key: object, at: Any, facts: dict[str, Any]) -> None:
    from tanpuhui.access.audit import record as note

    note(verb, who=None, at=at, object_kind=kind, object_key=key, facts=facts)


def _print(new: dict[str, int], closes: list[dict[str, Any]]) -> None:
    for pattern, count in new.items():
        console.print(f"{pattern}: {count} newly held", highlight=False)
    for one in closes:
        console.print(
            f"{one['day']} closed again: {mg_as_mass(one['credited_mg'])} credited", highlight=False
        )
    if not new:
        console.print("Nothing is newly held.")
