"""``tanpuhui database backup``: one backup to keep, and one with who is who, that is kept for days."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.moment import utc_now


def backup(
    folder: Path,
    /,
    *,
    keep_days: Annotated[int, Parameter(validator=Number(gte=1, lte=90))] = 14,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Write a lasting backup (numbers, sums, sealed words) and a passing one (who is who, and persons' keys).

    Passing backups older than --keep-days are removed: that long after an erasure, a person is in no backup any more.

    Example: tanpuhui database backup /var/backups/tanpuhui --keep-days 14

    Parameters
    ----------
    folder
        Where to write; made with mode 0700 where it is missing.
    keep_days
        How many days passing backups are kept, 1 to 90.
    as_json
        Print the paths as JSON.
    """
    from tanpuhui.erasure.backup import make
    from tanpuhui.project import database, embedded

    address = database.url()
    own = embedded.programs() / "pg_dump"
    pg_dump = own if own.exists() else Path(shutil.which("pg_dump") or own)
    made = make(folder, address=address, pg_dump=pg_dump, at=utc_now(), keep=timedelta(days=keep_days))
    if as_json:
        named = {"lasting": made.lasting, "passing": made.passing, "keys": made.keys}
        print_json(
            {name: str(path) for name, path in named.items()}
            | {"removed": [str(one) for one in made.removed]}
        )
    else:
        console.print(f"{made.lasting.name} is to be kept for years.", highlight=False)
        console.print(f"{made.passing.name} and its keys go after {keep_days} days.", highlight=False)
        console.print(f"{len(made.removed)} passing files were removed.", highlight=False)
    return 0
