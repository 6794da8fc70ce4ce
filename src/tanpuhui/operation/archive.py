"""Archive: a folder with copies of one installation: its database as of some moments and all that it wrote since.

    archive.json        whose copies these are, and to which moment they reach
    bases/NAME/         the database as it was when the copy ended, whole; NAME.json beside it says when that was
    wal/                what the database wrote since, segment by segment
    files/              the lake, the inbox, the log: files of the home, without keys and without what is made again
    gone/DAY/           what has gone from the home since: for some days, then it is removed

It is a passing backup: whole copies, their log and what has gone are removed after some days, so that somebody who was
erased is in no copy any more after them. Nobody's secret keys are in it. A copy comes into being under another name and
is renamed when it is whole.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tanpuhui.kit.files import whole_or_absent, write_bytes
from tanpuhui.kit.progress import Count, Report, nobody
from tanpuhui.operation.refusals import CopyingAlready, InsideEachOther, NoBackup, OtherInstallation, TooLate

#: Letters of a segment's name.
SEGMENT = 24
#: Of a home: what is made again, what belongs to a process, what is copied in another way or to another place, and what
#: is somebody else's: the witnesses of a demonstration, with keys of their own.
NOT_COPIED = ("postgres", "server.", "static", "keys", "metrics", "witnesses", ".")


@dataclass(frozen=True)
class Base:
    """One whole copy of the database."""

    name: str
    began_at: datetime
    ended_at: datetime
    postgresql: int

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "began_at": self.began_at.isoformat(),
            "ended_at": self.ended_at.isoformat(),
            "postgresql": self.postgresql,
        }


@dataclass(frozen=True)
class Archive:
    """The folder, and what is in it."""

    folder: Path

    @property
    def wal(self) -> Path:
        return self.folder / "wal"

    @property
    def gone(self) -> Path:
        return self.folder / "gone"

    @property
    def files(self) -> Path:
        return self.folder / "files"

    def base_folder(self, name: str) -> Path:
        return self.folder / "bases" / name

    def bases(self) -> list[Base]:
        """The whole copies, oldest first."""
        found = [json.loads(path.read_bytes()) for path in (self.folder / "bases").glob("*.json")]
        read = datetime.fromisoformat
        bases = [
            Base(one["name"], read(one["began_at"]), read(one["ended_at"]), one["postgresql"])
            for one in found
        ]
        return sorted(bases, key=lambda base: base.ended_at)

    def through(self) -> datetime | None:
        """The last moment of which everything that was committed is here, files too; None before the first copy."""
        said = self._said().get("through")
        return datetime.fromisoformat(said) if said else None

    def base_for(self, to: datetime | None) -> Base:
        """The newest copy from which a moment can be reached; refuses where there is none, or it is too late."""
        through = self.through()
        if to is not None and through is not None and to > through:
            raise TooLate(folder=self.folder, through=through.isoformat(), to=to.isoformat())
        bases = [base for base in self.bases() if to is None or base.ended_at <= to]
        if not bases or through is None:
            raise NoBackup(folder=self.folder, before=to.isoformat() if to else "now")
        return bases[-1]

    def belong_to(self, home: Path, system: str) -> None:
        """Make the folder this installation's; refuses one of another, or one that would be lost with the home."""
        folder, home = self.folder.resolve(), home.resolve()
        if folder == home or home in folder.parents or folder in home.parents:
            raise InsideEachOther(folder=folder, home=home)
        known = self._said().get("system")
        if known not in (None, system):
            raise OtherInstallation(folder=folder, known=known, found=system)
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
        for part in (self.wal, self.files, self.folder / "bases"):
            part.mkdir(mode=0o700, exist_ok=True)
        self._say(system=system)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While a whole copy is made nobody else makes one here; the lock ends with its process, however that ends."""
        with (self.folder / ".making").open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise CopyingAlready(folder=self.folder) from error
            yield

    def remove_unfinished(self) -> list[str]:
        """Remove what killed copies, and those that found a full disk, left; answers which. Within :meth:`alone`."""
        whole = {base.name for base in self.bases()}
        left = [
            one for one in sorted((self.folder / "bases").iterdir()) if one.is_dir() and one.name not in whole
        ]
        for folder in left:
            shutil.rmtree(folder)
        return [folder.name for folder in left]

    def remove_before(self, before: datetime) -> list[str]:
        """Remove whole copies of before a moment but for the newest, the log that only they need, and what had gone by
        then; answers the names of the copies.
        """
        bases = self.bases()
        over = [base for base in bases[:-1] if base.ended_at < before]
        for base in over:
            (self.folder / "bases" / f"{base.name}.json").unlink()
            shutil.rmtree(self.base_folder(base.name))
        kept = self.bases()
        if over and kept:
            first = _first_segment(self.base_folder(kept[0].name))
            for path in self.wal.iterdir():
                if path.name[:SEGMENT] < first and not path.name.endswith(".history"):
                    path.unlink()
        for day in self.gone.iterdir() if self.gone.exists() else ():
            if day.name < f"{before:%Y-%m-%d}":
                shutil.rmtree(day)
        return [base.name for base in over]

    def reaches(self, through: datetime) -> None:
        """Say that everything committed until then is here."""
        self._say(through=through.isoformat())

    def _said(self) -> dict[str, Any]:
        try:
            said: dict[str, Any] = json.loads((self.folder / "archive.json").read_bytes())
        except FileNotFoundError:
            return {}
        return said

    def _say(self, **facts: str) -> None:
        write_bytes(self.folder / "archive.json", json.dumps(self._said() | facts).encode())


def _first_segment(base: Path) -> str:
    """The first segment of the log that a whole copy needs (its backup_label says so)."""
    found = re.search(r"START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)", (base / "backup_label").read_text())
    assert found is not None, "PostgreSQL writes where a copy begins"
    return found[1]


def mirror(home: Path, target: Path, gone: Path, report: Report = nobody) -> int:
    """Copy what is new in a home's files, and put aside what has gone from it; answers how many were copied."""
    _put_aside(home, target, gone)
    found = [path for path in sorted(home.iterdir()) if not path.name.startswith(NOT_COPIED)]
    count = Count(report, "Copying files", 0 if report is nobody else sum(map(_files_in, found)))
    copied = 0
    for path in found:
        there = target / path.name
        copied += _copy_tree(path, there, count) if path.is_dir() else _copy_file(path, there, count)
    return copied


