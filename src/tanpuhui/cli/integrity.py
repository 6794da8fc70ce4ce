"""``tanpuhui integrity``: what schemes issue in a city of known truth, and patterns of fraud in closed days."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from tanpuhui.cli.output import console, print_json
from tanpuhui.cli.progress import WATCHED, Watching
from tanpuhui.kit.files import write_bytes

if TYPE_CHECKING:
    from tanpuhui.baseline.schemes.scheme import Scheme

DONE, FINDINGS = 0, 3

app = App(
    name="integrity", help="What schemes issue in a synthetic city whose truth is known; patterns of fraud."
)
app.command(
    "tanpuhui.cli.integrity_look:look",
    name="look",
    help="Look for patterns of fraud in a closed day and the closed days before it; hold nothing.\n\n"
    "Exit status 3 when anything is found.\n\nExample: tanpuhui integrity look 2018-09-01 --days 7 --json",
)
app.command(
    "tanpuhui.cli.integrity_hold:hold",
    name="hold",
    help="Hold the acts that patterns find in a closed day and the closed days before it; close those days again.\n\n"
    "What was credited is taken back by the close, also after a lot has certified it. "
    "Exit status 3 when acts are newly held.\n\nExample: tanpuhui integrity hold 2018-09-01 --days 7 --json",
)
app.command(
    "tanpuhui.cli.integrity_hold:release",
    name="release",
    help="Let a held act go; its day is closed again, and it is credited like any other.\n\n"
    'Example: tanpuhui integrity release 4711 --reason "The operator confirmed the ride."',
)
app.command(
    "tanpuhui.cli.integrity_hold:confirm",
    name="confirm",
    help="Decide that a held act stays so, without an appeal; at a sorting station it takes no part from others.\n\n"
    'Example: tanpuhui integrity confirm 4711 --reason "No such bag was fetched."',
)
app.command(
    "tanpuhui.cli.integrity_hold:held",
    name="held",
    help="List the acts that are held now, of a day or of all.\n\nExample: tanpuhui integrity held 2018-09-01 --json",
)


@app.command
def run(
    *,
    seeds: Annotated[int, Parameter(help="Cities, each from a seed of its own.")] = 200,
    homes: Annotated[int, Parameter(help="Homes of a city; half of them join.")] = 1000,
    scheme: Annotated[
        list[str] | None,
        Parameter(help="Another scheme's rule as MODULE:FUNCTION, put beside the others.", negative=""),
    ] = None,
    figure: Annotated[Path | None, Parameter(help="Write issued against true as SVG.")] = None,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="One JSON document on standard output.")
    ] = False,
    watching: Watching = WATCHED,
) -> int:
    """Issue by every scheme in the same cities; exit status 3 when anything that ours must keep does not hold.

    Example: tanpuhui integrity run --seeds 200 --homes 1000 --figure issued.svg
    """
    from tanpuhui.baseline.schemes.claims import claims
    from tanpuhui.baseline.schemes.report import report
    from tanpuhui.baseline.schemes.rules import SCHEMES
    from tanpuhui.baseline.schemes.trial import run as try_schemes

    schemes = (*SCHEMES, *(_scheme(name) for name in scheme or ()))
    with watching.told(as_json=as_json) as report_to:
        trial = try_schemes(seeds, homes, schemes, report_to)
    answer = report(trial, claims(trial))
    if figure is not None:
        from tanpuhui.baseline.refusals import FileUnwritable
        from tanpuhui.cli.integrity_figure import drawn

        try:
            write_bytes(figure, drawn(answer).encode())
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
            raise FileUnwritable(file=str(figure), problem=error.strerror) from error
    if as_json:
        print_json(answer)
    else:
        _print(answer)
    return FINDINGS if any(claim["holds"] is False for claim in answer["claims"]) else DONE


def _scheme(name: str) -> Scheme:
    """The rule that MODULE:FUNCTION names; its code and title are the name itself."""
    from importlib import import_module

    from tanpuhui.baseline.refusals import SchemeUnknown
    from tanpuhui.baseline.schemes.scheme import Scheme

    module, _, function = name.partition(":")
    try:
        rule = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise SchemeUnknown(scheme=name, problem=str(error)) from error
    if not callable(rule):
        raise SchemeUnknown(scheme=name, problem="it is no function")
    return Scheme(name, name, rule)


def _print(answer: dict[str, Any]) -> None:
    from rich.table import Table

    from tanpuhui.baseline.schemes.report import COLUMNS

    settings = answer["settings"]
    cities = f"{settings['seeds']} cities of {settings['homes']} homes"
    table = Table(title=f"Issued: % of use, or of what was truly saved as 1; {cities}")
    table.add_column("scheme")
    for words in COLUMNS.values():
        table.add_column(words, justify="right")
    for row in answer["schemes"]:
        ours = row["scheme"] == "peers_bound"
        table.add_row(row["title"], *(f"{row[key]:.2f}" for key in COLUMNS), style="bold" if ours else None)
    console.print(table)
    asked = Table(title="What ours must keep, per cent")
    for words in ("", "claim", "found", "limit", "holds"):
        asked.add_column(words)
    for claim in answer["claims"]:
        found = "" if claim["found"] is None else f"{claim['found']:.2f}"
        holds = {True: "yes", False: "NO", None: "not asked here"}[claim["holds"]]
        asked.add_row(claim["code"], claim["says"], found, claim["limit"], holds)
    console.print(asked)
