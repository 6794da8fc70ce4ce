"""The embedded PostgreSQL: it starts, is shared, stops with its last user, and loosens no folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

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


@contextmanager
def stuck(cluster: embedded.Cluster) -> Iterator[int]:
    """The process that writes the server's memory to its disk stands still, as on a disk that does not answer."""
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        row = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
        ).fetchone()
    assert row is not None
    os.kill(row[0], signal.SIGSTOP)
    try:
        yield row[0]
    finally:
        if Path(f"/proc/{row[0]}").exists():
            os.kill(row[0], signal.SIGCONT)


@pytest.mark.slow
def test_a_server_that_stops_slowly_is_left_to_itself_and_the_next_start_waits_for_it(
    closed_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "STOPS_IN_S", 1)
    cluster = embedded.start(closed_home)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

    with stuck(cluster) as writer:
        embedded.leave(closed_home)
        assert (cluster.data / "postmaster.pid").exists()
        Timer(1.0, os.kill, (writer, signal.SIGCONT)).start()
        embedded.start(closed_home)

    with psycopg.connect(cluster.url()) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


@pytest.mark.slow
def test_a_server_that_never_ends_its_stop_is_refused_with_what_it_does(
    closed_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "STOPS_IN_S", 1)
    monkeypatch.setattr(embedded, "LONG_PATIENCE", 3)
    cluster = embedded.start(closed_home)

    with stuck(cluster):
        embedded.leave(closed_home)
        with pytest.raises(embedded.DatabaseOnItsWay, match="shutting down"):
            embedded.start(closed_home)
        monkeypatch.undo()


@pytest.mark.slow
def test_a_start_that_takes_longer_than_its_command_waits_is_waited_for_all_the_same(
    closed_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks for more of its log for seconds before it answers, as after a kill on a slow disk."""
    data = embedded.start(closed_home).data
    embedded.leave(closed_home)
    with (data / "postgresql.conf").open("a") as settings:
        settings.write("restore_command = 'sleep 1.5; false'\nhot_standby = off\n")
    (data / "recovery.signal").touch()
    monkeypatch.setattr(embedded, "STARTS_IN_S", 1)

    cluster = embedded.start(closed_home)

    with psycopg.connect(cluster.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert "starting up" in cluster.log.read_text()


def test_a_folder_called_recovery_is_no_server_on_its_way(tmp_path: Path) -> None:
    folder = tmp_path / "recovery"
    folder.mkdir()
    cluster = embedded.Cluster(folder, folder, folder, None)

    reason = embedded._why_not(cluster)

    assert reason
    assert not any(words in reason for words in embedded.ON_ITS_WAY)
