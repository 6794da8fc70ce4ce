"""``tanpuhui programme``: homes that save together, a random hold-out, and what of it may be certified."""

from __future__ import annotations

import csv
import secrets
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, mg_as_mass, print_json
from tanpuhui.cli.places import jurisdiction, places
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

DONE, FINDINGS = 0, 3
app = App(name="programme")
Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]
Code = Annotated[str, Parameter(help="The programme's code.")]
Comparison = Annotated[
    str,
    Parameter(
        help="Homes held out that a home is compared with: all, stratified or matched by the baseline."
    ),
]
Baseline = Annotated[
    Path | None,
    Parameter(
        help="Readings (home,month,energy_wh) of the baseline's months that are over; frozen with the window."
    ),
]
LimitPercent = Annotated[
    int, Parameter(help="What a home uses at most, in per cent of its own frozen baseline; 0 is no limit.")
]
LimitWh = Annotated[
    int, Parameter(help="What a home uses at most a month, in Wh; of two limits the higher counts.")
]


class HomesUnreadable(Refusal):
    code = "programme.homes_unreadable"
    message = "{file} cannot be read ({problem}). {wanted}"


@app.command(name="open")
def open_(
    code: Code,
    /,
    *,
    homes: Path,
    percent: int,
    baseline_from: str,
    starts: str,
    title_zh: str,
    title_en: str,
    pia: str,
    rung: str = "L5",
    comparison: Comparison = "all",
    baseline: Baseline = None,
    limit_percent: LimitPercent = 0,
    limit_wh: LimitWh = 0,
    as_json: Json = False,
) -> int:
    """Begin a programme: hold homes out at random before anybody is recruited; publish the digest that is printed.

    Example: tanpuhui programme open lujiazui-saves --homes homes.txt --percent 30 --baseline-from 2024-03 \
--starts 2025-03 --title-zh 陆家嘴节电 --title-en "Lujiazui saves" --pia PIA-2026-9

    Parameters
    ----------
    homes
        Pseudonyms of all homes that might be asked, one a line; the list is fixed from then on.
    percent
        So many per cent are held out, 1 to 90.
    baseline_from
        First month of the baseline's twelve, such as 2024-03.
    starts
        First month that is measured; it has not begun yet.
    title_zh
        What it is called in Chinese.
    title_en
        What it is called in English.
    pia
        Reference of the privacy impact assessment.
    rung
        L5 compares by analysis of covariance, L3 by the hold-out's ratio, L4 by it after models of weather, L2 by it
        where histories are short; it stays for the whole window.
    """
    from django.db import transaction

    from tanpuhui.methodology.load import load_library
    from tanpuhui.programme.month import parse_month
    from tanpuhui.programme.open import Design, open_programme
    from tanpuhui.programme.show import as_json as shown

    design = Design(
        code=code,
        title_zh=title_zh,
        title_en=title_en,
        homes=_lines(homes),
        percent=percent,
        rung=rung,
        baseline_from=parse_month(baseline_from, "--baseline-from"),
        starts_on=parse_month(starts, "--starts"),
        pia_reference=pia,
        seed=secrets.token_hex(32),
        baseline=baseline,
        comparison=comparison,
        limit_percent=limit_percent,
        limit_wh=limit_wh,
    )
    at = utc_now()
    with transaction.atomic():
        made = open_programme(
            design, at=at, zone=jurisdiction().zone, library=load_library(), places=places()
        )
        facts = {"homes": made.homes, "held_out": made.held_out, "commitment": made.commitment}
        _note("programme.opened", code, at, facts)
    if as_json:
        print_json(shown(made))
    else:
        console.print(f"{made.held_out} of {made.homes} homes are held out. Publish before recruitment:")
        console.print(made.commitment, style="bold", highlight=False, soft_wrap=True)
    return DONE


@app.command
def join(code: Code, homes: Path, /, *, as_json: Json = False) -> int:
    """Link homes that take part to their holders' accounts; a home that is held out never joins.

    Example: tanpuhui programme join lujiazui-saves joined.csv

    Parameters
    ----------
    homes
        A file with the columns home,account.
    """
    from django.db import transaction

    from tanpuhui.programme.join import join as link
    from tanpuhui.programme.refusals import HeldOutJoins
    from tanpuhui.programme.show import REFUSED_JOIN

    at, pairs = utc_now(), _pairs(homes)
    try:
        with transaction.atomic():
            count = link(code, pairs, at=at)
            _note("programme.joined", code, at, {"homes": count})
    except HeldOutJoins:
        # After the rollback: who asks home by home who is held out leaves a trace.
        _note(REFUSED_JOIN, code, at, {"homes": len(pairs)})
        raise
    return _say({"programme": code, "joined": count}, as_json=as_json)


