"""``tanpuhui close``: close a day, list closes, replay one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from cyclopts import App
from rich.table import Table

from tanpuhui.cli.days import read_day
from tanpuhui.cli.output import console, mg_as_mass, print_json
from tanpuhui.cli.places import jurisdiction, places
from tanpuhui.cli.progress import WATCHED, Watching
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

if TYPE_CHECKING:
    from tanpuhui.close.due import Due

FINDINGS = 3
#: What everybody has.
EMBEDDED = "duckdb"
app = App(name="close")
app.command(
    "tanpuhui.cli.close_stations:stations",
    name="stations",
    help="What was sorted and fetched at each station of a closed day, what counts of it, and its score.\n\n"
    "It is what the close that stands has frozen. Exit status 3 when a station does not balance.\n\n"
    "Example: tanpuhui close stations 2026-03-02",
)


class BadDay(Refusal):
    code = "close.bad_day"
    message = "{given!r} is not a day. Write it as 2018-09-01."


def parse_day(text: str) -> date:
    """A day as YYYY-MM-DD; anything else is refused."""
    try:
        return read_day(text)
    except ValueError as error:
        raise BadDay(given=text) from error


@app.default
def close(
    day: str,
    /,
    *,
    engine: str = EMBEDDED,
    master: str | None = None,
    remote: str | None = None,
    reopen: bool = False,
    json: bool = False,
    watching: Watching = WATCHED,
) -> int:
    """Close a day: evidence, grants, methodologies and rules become reductions in residents' accounts, once.

    Example: tanpuhui close 2018-09-01
    Example: tanpuhui close 2018-09-01 --engine spark --master spark://10.0.0.1:7077

    Parameters
    ----------
    day
        the local day, YYYY-MM-DD.
    engine
        what computes: duckdb in this process, or spark.
    master
        with spark: the master of a cluster, spark://host:7077 (or local[4]); its workers see the lake at the same path.
    remote
        with spark: a Spark Connect server, sc://host:15002 (Spark's own, or Sail).
    reopen
        close a day of which a lot has certified something: the difference waits for, or comes off, the next lot.
    json
        print the answer as JSON.
    """
    from tanpuhui.close.run import close_day
    from tanpuhui.methodology.load import load_library
    from tanpuhui.quantify.engines.choice import EngineChoice

    rules = jurisdiction()
    with watching.told(as_json=json) as report:
        answer = close_day(
            parse_day(day),
            at=utc_now(),
            places=places(),
            jurisdiction=rules,
            library=load_library(),
            engine=EngineChoice(engine, master, remote),
            reopen=reopen,
            report=report,
        )
    if json:
        print_json(answer.as_json())
        return 0
    _show(answer.as_json(), rules.notice.get("en", ""))
    return 0


@app.command
def replay(
    manifest: str,
    /,
    *,
    engine: str = EMBEDDED,
    master: str | None = None,
    remote: str | None = None,
    json: bool = False,
    watching: Watching = WATCHED,
) -> int:
    """Compute a close again from its manifest alone and compare; exit 3 when anything differs.

    Example: tanpuhui close replay sha256:4f1c

    Parameters
    ----------
    manifest
        the manifest's digest, or enough of its beginning.
    engine
        what computes: duckdb in this process, or spark.
    master
        with spark: the master of a cluster, spark://host:7077 (or local[4]); its workers see the lake at the same path.
    remote
        with spark: a Spark Connect server, sc://host:15002 (Spark's own, or Sail).
    json
        print the answer as JSON.
    """
    from tanpuhui.close.replay import find_manifest
    from tanpuhui.close.replay import replay as replay_manifest
    from tanpuhui.methodology.load import load_library
    from tanpuhui.quantify.engines.choice import EngineChoice

    with watching.told(as_json=json) as report:
        answer = replay_manifest(
            find_manifest(manifest),
            places=places(),
            jurisdiction=jurisdiction(),
            library=load_library(),
            engine=EngineChoice(engine, master, remote),
            report=report,
        )
    if json:
        print_json(answer.as_json())
    else:
        verdict = (
            "[green]agrees[/]" if answer.agrees else f"[red]differs[/] in {len(answer.differences)} places"
        )
        console.print(f"{answer.day}: {answer.rows:,} records, {mg_as_mass(answer.credited_mg)}: {verdict}")
    return 0 if answer.agrees else FINDINGS


def _as_json(each: Due) -> dict[str, Any]:
    return {"day": each.day.isoformat(), "reason": each.reason, "lot": each.lot}


@app.command
def due(*, json: bool = False) -> int:
    """Days that need to be closed, for the first time or again, and why; exit 3 when there are any.

    Example: tanpuhui close due

    Parameters
    ----------
    json
        print the days as JSON.
    """
    from tanpuhui.close.due import due as due_days

    found = due_days(utc_now(), jurisdiction().zone, places())
    rows = [_as_json(each) for each in found]
    if json:
        print_json(rows)
    else:
        for line in _runs(found):
            console.print(line)
        console.print(f"{len(rows) or 'No'} days are due.")
    return FINDINGS if rows else 0


def _runs(found: Sequence[Due]) -> Iterator[str]:
    """Days that follow each other and are due for one reason, in one line."""
    run: list[Due] = []
    for each in [*found, None]:
        if run and (each is None or not _follows(each, run[-1])):
            first, last = run[0], run[-1]
            days = f"{first.day}" if first is last else f"{first.day} to {last.day} ({len(run)} days)"
            lot = f" (lot {first.lot} has certified some of it: close it with --reopen)" if first.lot else ""
            yield f"{days}  {first.reason.replace('_', ' ')}{lot}"
            run = []
        if each is not None:
            run.append(each)


def _follows(each: Due, last: Due) -> bool:
    return (each.day - last.day).days == 1 and (each.reason, each.lot) == (last.reason, last.lot)


@app.command(name="all")
def close_all(
    *,
    engine: str = EMBEDDED,
    master: str | None = None,
    remote: str | None = None,
    json: bool = False,
    watching: Watching = WATCHED,
) -> int:
    """Close every day that is due, in order, until none is; days that a lot has certified are left and listed.

    Example: tanpuhui close all

    Parameters
    ----------
    engine
        what computes: duckdb in this process, or spark.
    master
        with spark: the master of a cluster, spark://host:7077 (or local[4]); its workers see the lake at the same path.
    remote
        with spark: a Spark Connect server, sc://host:15002 (Spark's own, or Sail).
    json
        print the answers as JSON.
    """
    from tanpuhui.close.due import due as due_days
    from tanpuhui.close.run import close_day
    from tanpuhui.methodology.load import load_library
    from tanpuhui.quantify.engines.choice import EngineChoice

    chosen = EngineChoice(engine, master, remote)
    rules, library, where = jurisdiction(), load_library(), places()
    answers: list[dict[str, Any]] = []
    closed: set[Due] = set()
    with watching.told(as_json=json) as report:
        while days := [
            each for each in due_days(utc_now(), rules.zone, where) if each.lot is None and each not in closed
        ]:
            for done, each in enumerate(days):
                report(f"Closing: {each.day}", done, len(days))
                answer = close_day(
                    each.day, at=utc_now(), places=where, jurisdiction=rules, library=library, engine=chosen
                )
                answers.append(answer.as_json())
            closed.update(days)
    left = [each for each in due_days(utc_now(), rules.zone, where) if each not in closed]
    if json:
        print_json({"closed": answers, "left": [_as_json(each) for each in left]})
    else:
        credited_mg = sum(answer["credited_mg"] for answer in answers)
        console.print(f"{len(answers)} closes, which credit {mg_as_mass(credited_mg)} CO2e.")
        for line in _runs(left):
            console.print(line)
    return FINDINGS if left else 0


@app.command(name="list")
def list_closes(*, json: bool = False) -> int:
    """Every close with its day, sequence, manifest and credits.

    Example: tanpuhui close list
    """
    from tanpuhui.close.models import Manifest

    rows: list[dict[str, Any]] = [
        {
            "day": manifest.day.isoformat(),
            "sequence": manifest.sequence,
            "manifest": manifest.digest,
            "activities": manifest.activities,
            "credited_mg": manifest.credited_mg,
        }
        for manifest in Manifest.objects.order_by("day", "sequence")
    ]
    if json:
        print_json(rows)
        return 0
    table = Table("Day", "Close", "Records", "Credited", "Manifest")
    for row in rows:
        table.add_row(
            str(row["day"]),
            str(row["sequence"]),
            f"{row['activities']:,}",
            mg_as_mass(row["credited_mg"]),
            str(row["manifest"])[:19],
        )
    console.print(table)
    return 0


def _show(answer: dict[str, object], notice: str) -> None:
    from tanpuhui.quantify.outcome import MEANING, Outcome

    outcomes = answer["outcomes"]
    assert isinstance(outcomes, dict)
    table = Table(title=f"{answer['day']}, close {answer['sequence']}")
    for heading, justify in (("Outcome", "left"), ("Records", "right"), ("Meaning", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for name, count in outcomes.items():
        table.add_row(name, f"{count:,}", MEANING[Outcome[name]][1])
    table.add_section()
    table.add_row("all", f"{answer['activities']:,}", "every accepted record of the day, each with one end")
    console.print(table)
    state = "posted" if answer["posted"] else "nothing had changed: this close stands already"
    credited = answer["credited_mg"]
    assert isinstance(credited, int)
    console.print(f"Credited: [bold]{mg_as_mass(credited)}[/] CO2e ({credited:,} mg), {state}")
    console.print(f"Manifest: {answer['manifest']}")
    if notice:
        console.print(f"[dim]{notice}[/]")