def _files_in(path: Path) -> int:
    """How many files a folder's copy has; a file is one."""
    if not path.is_dir():
        return 1
    return sum(_files_in(each) for each in path.iterdir() if not each.name.startswith("."))


def _put_aside(home: Path, target: Path, gone: Path) -> None:
    """What was erased, or taken out of the inbox, has gone; so has what somebody removed by mistake."""
    for path in sorted(target.rglob("*")):
        place = path.relative_to(target)
        if path.is_file() and not path.name.startswith(".") and not (home / place).exists():
            (gone / place).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.replace(gone / place)


def _copy_tree(source: Path, target: Path, count: Count) -> int:
    target.mkdir(mode=0o700, exist_ok=True, parents=True)
    copied = 0
    for path in sorted(source.iterdir()):
        if path.name.startswith("."):
            continue
        there = target / path.name
        copied += _copy_tree(path, there, count) if path.is_dir() else _copy_file(path, there, count)
    return copied


def _copy_file(source: Path, target: Path, count: Count) -> int:
    """Copy a file that is missing or other; one that goes away meanwhile (a batch that was taken) is no loss."""
    count.one_more()
    try:
        here = source.stat()
        if target.exists():
            there = target.stat()
            if (here.st_size, here.st_mtime_ns) == (there.st_size, there.st_mtime_ns):
                return 0
        with whole_or_absent(target) as unfinished:
            shutil.copy2(source, unfinished)
    except FileNotFoundError:
        return 0
    return 1