@app.command
def window(
    code: Code,
    /,
    *,
    starts: str,
    baseline_from: str,
    rung: str = "L5",
    comparison: Comparison = "all",
    baseline: Baseline = None,
    limit_percent: LimitPercent = 0,
    limit_wh: LimitWh = 0,
    as_json: Json = False,
) -> int:
    """Declare another window before it begins: a rung or a baseline is changed in no other way.

    Example: tanpuhui programme window lujiazui-saves --starts 2027-01 --baseline-from 2024-03 --rung L3

    Parameters
    ----------
    starts
        First month that is measured so.
    baseline_from
        First month of the baseline's twelve.
    rung
        L5, L4, L3 or L2.
    """
    from django.db import transaction

    from tanpuhui.programme.find import get_programme
    from tanpuhui.programme.models import Window
    from tanpuhui.programme.month import parse_month
    from tanpuhui.programme.show import window_as_json
    from tanpuhui.programme.window import declare

    at = utc_now()
    wanted = Window(
        programme=get_programme(code),
        rung=rung,
        baseline_from=parse_month(baseline_from, "--baseline-from"),
        starts_on=parse_month(starts, "--starts"),
        comparison=comparison,
        limit_percent=limit_percent,
        limit_wh=limit_wh,
    )
    with transaction.atomic():
        made = declare(wanted, at=at, baseline=baseline, places=places())
        facts = {"starts": made.starts_on.isoformat(), "rung": rung, "baseline": made.baseline}
        _note("programme.window_declared", code, at, facts)
    answer = {"programme": code, **window_as_json(made)}
    return _say(answer, as_json=as_json)


@app.command
def settle(
    code: Code,
    /,
    *,
    readings: Path,
    first: str,
    last: str,
    temperature: Path | None = None,
    as_json: Json = False,
) -> int:
    """Settle the next months: freeze the readings, estimate, and share the lower bound out among homes that joined.

    The shares wait as evidence: close the last day of the period, and they are pending like any act.

    Example: tanpuhui programme settle lujiazui-saves --readings readings.csv --first 2025-03 --last 2025-05

    Parameters
    ----------
    readings
        A file with the columns home,month,energy_wh: the period and the same months of the baseline, all homes.
        Months of the baseline that are frozen may be left out.
    first
        The first month.
    last
        The last month.
    temperature
        On L4 a file with the columns dt,tempC (or tempF): the baseline's twelve months and the period.
    """
    from django.db import transaction

    from tanpuhui.methodology.load import load_library
    from tanpuhui.programme.month import parse_month
    from tanpuhui.programme.settle import Order
    from tanpuhui.programme.settle import settle as settle_period
    from tanpuhui.programme.show import period_as_json

    order = Order(code, parse_month(first, "--first"), parse_month(last, "--last"), readings, temperature)
    at = utc_now()
    with transaction.atomic():
        made = settle_period(order, at=at, places=places(), library=load_library())
        facts = {"first": first, "last": last, "readings": made.readings, "shared_mg": made.shared_mg}
        _note("programme.settled", code, at, facts)
    if as_json:
        print_json(period_as_json(made))
    else:
        _print_periods([period_as_json(made)])
        console.print(f"Next: tanpuhui close {made.last_day}", highlight=False)
    return DONE


@app.command
def unseal(code: Code, /, *, as_json: Json = False) -> int:
    """Open the hold-out, once a period is settled, so that a verifier can see who was compared with whom.

    Example: tanpuhui programme unseal lujiazui-saves
    """
    from django.db import transaction

    from tanpuhui.programme.unseal import unseal as open_seal

    at = utc_now()
    with transaction.atomic():
        made = open_seal(code, at=at)
        _note("programme.unsealed", code, at, {})
    return _say({"programme": code, "opened_at": made.at.isoformat(), **made.content}, as_json=as_json)


