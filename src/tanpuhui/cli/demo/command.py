"""``tanpuhui demo``: run a small synthetic city for a week, and compare what came out with what is true."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tanpuhui.cli.output import console, print_json
from tanpuhui.cli.progress import WATCHED, Watching
from tanpuhui.kit.moment import utc_now

if TYPE_CHECKING:
    from tanpuhui.cli.demo.plan import City
    from tanpuhui.cli.demo.run import Installation, Result
    from tanpuhui.cli.demo.sending import Sending
    from tanpuhui.cli.demo.witnesses import Witnessed
    from tanpuhui.cli.server import Running
    from tanpuhui.kit.progress import Report

DONE, FINDINGS = 0, 3
#: A demonstration's lake has few buckets: each costs a close the same, however few residents it has.
BUCKETS = "2"


def demo(
    *,
    residents: int = 2_000,
    days: int = 7,
    seed: int = 1,
    serve: bool = True,
    json: bool = False,
    watching: Watching = WATCHED,
) -> int:
    """Make up a city, take it from providers' files to a certified lot, and check it against the known truth.

    Exit status 3 when anything planted was not found, the honest total was not credited to the milligram, the ledger
    breaks a rule, or two of three witnesses are not enough, or one is.

    Example: tanpuhui demo --residents 500 --days 3 --json

    Parameters
    ----------
    residents
        How many people live there, 20 to 100,000.
    days
        How many days are lived and closed, 1 to 31; the first is Monday 2026-03-02.
    seed
        Another seed, another city.
    serve
        Serve the city's pages in the background afterwards, with a way in for each kind of user.
    json
        Print one JSON document.
    """
    from tanpuhui.cli.demo.city import build
    from tanpuhui.cli.demo.homes import settle_in, stop_earlier

    stop_earlier()
    started = time.monotonic()
    with watching.told(as_json=json) as report_to:
        report_to("Making a city", 0, 0)
        city = build(residents=residents, days=days, seed=seed)
        home = settle_in(utc_now())
        report_to("Starting the database", 0, 0)
        at = _install(home)
        from tanpuhui.cli.demo.run import run
        from tanpuhui.cli.demo.witnesses import appoint, have_it_witnessed

        appoint(home)
        result = run(city, at, report_to)
        report_to("Having the log witnessed", 0, 0)
        witnessed = have_it_witnessed(home)
        seconds = round(time.monotonic() - started)
        served = _serve(city, home, report_to) if serve else None
    if json:
        from tanpuhui.cli.demo import report

        said = report.as_json(result, home, seconds) | {"log": witnessed.as_json()}
        print_json(said | (report.ways_in(*served) if served else {}))
    else:
        _print(result, witnessed, at, seconds, served)
    return DONE if result.is_true and witnessed.is_right else FINDINGS


def _install(home: Path) -> Installation:
    """A ready database, lake, rules and library in a fresh home."""
    from tanpuhui.cli.start import start_database

    start_database()
    from tanpuhui.cli import places
    from tanpuhui.cli.demo.run import Installation
    from tanpuhui.methodology.load import load_library
    from tanpuhui.quantify.jurisdiction import load_jurisdiction

    os.environ.setdefault(places.BUCKETS, BUCKETS)
    return Installation(places.places(), load_jurisdiction("demo"), load_library(), home / "provider-files")


def _serve(city: City, home: Path, report_to: Report) -> tuple[Running, Sending]:
    """A server of this city that outlives the command, and what is needed to send something to it."""
    from tanpuhui.cli.demo.sending import get_ready
    from tanpuhui.cli.server import start_in_background

    report_to("Starting the server", 0, 0)
    sending = get_ready(city, home)
    return start_in_background(home, demo=True), sending


def _print(
    result: Result,
    witnessed: Witnessed,
    at: Installation,
    seconds: int,
    served: tuple[Running, Sending] | None,
) -> None:
    from django.db import connection

    from tanpuhui.cli.demo import report
    from tanpuhui.cli.demo.calendar import Calendar
    from tanpuhui.ledger.statement import statement

    drawn = statement(connection, result.accounts[1], at=Calendar(result.city.days).certified_at)
    report.show(result, drawn, at.jurisdiction.notice.get("en", ""), console)
    report.show_witnessed(witnessed, console)
    verdict = "[bold green]The truth was met[/]" if result.is_true else "[bold red]The truth was missed[/]"
    console.print(
        f"{verdict}: {result.count('rows'):,} rows of {len(result.city.residents):,} residents in {seconds} s."
    )
    report.show_home(at.folder.parent, console)
    if served:
        report.show_ways_in(*served, console)
