"""``tanpuhui backup``: copies of an installation elsewhere, and how they are brought back."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.table import Table

from tanpuhui.cli.output import console, errors, print_json
from tanpuhui.cli.progress import WATCHED, Watching
from tanpuhui.kit.home import home as this_home
from tanpuhui.kit.progress import nobody
from tanpuhui.kit.refusal import Refusal
from tanpuhui.operation.archive import Archive
from tanpuhui.operation.server import Server

FINDINGS = 3
AsJson = Annotated[bool, Parameter(name="--json", negative=())]

app = App(name="backup")


class NotAMoment(Refusal):
    code = "operation.not_a_moment"
    message = "{given!r} is no moment with its offset. Write it as 2026-11-24T12:00:00+08:00."


def _server() -> Server:
    from tanpuhui.project import embedded
    from tanpuhui.project.database import url

    return Server(url(), embedded.programs())


@app.command
def make(
    folder: Path,
    *,
    keys: Path | None = None,
    keep_days: Annotated[int, Parameter(validator=Number(gte=1, lte=90))] = 14,
    as_json: AsJson = False,
    watching: Watching = WATCHED,
) -> int:
    """Copy this installation whole: the database, checked file by file, and the files it refers to.

    Example: tanpuhui backup make /mnt/elsewhere/carbon --keys /mnt/safe/carbon-keys

    Parameters
    ----------
    folder
        Where copies are kept; always the same one for an installation.
    keys
        Copy the secret keys too, to this other folder; they are never beside the copies.
    keep_days
        Copies of before so many days are removed: as long after an erasure, a person is in no copy any more.
    as_json
        Print {"name", "began_at", "ended_at", "postgresql", "keys"}.
    """
    from tanpuhui.operation import backup

    archive = Archive(folder.absolute())
    with watching.told(as_json=as_json) as report:
        base = backup.make(archive, _server(), this_home(), keep=timedelta(days=keep_days), report=report)
    count = backup.copy_keys(this_home(), archive, keys.absolute()) if keys else 0
    if as_json:
        print_json({**base.as_json(), "keys": count})
    else:
        console.print(f"Copied to {archive.base_folder(base.name)}, as of {base.ended_at.isoformat()}.")
        console.print(
            f"{count} keys copied." if keys else "Secret keys were not copied: name a folder with --keys."
        )
    return 0


@app.command
def follow(folder: Path, *, seconds: float | None = None) -> int:
    """Keep the copies up to date until it is stopped: what the database writes, at once, and new files each second.

    While nobody follows any more, the database keeps what was not received: stop that with 'tanpuhui backup end'.

    Example: tanpuhui backup follow /mnt/elsewhere/carbon

    Parameters
    ----------
    folder
        The folder of the copies.
    seconds
        Stop after so many seconds.
    """
    import time

    from tanpuhui.operation import backup

    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    end = time.monotonic() + seconds if seconds is not None else None
    backup.follow(
        Archive(folder.absolute()),
        _server(),
        this_home(),
        until=lambda: bool(stopped) or (end is not None and time.monotonic() > end),
    )
    return 0


@app.command
def end(*, as_json: AsJson = False) -> int:
    """Have the database keep nothing for a follower any more. The copies stay as they are.

    Example: tanpuhui backup end

    Parameters
    ----------
    as_json
        Print {"ended": true}.
    """
    _server().forget()
    if as_json:
        print_json({"ended": True})
    else:
        console.print("Nothing is kept for a follower any more.")
    return 0


@app.command(name="list")
def list_copies(folder: Path, *, as_json: AsJson = False) -> int:
    """List the copies of a folder, and the last moment that can be brought back.

    Example: tanpuhui backup list /mnt/elsewhere/carbon

    Parameters
    ----------
    folder
        The folder of the copies.
    as_json
        Print {"bases", "through"}.
    """
    archive = Archive(folder.absolute())
    bases, through = archive.bases(), archive.through()
    if as_json:
        print_json({"bases": [base.as_json() for base in bases], "through": through and through.isoformat()})
        return 0
    table = Table("Copy", "Whole at", "PostgreSQL")
    for base in bases:
        table.add_row(base.name, base.ended_at.isoformat(), str(base.postgresql))
    console.print(table)
    console.print(
        f"Any moment from there to {through.isoformat()}." if through else "Nothing can be brought back."
    )
    return 0


@app.command
def restore(
    folder: Path,
    *,
    home: Path,
    keys: Path,
    to: str | None = None,
    as_json: AsJson = False,
    watching: Watching = WATCHED,
) -> int:
    """Bring an installation back into a new home: as it was at a moment, or as late as was received.

    Example: tanpuhui backup restore /mnt/elsewhere/carbon --home /srv/carbon --keys /mnt/safe/carbon-keys

    Parameters
    ----------
    folder
        The folder of the copies.
    home
        A new folder for the installation; name it with TANPUHUI_HOME afterwards.
    keys
        The folder in which the secret keys were kept.
    to
        The moment, with its offset; without it, the last one that was received.
    as_json
        Print {"home", "base", "to", "last_commit_at", "seconds"}.
    """
    from tanpuhui.operation.restore import restore as bring_back

    archive, moment = Archive(folder.absolute()), _moment(to)
    with watching.told(as_json=as_json) as report:
        restored = bring_back(archive, home.absolute(), to=moment, keys=keys.absolute(), report=report)
    if as_json:
        print_json(restored.as_json())
    else:
        console.print(
            f"Brought back to {home} in {restored.seconds:.1f} s, with all until {restored.last_commit_at}."
        )
        console.print(
            f"Next: TANPUHUI_HOME={home.absolute()} tanpuhui doctor; tanpuhui ledger check; tanpuhui audit."
        )
    return 0


def _moment(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise NotAMoment(given=given) from error
    if moment.tzinfo is None:
        raise NotAMoment(given=given)
    return moment


@app.command
def drill(*, residents: int = 200, as_json: AsJson = False, watching: Watching = WATCHED) -> int:
    """Lose a demonstration city and bring it back twice: as late as possible, and as it was at a moment.

    Prints how much was lost (RPO) and how long it took until everything was checked (RTO). Exit status 3 when what came
    back is not what was there.

    Example: tanpuhui backup drill --json

    Parameters
    ----------
    residents
        How many live in the city.
    as_json
        Print every step and figure.
    """
    from tanpuhui.operation.drill import drill as rehearse

    with watching.told(as_json=as_json) as report:
        # On a terminal the line of progress says the same.
        silent = as_json or (report is not nobody and errors.is_terminal)
        said: Callable[[str], Any] = (lambda _: None) if silent else console.print
        done = rehearse(residents, said=said, report=report)
    if as_json:
        print_json(done.as_json())
    else:
        _show(done)
    return 0 if done.agrees else FINDINGS


def _show(done: Any) -> None:
    table = Table("What", "Figure")
    for name, figure in done.as_json().items():
        table.add_row(name, str(figure))
    console.print(table)
    console.print(
        "What came back is what was there." if done.agrees else "What came back is NOT what was there."
    )
