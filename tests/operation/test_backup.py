"""Copies of an installation: nothing that was acknowledged and received is lost, and a moment is that moment."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tanpuhui.operation import backup, drill
from tanpuhui.operation.archive import Archive, Base, mirror
from tanpuhui.operation.commands import NotAMoment, _moment
from tanpuhui.operation.refusals import (
    CopyAltered,
    CopyingAlready,
    HomeInUse,
    InsideEachOther,
    KeysMissing,
    NoBackup,
    OtherInstallation,
    TooLate,
    ToolFailed,
)
from tanpuhui.operation.restore import restore
from tanpuhui.operation.server import Server, check_copy
from tanpuhui.project import embedded
from tanpuhui.project.database import NAME


@dataclass
class Lost:
    """An installation that was copied, followed and lost while somebody wrote."""

    place: Path
    archive: Archive
    done: drill.Drill
    moment: datetime
    #: What was told of the first copy.
    told: list[tuple[str, int, int]]


@pytest.fixture(scope="module")
def lost() -> Iterator[Lost]:
    place = Path(tempfile.mkdtemp(prefix="tanpuhui-lost-"))
    place.chmod(0o711)
    home = place / "home"
    (home / "keys").mkdir(parents=True)
    home.chmod(0o711)
    (home / "keys" / "vault").write_bytes(b"secret")
    (home / "lake" / "evidence").mkdir(parents=True)
    (home / "lake" / "evidence" / "early.parquet").write_bytes(b"early")
    cluster = embedded.start(home)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {NAME}")
    archive, server, done = (
        Archive(place / "copies"),
        Server(cluster.url(NAME), embedded.programs()),
        drill.Drill(),
    )
    try:
        told: list[tuple[str, int, int]] = []
        backup.make(archive, server, home, report=lambda *what: told.append(what))
        backup.copy_keys(home, archive, place / "keys")
        (home / "lake" / "evidence" / "late.parquet").write_bytes(b"late")
        moment = drill._work_and_be_lost(home, cluster, archive, server, done)
        yield Lost(place, archive, done, moment, told)
    finally:
        for name in ("home", "late", "moment"):
            embedded.leave(place / name)
            shutil.rmtree(embedded.data_folder(place / name), ignore_errors=True)
        shutil.rmtree(place)


def _refuse_untold(told: list[tuple[str, int, int]]) -> None:
    """Every file of a copy was told of when it was checked, and every one that was copied."""
    checked = [what for what in told if what[0] == "Checking the copy"]
    copied = [what for what in told if what[0] == "Copying files"]
    assert [done for _, done, _ in checked] == list(range(checked[-1][2] + 1))
    assert 0 < copied[-1][1] <= copied[-1][2]


@pytest.mark.slow
def test_what_was_acknowledged_before_the_machine_was_lost_comes_back(lost: Lost) -> None:
    told: list[tuple[str, int, int]] = []
    restored = restore(
        lost.archive,
        lost.place / "late",
        to=None,
        keys=lost.place / "keys",
        report=lambda *what: told.append(what),
    )

    _refuse_untold(lost.told)
    _refuse_untold(told)
    assert told[-1] == ("Reading the database's log", 0, 0)
    rows = drill._rows(lost.place / "late")
    # What was acknowledged in the last moments may not have been received: no more than a second of it.
    assert 0 < len(rows) <= lost.done.committed
    assert lost.done.lost_s - rows[-1].timestamp() < 1
    assert restored.base.name == lost.archive.bases()[0].name
    assert (lost.place / "late" / "lake" / "evidence" / "early.parquet").read_bytes() == b"early"
    assert (lost.place / "late" / "lake" / "evidence" / "late.parquet").read_bytes() == b"late"
    assert (lost.place / "late" / "keys" / "vault").read_bytes() == b"secret"
    assert (lost.place / "late" / "keys").stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_a_moment_has_what_was_committed_before_it_and_nothing_after(lost: Lost) -> None:
    restore(lost.archive, lost.place / "moment", to=lost.moment, keys=lost.place / "keys")

    rows = drill._rows(lost.place / "moment")
    assert len(rows) == lost.done.expected_at_moment < lost.done.committed
    assert rows[-1] < lost.moment


@pytest.mark.slow
def test_what_cannot_be_brought_back_is_refused_before_anything_is_made(lost: Lost, tmp_path: Path) -> None:
    through = lost.archive.through()
    assert through is not None
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    new = tmp_path / "new"

    with pytest.raises(TooLate):
        restore(lost.archive, new, to=through + timedelta(seconds=1), keys=lost.place / "keys")
    with pytest.raises(NoBackup):
        restore(lost.archive, new, to=lost.archive.bases()[0].began_at, keys=lost.place / "keys")
    with pytest.raises(KeysMissing):
        restore(lost.archive, new, to=None, keys=tmp_path / "no-keys")
    with pytest.raises(HomeInUse):
        restore(lost.archive, tmp_path / "used", to=None, keys=lost.place / "keys")
    assert not new.exists()


@pytest.mark.slow
def test_a_copy_in_which_one_byte_is_another_is_refused(lost: Lost, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(lost.archive.base_folder(lost.archive.bases()[0].name), copy)
    check_copy(copy)
    file = copy / "PG_VERSION"
    file.write_bytes(b"17\n")

    with pytest.raises(CopyAltered):
        check_copy(copy)


@dataclass
class SlowlyReceived:
    """A server of which a little more is received at each look, until all of it is; or from some look on no more."""

    looks: int
    stops_at: int = 1_000
    seen: int = 0

    def is_received(self, _position: str) -> bool:
        self.seen += 1
        return self.seen > self.looks

    def received(self) -> str:
        return f"0/{min(self.seen, self.stops_at)}"

    def poll(self) -> None:
        """It runs."""


def test_a_slow_disk_is_waited_for_as_long_as_more_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "RECEIVED_IN_S", 0.2)
    slow: Any = SlowlyReceived(looks=25)
    stuck: Any = SlowlyReceived(looks=1_000_000, stops_at=5)

    backup._receive(slow, slow, "0/FF")

    assert slow.seen == 26
    with pytest.raises(ToolFailed, match="nothing more was received"):
        backup._receive(stuck, stuck, "0/FF")


def test_an_archive_is_of_one_installation_and_not_in_its_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    Archive(tmp_path / "copies").belong_to(home, "1")
    Archive(tmp_path / "copies").belong_to(home, "1")

    with pytest.raises(OtherInstallation):
        Archive(tmp_path / "copies").belong_to(home, "2")
    with pytest.raises(InsideEachOther):
        Archive(home / "copies").belong_to(home, "1")
    with pytest.raises(InsideEachOther):
        backup.copy_keys(home, Archive(tmp_path / "copies"), tmp_path / "copies" / "keys")


def test_keys_and_what_is_made_again_are_not_among_the_copied_files(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for name in (
        "keys/vault",
        "postgres/PG_VERSION",
        "static/page.css",
        "lake/a/1.parquet",
        "log/checkpoint",
        "server.log",
    ):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    (tmp_path / "files").mkdir()

    files, gone = tmp_path / "files", tmp_path / "gone"
    first, again = mirror(home, files, gone), mirror(home, files, gone)
    (home / "log" / "checkpoint").write_text("a newer one")

    assert (first, again, mirror(home, files, gone)) == (2, 0, 1)
    assert {path.name for path in files.iterdir()} == {"lake", "log"}
    assert (files / "log" / "checkpoint").read_text() == "a newer one"


def test_what_has_gone_from_the_home_is_put_aside_and_not_brought_back(tmp_path: Path) -> None:
    home, files, gone = tmp_path / "home", tmp_path / "files", tmp_path / "gone" / "2026-03-01"
    (home / "lake").mkdir(parents=True)
    (home / "lake" / "erased.parquet").write_bytes(b"somebody")
    files.mkdir()
    mirror(home, files, gone)
    (home / "lake" / "erased.parquet").unlink()

    mirror(home, files, gone)

    assert not (files / "lake" / "erased.parquet").exists()
    assert (gone / "lake" / "erased.parquet").read_bytes() == b"somebody"


def test_copies_that_are_over_go_with_the_log_that_only_they_need(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "copies")
    (tmp_path / "home").mkdir()
    archive.belong_to(tmp_path / "home", "1")
    for day, segment in ((1, 5), (10, 7), (20, 9)):
        at = datetime(2026, 3, day, tzinfo=UTC)
        base = Base(f"of-{day}", at, at, 18)
        archive.base_folder(base.name).mkdir(parents=True)
        label = f"START WAL LOCATION: 0/{segment}000028 (file {segment:024X})\n"
        (archive.base_folder(base.name) / "backup_label").write_text(label)
        (archive.folder / "bases" / f"{base.name}.json").write_text(json.dumps(base.as_json()))
    for segment in range(4, 11):
        (archive.wal / f"{segment:024X}").touch()
    for day in ("2026-03-04", "2026-03-06"):
        (archive.gone / day).mkdir(parents=True)

    removed = archive.remove_before(datetime(2026, 3, 5, tzinfo=UTC))

    assert removed == ["of-1"]
    assert [base.name for base in archive.bases()] == ["of-10", "of-20"]
    assert sorted(int(path.name, 16) for path in archive.wal.iterdir()) == [7, 8, 9, 10]
    assert [path.name for path in archive.gone.iterdir()] == ["2026-03-06"]
    assert archive.remove_before(datetime(2027, 1, 1, tzinfo=UTC)) == ["of-10"]
    assert [base.name for base in archive.bases()] == ["of-20"]


@pytest.mark.parametrize(
    "given", ["", "now", "2026-11-24", "2026-11-24T12:00:00", "2026-13-01T00:00:00+08:00"]
)
def test_a_moment_without_its_offset_is_refused(given: str) -> None:
    with pytest.raises(NotAMoment):
        _moment(given)


def test_a_moment_with_its_offset_is_taken() -> None:
    assert _moment("2026-11-24T12:00:00+08:00") == datetime(2026, 11, 24, 4, tzinfo=UTC)


def test_what_a_killed_copy_left_is_removed_by_the_next_and_whole_copies_stay(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "copies")
    for name in (".2026-03-01T020000", "2026-03-02T020000", "2026-03-03T020000"):
        (archive.base_folder(name) / "base").mkdir(parents=True)
    whole = Base(
        "2026-03-03T020000", datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 3, 1, tzinfo=UTC), 18
    )
    (archive.folder / "bases" / f"{whole.name}.json").write_text(json.dumps(whole.as_json()))

    # The first was killed while the database was copied, the second before its files were.
    with archive.alone():
        removed = archive.remove_unfinished()

    assert removed == [".2026-03-01T020000", "2026-03-02T020000"]
    assert [base.name for base in archive.bases()] == [whole.name]
    assert (archive.base_folder(whole.name) / "base").is_dir()


def test_two_copies_at_once_to_one_folder_are_refused_and_a_killed_one_holds_nobody_up(
    tmp_path: Path,
) -> None:
    archive = Archive(tmp_path)

    with archive.alone(), pytest.raises(CopyingAlready), archive.alone():
        pass
    with archive.alone():
        pass
