"""Homes: a fresh installation for each demonstration; those of earlier ones are removed, and nothing else is."""

from __future__ import annotations

import fcntl
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import IO

from tanpuhui.cli.server import stop
from tanpuhui.kit.home import VARIABLE, default_home
from tanpuhui.kit.refusal import Refusal

#: What a demonstration writes into its home: only folders that hold it are ever removed.
MARKER = "tanpuhui-demo"
PREFIX = "demo-"


class HomeInUse(Refusal):
    code = "demo.home_in_use"
    message = (
        "{home} holds {what} already. Unset TANPUHUI_HOME for a fresh home, or name an empty folder with it."
    )


def settle_in(now: datetime) -> Path:
    """Choose this demonstration's home, remove those of earlier ones, and name it in the environment."""
    given = os.environ.get(VARIABLE)
    if given:
        path = Path(given).absolute()
        _refuse_used(path)
    else:
        remove_earlier(default_home())
        path = default_home() / f"{PREFIX}{now:%Y%m%d-%H%M%S}-{os.getpid()}"
    path.mkdir(parents=True, exist_ok=True)
    if not given:
        path.chmod(0o711)
    _mark(path, now)
    os.environ[VARIABLE] = str(path)
    return path


def stop_earlier() -> None:
    """Stop the servers of earlier demonstrations, so that their homes can be removed; with a named home, none."""
    if not os.environ.get(VARIABLE):
        for path in default_home().glob(f"{PREFIX}*"):
            stop(path)


def remove_earlier(below: Path) -> list[Path]:
    """Remove the homes of earlier demonstrations that nobody uses now; answers which."""
    found = [path for path in sorted(below.glob(f"{PREFIX}*")) if (path / MARKER).is_file()]
    return [path for path in found if not path.is_symlink() and _remove(path)]


def _mark(path: Path, now: datetime) -> None:
    """Write the marker, and hold it while this process lives, so that no other demonstration removes the home."""
    stream = (path / MARKER).open("w")
    fcntl.flock(stream, fcntl.LOCK_SH)
    stream.write(f"A demonstration of {now.isoformat()}. The next one may remove this folder.\n")
    stream.flush()
    _held.append(stream)


#: Markers that this process holds; they are let go when it ends.
_held: list[IO[str]] = []


def _remove(path: Path) -> bool:
    """Remove a home unless a demonstration is still making it, or somebody uses its database."""
    if any(_in_use(path / name) for name in (MARKER, "postgres.users")):
        return False
    shutil.rmtree(path, ignore_errors=True)
    return not path.exists()


def _refuse_used(path: Path) -> None:
    if (path / MARKER).exists():
        raise HomeInUse(home=path, what="a demonstration")
    if any((path / name).exists() for name in ("postgres", "lake", "keys")):
        raise HomeInUse(home=path, what="an installation")


def _in_use(file: Path) -> bool:
    """Whether a process holds a lock on a file; those that use an embedded server hold one on its list of users."""
    if not file.exists():
        return False
    with file.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
