"""The embedded PostgreSQL: it starts, is shared, stops with its last user, and loosens no folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tanpuhui.project import embedded


@pytest.fixture()
def closed_home() -> Iterator[Path]:
    """A home that nobody but its owner may enter, below another such folder."""
    outer = Path(tempfile.mkdtemp(prefix="tanpuhui-closed-"))
    home = outer / "home"
    home.mkdir(mode=0o700)
    yield home
    data = embedded.start(home).data
    embedded.leave(home)
    shutil.rmtree(outer)
    shutil.rmtree(data, ignore_errors=True)


def modes_above(path: Path) -> list[int]:
    return [folder.stat().st_mode for folder in (path, *path.parents)]


@pytest.mark.slow
def test_it_starts_in_a_closed_home_and_loosens_no_folder(closed_home: Path) -> None:
    folders = [*modes_above(closed_home), *modes_above(Path.home()), *modes_above(Path(sys.prefix))]

    cluster = embedded.start(closed_home)

    with psycopg.connect(cluster.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    embedded.leave(closed_home)
    assert [*modes_above(closed_home), *modes_above(Path.home()), *modes_above(Path(sys.prefix))] == folders


@pytest.mark.slow
def test_it_stops_with_its_last_process_and_not_before(closed_home: Path) -> None:
    cluster = embedded.start(closed_home)
    script = (
        "import sys; from pathlib import Path; from tanpuhui.project import embedded; "
        "embedded.start(Path(sys.argv[1]))"
    )

    subprocess.run([sys.executable, "-c", script, str(closed_home)], check=True, env=dict(os.environ))

    assert (cluster.data / "postmaster.pid").exists()
    embedded.leave(closed_home)
    assert not (cluster.data / "postmaster.pid").exists()
