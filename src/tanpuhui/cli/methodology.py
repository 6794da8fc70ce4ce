"""``tanpuhui methodology``: check, list, show, explain, seal, and find what is due for review."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.refusal import Refusal

if TYPE_CHECKING:
    from tanpuhui.methodology.evaluate import Explanation
    from tanpuhui.methodology.load import Library
    from tanpuhui.methodology.methodology import Methodology

DONE, REFUSED, FINDINGS = 0, 2, 3
ZONE = ZoneInfo("Asia/Shanghai")
#: An activity is a handful of fields; more is a mistake.
MAX_CHARACTERS = 1_000_000

app = App(name="methodology", help="Check, list, show, explain and seal methodologies.")

Json = Annotated[bool, Parameter(name="--json", negative="", help="One JSON document on standard output.")]
Root = Annotated[Path | None, Parameter(name="--root", help="Another library than the installation's.")]


class ActivityUnreadable(Refusal):
    code = "methodology.activity_unreadable"
    message = (
        '{file}: {problem}. Give a JSON object such as {{"occurred_at": "2026-11-24T08:00:00+08:00", ...}}.'
    )


class OccurredAtMissing(Refusal):
    code = "methodology.occurred_at"
    message = "occurred_at is {found}. Give the moment the act ended, such as 2026-11-24T08:00:00+08:00."


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
    rows = [_row(methodology) for methodology in _library(root).all()]
    if as_json:
        print_json(rows)
        return DONE
    from rich.table import Table

    table = Table("code", "version", "title", "kind", "book", "in force from", "status", "sealed")
    for row in rows:
        cells = (
            row["code"],
            f"v{row['version']}",
            f"{row['title']['zh']}\n{row['title']['en']}",
            row["kind"],
        )
        table.add_row(*cells, row["book"], row["valid_from"], row["status"], "yes" if row["sealed"] else "no")
    console.print(table)
    return DONE


@app.command
def show(code: str, /, *, version: int | None = None, root: Root = None, as_json: Json = False) -> int:
    """Show one methodology: its text, its formula and its factors with their status.

    Example: tanpuhui methodology show shenzhen/metro
    """
    methodology = _library(root).get(code, version)
    readme = (methodology.folder / "README.md").read_text(encoding="utf-8")
    if as_json:
        print_json({**_described(methodology), "readme": readme})
        return DONE
    from rich.markdown import Markdown

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
    activity: Annotated[str, Parameter(help="A file with a JSON object, or - for standard input.")],
    version: int | None = None,
    root: Root = None,
    as_json: Json = False,
) -> int:
    """Work out one activity and show every step, factor and unit.

    Without --version it is the version in force on the local day of occurred_at.

    Example: echo '{"occurred_at": "2021-12-20T08:00:00+08:00", "distance_m": 10000}' |
    tanpuhui methodology explain shenzhen/metro --activity - --json
    """
    from tanpuhui.methodology.evaluate import evaluate

    fields = _read_activity(activity)
    day = _local_day(fields.pop("occurred_at", None))
    library = _library(root)
    methodology = library.in_force(code, day) if version is None else library.get(code, version)
    explanation = evaluate(methodology, fields, day)
    if as_json:
        print_json(_explained(explanation))
    else:
        _print_explanation(explanation)
    return DONE


@app.command
def seal(code: str, /, *, version: int | None = None, root: Root = None, as_json: Json = False) -> int:
    """Seal a methodology: from now on a changed byte is refused.

    Example: tanpuhui methodology seal shenzhen/metro
    """
    from tanpuhui.methodology.seal import seal as seal_folder

    methodology = _library(root).get(code, version)
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
    findings = [finding for methodology in _library(root).all() for finding in _overdue(methodology, day)]
    if as_json:
        print_json({"on": day.isoformat(), "stale": findings})
    for finding in [] if as_json else findings:
        console.print("{code} v{version}: {parameter} was due for review on {review_by}".format(**finding))
    if not findings and not as_json:
        console.print(f"Nothing is past its review date on {day}.")
    return FINDINGS if findings else DONE


# What the commands read


def _library(root: Path | None) -> Library:
    from tanpuhui.methodology.load import load_library

    return load_library(root)


def _examined(code: str | None, root: Path | None) -> list[tuple[str, list[Refusal]]]:
    from tanpuhui.methodology.load import examine, folders, unknown

    found = folders(root)
    codes = {folder: "/".join(folder.parts[-3:-1]) for folder in found}
    wanted = [folder for folder in found if code in (None, codes[folder])]
    if code is not None and not wanted:
        raise unknown(code, set(codes.values()))
    return [(f"{codes[folder]} {folder.name}", examine(folder)[1]) for folder in wanted]


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
    if moment is None:
        raise OccurredAtMissing(found="missing")
    try:
        if not isinstance(moment, str) or "T" not in moment:
            raise ValueError
        parsed = datetime.fromisoformat(moment)
        return parsed.replace(tzinfo=parsed.tzinfo or ZONE).astimezone(ZONE).date()
    except (ValueError, OverflowError) as error:
        raise OccurredAtMissing(found=repr(moment)) from error


def _day(text: str | None) -> date:
    from tanpuhui.kit.moment import utc_now
    from tanpuhui.methodology.refusals import BadDate

    if text is None:
        return utc_now().astimezone(ZONE).date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadDate(where="--on", problem=f"{text} is no day") from error


# What the commands show


def _row(methodology: Methodology) -> dict[str, Any]:
    return {
        "code": methodology.code,
        "version": methodology.version,
        "title": {"zh": methodology.title.zh, "en": methodology.title.en},
        "kind": methodology.kind,
        "scope": methodology.scope,
        "book": methodology.book,
        "valid_from": methodology.valid_from.isoformat(),
        "valid_to": methodology.valid_to.isoformat() if methodology.valid_to else None,
        "status": methodology.weakest_status(methodology.periods[-1].valid_from),
        "digest": methodology.digest,
        "sealed": methodology.sealed,
    }


def _described(methodology: Methodology) -> dict[str, Any]:
    from tanpuhui.methodology.typeset import latex

    return {
        **_row(methodology),
        "fields": [
            {
                "name": field.name,
                "unit": field.unit.symbol,
                "min": field.min,
                "max": field.max,
                "default": field.default,
                "values": dict(field.values),
            }
            for field in methodology.fields.values()
        ],
        "steps": [
            {
                "name": step.name,
                "formula": step.formula,
                "unit": step.unit.symbol,
                "latex": latex(step.expression),
            }
            for step in methodology.steps
        ],
        "factors": _factor_rows(methodology),
        "clauses": [
            {
                "id": clause.id,
                "text": {"zh": clause.text.zh, "en": clause.text.en},
                "excludes_when" if clause.excludes_when else "requires": clause.formula,
            }
            for clause in methodology.clauses
        ],
    }


def _factor_rows(methodology: Methodology) -> list[dict[str, Any]]:
    from tanpuhui.kit.exact import format_fraction

    return [
        {
            "name": parameter.name,
            "from": value.valid_from.isoformat(),
            "to": None if value.valid_to == date.max else value.valid_to.isoformat(),
            "value": format_fraction(value.value),
            "unit": parameter.unit.symbol,
            "status": value.status,
            "source": value.source,
            "review_by": value.review_by.isoformat(),
        }
        for parameter in methodology.parameters.values()
        for value in parameter.values
    ]


def _print_formula(methodology: Methodology) -> None:
    from tanpuhui.methodology.typeset import plain

    console.print("\nFormula", style="bold")
    for step in methodology.steps:
        line = f"  {step.name} [{step.unit.symbol}] = {plain(step.expression)}"
        console.print(line, markup=False, highlight=False)
    rounded = f"  rounded down once, to whole {methodology.result.unit.symbol}"
    console.print(
        rounded if methodology.result.nets else rounded + "; a negative result is 0", highlight=False
    )


def _print_factors(methodology: Methodology) -> None:
    from rich.table import Table

    table = Table("factor", "from", "to", "value", "unit", "status", "review by", "source", title="Factors")
    for row in _factor_rows(methodology):
        style = None if row["status"] in ("official", "published") else "yellow"
        cells = (row["name"], row["from"], row["to"] or "", row["value"], row["unit"])
        table.add_row(*cells, row["status"], row["review_by"], row["source"], style=style)
    console.print(table)


def _explained(explanation: Explanation) -> dict[str, Any]:
    """The JSON of ``explain``: a contract that others script against."""
    from tanpuhui.kit.exact import format_fraction

    return {
        "code": explanation.code,
        "version": explanation.version,
        "digest": explanation.digest,
        "day": explanation.day.isoformat(),
        "avoided_mg": explanation.avoided_mg,
        "points": explanation.points,
        "excluded_by": explanation.excluded_by,
        "clipped": dict(explanation.clipped),
        "status": explanation.status,
        "steps": [
            {
                "name": line.name,
                "formula": line.formula,
                "value": line.value,
                "unit": line.unit,
                "substituted": line.substituted,
            }
            for line in explanation.steps
        ],
        "factors": [
            {
                "name": factor.name,
                "value": format_fraction(factor.value),
                "unit": factor.unit.symbol,
                "status": factor.status,
                "source": factor.source,
                "review_by": factor.review_by.isoformat(),
            }
            for factor in explanation.factors
        ],
    }


def _print_explanation(explanation: Explanation) -> None:
    from rich.table import Table

    from tanpuhui.cli.output import mg_as_mass
    from tanpuhui.kit.exact import format_fraction

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
    table = Table("factor", "value", "unit", "status", "source")
    for factor in explanation.factors:
        table.add_row(
            factor.name, format_fraction(factor.value), factor.unit.symbol, factor.status, factor.source
        )
    console.print(table)
    console.print(f"status {explanation.status} · {explanation.digest}", highlight=False)


def _overdue(methodology: Methodology, day: date) -> list[dict[str, Any]]:
    """The parameters in force on a day that were due for review before it."""
    if not methodology.in_force(day):
        return []
    return [
        {
            "code": methodology.code,
            "version": methodology.version,
            "parameter": factor.name,
            "review_by": factor.review_by.isoformat(),
            "status": factor.status,
        }
        for factor in methodology.period(day).factors.values()
        if factor.review_by < day
    ]
