"""``tanpuhui methodology``: check, list, show, explain, seal, and find what is due for review."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table

from tanpuhui.cli.output import console, mg_as_mass, print_json
from tanpuhui.kit.exact import format_fraction
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology.describe import description, factor_rows, overdue, summary, trace
from tanpuhui.methodology.evaluate import Explanation, evaluate
from tanpuhui.methodology.load import (
    code_of,
    examine,
    folders,
    folders_of,
    load_library,
    load_versions,
)
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.methodology.refusals import ActivityUnreadable, BadDate, OccurredAtMissing
from tanpuhui.methodology.seal import seal as seal_folder
from tanpuhui.methodology.typeset import plain

DONE, REFUSED, FINDINGS = 0, 2, 3
ZONE = ZoneInfo("Asia/Shanghai")
#: An activity is a handful of fields; more is a mistake.
MAX_CHARACTERS = 1_000_000

ACTIVITY_HELP = "A file with a JSON object, or - for standard input."

app = App(name="methodology", help="Check, list, show, explain and seal methodologies.")

Json = Annotated[bool, Parameter(name="--json", negative="", help="One JSON document on standard output.")]
Root = Annotated[Path | None, Parameter(name="--root", help="Another library than the installation's.")]


@app.command
def check(code: str | None = None, /, *, root: Root = None, as_json: Json = False) -> int:
    """Load methodologies and print every refusal; exit status 2 when there is one.

    Example: tanpuhui methodology check shenzhen/metro
    """
    checked = _examined(code, root)
    refusals = [refusal for _, found in checked for refusal in found]
    if as_json:
        findings = [refusal.as_json() for refusal in refusals]
        print_json({"methodologies": len(checked), "refusals": findings})
        return REFUSED if refusals else DONE
    for name, found in checked:
        console.print(f"{'[red]refused[/]' if found else '[green]sound[/]  '} {name}")
        for refusal in found:
            console.print(f"  {refusal.code}: {refusal}", style="red", markup=False, highlight=False)
    return REFUSED if refusals else DONE


@app.command(name="list")
def list_all(*, root: Root = None, as_json: Json = False) -> int:
    """List every methodology with its kind of act, validity and weakest status.

    Example: tanpuhui methodology list --json
    """
    rows = [summary(methodology) for methodology in load_library(root).all()]
    if as_json:
        print_json(rows)
        return DONE

    table = _table("methodology", "kind of act", "in force from", "status")
    for row in rows:
        name = f"{row['code']} v{row['version']}{' (sealed)' if row['sealed'] else ''}"
        kind = row["kind"] if row["book"] == "reduction" else f"{row['kind']} (points)"
        title = f"{row['title']['zh']}\n{row['title']['en']}"
        _add_row(table, f"{name}\n{title}", kind, row["valid_from"], row["status"])
    console.print(table)
    return DONE


@app.command
def show(code: str, /, *, version: int | None = None, root: Root = None, as_json: Json = False) -> int:
    """Show one methodology: its text, its formula and its factors with their status.

    Example: tanpuhui methodology show shenzhen/metro
    """
    methodology = load_versions(code, root).get(code, version)
    readme = (methodology.folder / "README.md").read_text(encoding="utf-8")
    if as_json:
        print_json({**description(methodology), "readme": readme})
        return DONE

    console.print(Markdown(readme))
    _print_formula(methodology)
    _print_factors(methodology)
    console.print(
        f"{methodology} · {methodology.digest}{' · sealed' if methodology.sealed else ''}", highlight=False
    )
    return DONE


@app.command
def explain(
    code: str,
    /,
    *,
    activity: Annotated[str, Parameter(help=ACTIVITY_HELP, allow_leading_hyphen=True)],
    version: int | None = None,
    root: Root = None,
    as_json: Json = False,
) -> int:
    """Work out one activity and show every step, factor and unit.

    Without --version it is the version in force on the local day of occurred_at.

    Example: echo '{"occurred_at": "2021-12-20T08:00:00+08:00", "distance_m": 10000}' |
    tanpuhui methodology explain shenzhen/metro --activity - --json
    """
    fields = _read_activity(activity)
    day = _local_day(fields.pop("occurred_at", None))
    library = load_versions(code, root)
    methodology = library.in_force(code, day) if version is None else library.get(code, version)
    explanation = evaluate(methodology, fields, day)
    if as_json:
        print_json(trace(explanation))
    else:
        _print_explanation(explanation)
    return DONE


@app.command
def seal(code: str, /, *, version: int | None = None, root: Root = None, as_json: Json = False) -> int:
    """Seal a methodology: from now on a changed byte is refused.

    Example: tanpuhui methodology seal shenzhen/metro
    """
    methodology = load_versions(code, root).get(code, version)
    digest = seal_folder(methodology.folder)
    if as_json:
        print_json({"code": methodology.code, "version": methodology.version, "digest": digest})
    else:
        console.print(f"{methodology} sealed: {digest}", highlight=False)
    return DONE


@app.command
def stale(*, on: str | None = None, root: Root = None, as_json: Json = False) -> int:
    """List the parameters in force that are past their review date; exit status 3 when there is one.

    Example: tanpuhui methodology stale --on 2027-07-01
    """
    day = _day(on)
    findings = [finding for methodology in load_library(root).all() for finding in overdue(methodology, day)]
    if as_json:
        print_json({"on": day.isoformat(), "stale": findings})
    for finding in [] if as_json else findings:
        console.print("{code} v{version}: {parameter} was due for review on {review_by}".format(**finding))
    if not findings and not as_json:
        console.print(f"Nothing is past its review date on {day}.")
    return FINDINGS if findings else DONE


# What the commands read


def _examined(code: str | None, root: Path | None) -> list[tuple[str, list[Refusal]]]:
    wanted = folders(root) if code is None else folders_of(code, root)
    return [(f"{code_of(folder)} {folder.name}", examine(folder)[1]) for folder in wanted]


def _read_activity(file: str) -> dict[str, Any]:
    shown = "standard input" if file == "-" else file
    try:
        stream = sys.stdin if file == "-" else Path(file).open(encoding="utf-8")  # noqa: SIM115
        with stream:
            text = stream.read(MAX_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ActivityUnreadable(file=shown, problem=f"cannot be read ({error})") from error
    if len(text) > MAX_CHARACTERS:
        raise ActivityUnreadable(file=shown, problem=f"has more than {MAX_CHARACTERS} characters")
    try:
        value = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise ActivityUnreadable(file=shown, problem=f"is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise ActivityUnreadable(file=shown, problem="holds no JSON object")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def _local_day(moment: object) -> date:
    """The local day of ``occurred_at``; without an offset it is local time."""
    if not isinstance(moment, str) or "T" not in moment:
        raise OccurredAtMissing(found="missing" if moment is None else repr(moment))
    try:
        parsed = datetime.fromisoformat(moment)
        return parsed.replace(tzinfo=parsed.tzinfo or ZONE).astimezone(ZONE).date()
    except (ValueError, OverflowError) as error:
        raise OccurredAtMissing(found=repr(moment)) from error


def _day(text: str | None) -> date:
    if text is None:
        return utc_now().astimezone(ZONE).date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadDate(where="--on", problem=f"{text} is no day") from error


# What the commands show


def _print_formula(methodology: Methodology) -> None:
    console.print("\nFormula", style="bold")
    for step in methodology.steps:
        line = f"  {step.name} [{step.unit.symbol}] = {plain(step.expression)}"
        console.print(line, markup=False, highlight=False)
    rounded = f"  rounded down once, to whole {methodology.result.unit.symbol}"
    console.print(
        rounded if methodology.result.nets else rounded + "; a negative result is 0", highlight=False
    )


def _print_factors(methodology: Methodology) -> None:
    table = _table("factor", "in force", "status", "source")
    for row in factor_rows(methodology):
        days = row["from"] + (f"\nto {row['to']}" if row["to"] else "")
        value, status = f"{row['value']} {row['unit']}", f"{row['status']}\nreview {row['review_by']}"
        _add_row(table, f"{row['name']}\n{value}", days, status, row["source"], status=row["status"])
    console.print(table)


def _print_explanation(explanation: Explanation) -> None:
    console.print(
        f"{explanation.code} v{explanation.version}, {explanation.day}", style="bold", highlight=False
    )
    if explanation.excluded_by is not None:
        console.print(f"Excluded by clause {explanation.excluded_by}: nothing is credited.", highlight=False)
        return
    for line in explanation.steps:
        text = f"  {line.name} = {line.formula}\n    = {line.substituted}\n    = {line.value} {line.unit}"
        console.print(text, markup=False, highlight=False)
    if explanation.points is None:
        result = f"avoided: {mg_as_mass(explanation.avoided_mg)} CO2e ({explanation.avoided_mg} mg)"
    else:
        result = f"points: {explanation.points}"
    console.print(result, style="bold green", highlight=False)
    table = _table("factor", "status", "source")
    for factor in explanation.factors:
        value = f"{format_fraction(factor.value)} {factor.unit.symbol}"
        _add_row(table, f"{factor.name}\n{value}", factor.status, factor.source, status=factor.status)
    console.print(table)
    console.print(f"status {explanation.status} · {explanation.digest}", highlight=False)


def _table(*headings: str) -> Table:
    """A table whose long words (codes, addresses) are folded, not cut off."""
    table = Table(show_lines=True)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _add_row(table: Table, *cells: str, status: str = "official") -> None:
    """A row; factors that nobody official or published stands for are set off."""
    style = None if status in ("official", "published") else "yellow"
    table.add_row(*[escape(cell) for cell in cells], style=style)
