"""Backup: which tables go into the backup that is kept for years, and which into the one that is kept for days.

What says who somebody is (the vault, ways to sign in, names, providers' raw rows) is in the passing backup alone, and
so are the keys of persons. A lasting one that is restored years later has numbers, sums, and sealed words that nothing
opens.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tanpuhui.erasure.plan import LASTING, PASSING, Table, tables
from tanpuhui.kit.files import sync, whole_or_absent
from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.month_file import folder as months_folder
from tanpuhui.sealing import keys

#: How long a passing backup is kept: as long after an erasure, a person is in no backup any more.
KEEP = timedelta(days=14)
STAMP = "%Y%m%dT%H%M%SZ"


class DumpFailed(Refusal):
    code = "erasure.dump_failed"
    message = (
        "pg_dump did not finish: {reason} Nothing of this backup was kept. Mend that and repeat the command."
    )


@dataclass(frozen=True)
class Made:
    """What a backup wrote, and which old passing ones went."""

    lasting: Path
    passing: Path
    keys: Path
    removed: tuple[Path, ...]


def lasting_options() -> list[str]:
    """pg_dump's options for everything but the rows of passing tables."""
    return [f"--exclude-table-data={_pattern(one)}" for one in tables() if one.backup == PASSING]


def passing_options() -> list[str]:
    """pg_dump's options for the rows of passing tables alone."""
    return ["--data-only", *(f"--table={_pattern(one)}" for one in tables() if one.backup == PASSING)]


def make(
    folder: Path, *, address: str, pg_dump: Path, at: datetime, keep: timedelta = KEEP, form: str = "custom"
) -> Made:
    """Write both dumps, the ledger's files and the persons' keys into a folder; remove passing ones that are over."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = at.strftime(STAMP)
    made = Made(
        folder / f"{stamp}.{LASTING}.dump",
        folder / f"{stamp}.{PASSING}.dump",
        folder / f"{stamp}.{PASSING}.keys",
        tuple(_too_old(folder, at - keep)),
    )
    _dump(pg_dump, address, form, lasting_options(), made.lasting)
    _dump(pg_dump, address, form, passing_options(), made.passing)
    _copy_months(folder)
    shutil.copyfile(keys.folder() / keys.FILE, made.keys)
    made.keys.chmod(0o600)
    sync(made.keys)
    for path in made.removed:
        path.unlink()
    return made


def _copy_months(folder: Path) -> None:
    """The ledger's months that are in files belong to what is kept: numbers and sums. A file never changes."""
    for path in sorted(months_folder().glob("*.parquet")):
        to = folder / "ledger" / path.name
        if not to.exists():
            with whole_or_absent(to) as unfinished:
                shutil.copyfile(path, unfinished)


def _too_old(folder: Path, before: datetime) -> list[Path]:
    """Passing files of a backup that was made before a moment, by their names."""
    limit = before.strftime(STAMP)
    return sorted(path for path in folder.glob(f"*.{PASSING}.*") if path.name.partition(".")[0] < limit)


def _dump(pg_dump: Path, address: str, form: str, options: Sequence[str], to: Path) -> None:
    unfinished = to.with_suffix(".unfinished")
    command = [str(pg_dump), f"--dbname={address}", f"--format={form}", f"--file={unfinished}", *options]
    unfinished.touch(mode=0o600)
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        unfinished.unlink(missing_ok=True)
        reason = " ".join(answer.stderr.split())[:300] or "it said nothing."
        raise DumpFailed(reason=reason)
    sync(unfinished)
    unfinished.replace(to)


def _pattern(table: Table) -> str:
    return table.quoted if "." in table.name else f"public.{table.quoted}"
