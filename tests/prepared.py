"""A database with every migration applied, made once for a run of tests; installations of tests begin with its copy.

To apply them takes some ten seconds of work; tests that are about that begin with nothing.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tanpuhui.project import embedded

_BEGIN = f"import sys; sys.path.append({str(Path(__file__).parent)!r}); import prepared; prepared.run()"
#: The program as the installed command begins it, but that a home without a database begins with a copy.
COMMAND = (sys.executable, "-c", _BEGIN)

#: Where it is: the first process of a run says it to those that it starts.
FOLDER = "TESTS_PREPARED"


def make() -> None:
    """Make it, unless the process that started this one has; it is gone when that one ends."""
    if FOLDER in os.environ:
        return
    home = Path(tempfile.mkdtemp(prefix="tanpuhui-prepared-"))
    home.chmod(0o711)
    atexit.register(_forget, home)
    ours = ("TANPUHUI_", "DJANGO_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    subprocess.run(
        [sys.executable, "-c", "from tanpuhui.project import database; database.prepare()"],
        env={**environment, "TANPUHUI_HOME": str(home)},
        check=True,
    )
    os.environ[FOLDER] = str(home)


def adopt(home: Path) -> None:
    """Give a home that has no database yet a copy."""
    data = embedded.data_folder(Path(os.environ[FOLDER]))
    if not embedded.data_folder(home).exists():
        embedded.adopt(home, lambda folder: _copy(data, folder))


def run() -> None:
    """The program, for commands that refuse a home which has a database already."""
    from tanpuhui.project import command

    data = embedded.data_folder(Path(os.environ[FOLDER]))
    embedded._initialise = lambda cluster, _: embedded._make(cluster, lambda folder: _copy(data, folder))
    command.run()


def _copy(data: Path, folder: Path) -> None:
    shutil.copytree(data, folder, dirs_exist_ok=True, symlinks=True)


def _forget(home: Path) -> None:
    shutil.rmtree(embedded.data_folder(home), ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)