@app.command
def verify(code: Code, /, *, as_json: Json = False) -> int:
    """Draw the hold-out again, see that none of it joined, and work every period out again; exit 3 when not so.

    Example: tanpuhui programme verify lujiazui-saves --json
    """
    from tanpuhui.methodology.load import load_library
    from tanpuhui.programme.verify import verify as check

    found = check(code, places=places(), library=load_library())
    _say(found.as_json(), as_json=as_json)
    return DONE if found.stands else FINDINGS


@app.command
def show(code: str | None = None, /, *, as_json: Json = False) -> int:
    """One programme with its windows and settled periods, or all of them.

    Example: tanpuhui programme show lujiazui-saves

    Parameters
    ----------
    code
        The programme; all when left out.
    """
    from tanpuhui.programme.find import get_programme
    from tanpuhui.programme.models import Programme
    from tanpuhui.programme.show import as_json as shown

    chosen = [get_programme(code)] if code else list(Programme.objects.order_by("code"))
    found = [shown(one) for one in chosen]
    if as_json:
        print_json(found[0] if code else found)
        return DONE
    for one in found:
        opened_at = one["hold_out_opened_at"]
        opened = f"unsealed at {opened_at}" if opened_at else "sealed"
        console.print(
            f"{one['programme']}: {one['homes']} homes, {one['held_out']} held out ({opened})",
            highlight=False,
        )
        console.print(one["commitment"], highlight=False, soft_wrap=True)
        for window in one["windows"]:
            console.print(_window(window), highlight=False, soft_wrap=True)
        _print_periods(one["periods"])
    return DONE


def _window(row: dict[str, Any]) -> str:
    """A window on a line: what was declared before it began."""
    limits = [
        f"{row['limit_percent']} % of the own baseline" if row["limit_percent"] else "",
        f"{row['limit_wh']:,} Wh a month" if row["limit_wh"] else "",
    ]
    parts = [
        f"from {row['starts_on']} on {row['rung']}, compared with {row['comparison']}",
        f"baseline from {row['baseline_from']}",
        f"frozen as {row['baseline']}" if row["baseline"] else "",
        "a home uses at most " + " or ".join(filter(None, limits)) if any(limits) else "",
    ]
    return "; ".join(filter(None, parts))


def _print_periods(rows: list[dict[str, Any]]) -> None:
    table = Table()
    for heading in (
        *("Period", "Rung", "Homes", "Joined", "Held out"),
        *("Saved Wh", "Error Wh", "Bound Wh", "Shared out"),
    ):
        # On a narrow terminal a number goes on below and is not cut.
        table.add_column(heading, overflow="fold")
    for row in rows:
        counts = [
            f"{row[name]:,}" for name in ("homes", "joined", "held_out", "saved_wh", "error_wh", "bound_wh")
        ]
        table.add_row(f"{row['first']} to {row['last']}", row["rung"], *counts, mg_as_mass(row["shared_mg"]))
    console.print(table)


def _note(verb: str, code: str, at: Any, facts: dict[str, Any]) -> None:
    from tanpuhui.access.audit import record

    record(verb, who=None, at=at, object_kind="programme", object_key=code, facts=facts)


def _say(answer: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(answer)
        return DONE
    for name, value in answer.items():
        shown = len(value) if isinstance(value, list | tuple) else value
        said = "none" if shown is None else shown
        console.print(f"{name.replace('_', ' ')}: {said}", highlight=False, soft_wrap=True)
    return DONE


def _lines(file: Path) -> list[str]:
    wanted = "Give a text file with a pseudonym on each line."
    return [line.strip() for line in _text(file, wanted).splitlines() if line.strip()]


def _pairs(file: Path) -> list[tuple[str, int]]:
    wanted = "Give a file whose first line is home,account, with a home and the number of an account on each other."
    rows = list(csv.reader(_text(file, wanted).splitlines()))
    if not rows or rows[0] != ["home", "account"]:
        raise HomesUnreadable(file=file.name, problem="its columns are others", wanted=wanted)
    for line, row in enumerate(rows[1:], 2):
        if len(row) != 2 or not row[0].strip() or not (row[1].isascii() and row[1].isdecimal()):
            raise HomesUnreadable(file=file.name, problem=f"line {line}", wanted=wanted)
    return [(home.strip(), int(account)) for home, account in rows[1:]]


def _text(file: Path, wanted: str) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise HomesUnreadable(file=file.name, problem=str(error), wanted=wanted) from error
