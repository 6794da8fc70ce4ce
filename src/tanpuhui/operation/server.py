"""Server: the database's own programs and what they are told: copying it whole, receiving what it writes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from tanpuhui.kit.digest import PREFIX, digest_file
from tanpuhui.kit.progress import Report, nobody, told
from tanpuhui.operation.refusals import CopyAltered, ToolFailed

#: The server keeps what it wrote until whoever follows under this name has it.
SLOT = "tanpuhui_backup"
#: How often it is looked how far a copy is.
LOOKS_EVERY_S = 1.0


@dataclass(frozen=True)
class Server:
    """A database server that runs: its address as the owner, and the folder of PostgreSQL's programs."""

    address: str
    programs: Path

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.address, autocommit=True, connect_timeout=10) as connection:
            yield connection

    def system(self) -> str:
        """The number that this cluster was given when it was made; a restored one has it too."""
        with self.connection() as connection:
            row = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
        assert row is not None
        return str(row[0])

    def version(self) -> int:
        """The major version."""
        with self.connection() as connection:
            return connection.info.server_version // 10_000

    def now(self) -> datetime:
        """The database's own clock."""
        with self.connection() as connection:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        moment: datetime = row[0]
        return moment

    def size_bytes(self) -> int:
        """About how large a whole copy becomes: all databases."""
        with self.connection() as connection:
            row = connection.execute("SELECT sum(pg_database_size(oid))::bigint FROM pg_database").fetchone()
        assert row is not None
        return int(row[0])

    def copy_whole(self, folder: Path, name: str, report: Report = nobody) -> None:
        """Copy the cluster with the log that makes it whole, and check every file of it against its digest."""
        self._run(
            "pg_basebackup",
            *(f"--dbname={self.address}", f"--pgdata={folder}", f"--label={name}", "--format=plain"),
            *("--wal-method=stream", "--checkpoint=fast", "--manifest-checksums=SHA256"),
            meanwhile=_telling_of(folder, self.size_bytes(), report),
        )
        check_copy(folder, report)

    def receive(self, folder: Path) -> subprocess.Popen[bytes]:
        """Begin to receive what the server writes, as it writes it; each piece is on disk before it is confirmed."""
        self._run(
            "pg_receivewal", f"--dbname={self.address}", f"--slot={SLOT}", "--create-slot", "--if-not-exists"
        )
        return subprocess.Popen(
            self._command(
                "pg_receivewal",
                f"--dbname={self.address}",
                f"--directory={folder}",
                f"--slot={SLOT}",
                "--synchronous",
                "--no-loop",
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_environment(),
        )

    def mark(self) -> str:
        """Commit an empty word, so that there is a commit after every moment before it; answers where it stands."""
        with self.connection() as connection:
            connection.execute("SELECT pg_logical_emit_message(true, 'tanpuhui.backup', '')")
            row = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        assert row is not None
        return str(row[0])

    def is_received(self, position: str) -> bool:
        """Whether whoever follows has everything up to a position on disk."""
        with self.connection() as connection:
            row = connection.execute(
                "SELECT restart_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s",
                [position, SLOT],
            ).fetchone()
        return row == (True,)

    def received(self) -> str:
        """How far whoever follows has everything on disk; empty where nobody ever followed."""
        with self.connection() as connection:
            row = connection.execute(
                "SELECT restart_lsn::text FROM pg_replication_slots WHERE slot_name = %s", [SLOT]
            ).fetchone()
        return str(row[0]) if row else ""

    def forget(self) -> None:
        """Keep nothing for a follower any more."""
        with self.connection() as connection:
            connection.execute(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                "WHERE slot_name = %s AND NOT active",
                [SLOT],
            )

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [str(self.programs / program), *arguments]

    def _run(self, program: str, *arguments: str, meanwhile: Callable[[], None] | None = None) -> None:
        with subprocess.Popen(
            self._command(program, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(),
        ) as running:
            try:
                said = _what_it_said(running, meanwhile)
            except BaseException:
                running.kill()
                raise
        if running.returncode != 0:
            raise ToolFailed(tool=program, said=" ".join(said.split())[-400:])


def _what_it_said(running: subprocess.Popen[str], meanwhile: Callable[[], None] | None) -> str:
    """Wait until a program has ended; answers its error stream. In between, something else is done once a second."""
    while True:
        try:
            return running.communicate(timeout=LOOKS_EVERY_S if meanwhile else None)[1]
        except subprocess.TimeoutExpired:
            assert meanwhile is not None
            meanwhile()


def _telling_of(folder: Path, whole_bytes: int, report: Report) -> Callable[[], None] | None:
    """Tells how large a folder has become; nothing is looked at where nobody watches."""
    if report is nobody:
        return None

    def tell() -> None:
        done_bytes = 0
        for path in folder.rglob("*"):
            # The program that fills the folder renames what it has whole.
            with suppress(FileNotFoundError):
                done_bytes += path.stat().st_size
        report("Copying the database", done_bytes, max(whole_bytes, done_bytes))

    return tell


def check_copy(folder: Path, report: Report = nobody) -> None:
    """Compare every file of a whole copy with what the server said of it (backup_manifest); refuses another.

    PostgreSQL's own program for this ends with a fault of memory in the wheel that the embedded server comes in.
    """
    listed = json.loads((folder / "backup_manifest").read_bytes())["Files"]
    for one in told(listed, report, "Checking the copy", len(listed)):
        path = folder / one["Path"]
        digest = digest_file(path).removeprefix(PREFIX) if path.is_file() else "nothing"
        if digest != one["Checksum"]:
            raise CopyAltered(path=path, found=digest, expected=one["Checksum"])


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
