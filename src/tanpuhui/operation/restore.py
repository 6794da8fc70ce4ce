"""Restore: an installation as it was at a moment, in a new home, from its copies; nothing is restored over anything."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from tanpuhui.kit.progress import Count, Report, nobody
from tanpuhui.operation.archive import NOT_COPIED, Archive, Base
from tanpuhui.operation.refusals import HomeInUse, KeysMissing, OtherVersion, ToolFailed
from tanpuhui.operation.server import check_copy
from tanpuhui.project import embedded

VERSION = 18
#: How long the server may take to read the log until the moment that was asked for, in seconds.
READS_IN_S = 3_600.0
#: In the cluster's own folder, so that the server's user may read it; it goes away afterwards.
LOG = "restored_wal"


@dataclass(frozen=True)
class Restored:
    """What was brought back: from which copy, to which moment (None: all there was), and what it took."""

    home: Path
    base: Base
    to: datetime | None
    last_commit_at: datetime | None
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return {
            "home": self.home,
            "base": self.base.name,
            "to": self.to.isoformat() if self.to else None,
            "last_commit_at": self.last_commit_at.isoformat() if self.last_commit_at else None,
            "seconds": round(self.seconds, 1),
        }


def restore(
    archive: Archive, home: Path, *, to: datetime | None, keys: Path, report: Report = nobody
) -> Restored:
    """Bring an installation back into a new home; without a moment, to the last that was received.

    The embedded server of the new home runs afterwards, until this process ends.
    """
    began = time.monotonic()
    if home.exists() and any(home.iterdir()):
        raise HomeInUse(home=home)
    base = archive.base_for(to)
    if base.postgresql != VERSION:
        raise OtherVersion(found=base.postgresql, known=VERSION)
    if not keys.is_dir() or not any(keys.iterdir()):
        raise KeysMissing(folder=archive.folder)
    check_copy(archive.base_folder(base.name), report)
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o711)
    count = Count(report, "Copying files", 0 if report is nobody else _files(archive, base))
    _bring_files(archive, home, keys, count)
    cluster = embedded.adopt(home, lambda data: _bring_database(archive, base, data, to, count))
    report("Reading the database's log", 0, 0)
    embedded.start(home)
    last = _wait_until_read(cluster)
    _forget_recovery(cluster)
    return Restored(home, base, to, last, time.monotonic() - began)


def _files(archive: Archive, base: Base) -> int:
    folders = (archive.files, archive.base_folder(base.name), archive.wal)
    return sum(path.is_file() for folder in folders for path in folder.rglob("*"))


def _counted(count: Count) -> Callable[..., Any]:
    """Copies a file as it is, and counts it."""

    def copy(source: Any, target: Any) -> Any:
        done = shutil.copy2(source, target)
        count.one_more()
        return done

    return copy


def _bring_files(archive: Archive, home: Path, keys: Path, count: Count) -> None:
    copy_one = _counted(count)
    for path in archive.files.iterdir():
        if path.name.startswith(NOT_COPIED):
            continue
        if path.is_dir():
            shutil.copytree(path, home / path.name, copy_function=copy_one)
        else:
            copy_one(path, home / path.name)
    shutil.copytree(keys, home / "keys")
    (home / "keys").chmod(0o700)


def _bring_database(archive: Archive, base: Base, data: Path, to: datetime | None, count: Count) -> None:
    """Fill the cluster's folder, and tell the server to read the log until then."""
    # What belonged to the server that ran there: its socket's lock names a process, and its log is another's.
    left = shutil.ignore_patterns(".s.PGSQL.*", "server.log")
    copy_one = _counted(count)
    shutil.copytree(
        archive.base_folder(base.name),
        data,
        dirs_exist_ok=True,
        symlinks=True,
        ignore=left,
        copy_function=copy_one,
    )
    (data / LOG).mkdir()
    for path in sorted(archive.wal.iterdir()):
        if not path.name.startswith("."):
            # A segment that was being received is as good as it is long.
            copy_one(path, data / LOG / path.name.removesuffix(".partial"))
    settings = [f'restore_command = \'cp "{data.with_name(data.name.removesuffix(".new"))}/{LOG}/%f" "%p"\'']
    if to is not None:
        settings.append(f"recovery_target_time = '{to.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f+00}'")
        settings.append("recovery_target_action = 'promote'")
    with (data / "postgresql.auto.conf").open("a") as stream:
        stream.writelines(f"{line}\n" for line in settings)
    (data / "recovery.signal").touch()


def _wait_until_read(cluster: embedded.Cluster) -> datetime | None:
    end = time.monotonic() + READS_IN_S
    while time.monotonic() < end:
        try:
            with psycopg.connect(cluster.url(), autocommit=True, connect_timeout=10) as connection:
                row = connection.execute(
                    "SELECT pg_is_in_recovery(), pg_last_xact_replay_timestamp()"
                ).fetchone()
        except psycopg.OperationalError as error:
            raise ToolFailed(
                tool="postgres", said=f"{' '.join(str(error).split())} (read {cluster.log})"
            ) from error
        assert row is not None
        if not row[0]:
            moment: datetime | None = row[1]
            return moment
        time.sleep(0.1)
    raise ToolFailed(tool="postgres", said=f"the log was not read in {READS_IN_S:.0f} s")


def _forget_recovery(cluster: embedded.Cluster) -> None:
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        for name in ("restore_command", "recovery_target_time", "recovery_target_action"):
            connection.execute(f"ALTER SYSTEM RESET {name}")
    shutil.rmtree(cluster.data / LOG)
