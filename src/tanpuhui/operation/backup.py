"""Backup: copy an installation whole, and follow it: everything that it commits is elsewhere a moment later.

A file of the lake is written before the transaction that names it commits. So files are copied after the database, and
a moment counts as reached only when the files were looked at after it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tanpuhui.erasure.backup import KEEP
from tanpuhui.kit.files import write_bytes
from tanpuhui.kit.progress import Report, nobody
from tanpuhui.operation.archive import Archive, Base, mirror
from tanpuhui.operation.refusals import InsideEachOther, ToolFailed
from tanpuhui.operation.server import Server

#: Between two looks at the files, at least; and this many times as long as a look takes.
PAUSE_S, PAUSE_TIMES = 1.0, 5
#: How long nothing more of the server's log may be received.
RECEIVED_IN_S = 30.0


def make(
    archive: Archive, server: Server, home: Path, *, keep: timedelta = KEEP, report: Report = nobody
) -> Base:
    """Copy the database whole, then the files; answers the copy. What a failed one left and what is over is removed."""
    archive.belong_to(home, server.system())
    with archive.alone():
        archive.remove_unfinished()
        began_at = server.now()
        name = f"{began_at:%Y-%m-%dT%H%M%S}"
        unfinished = archive.folder / "bases" / f".{name}"
        try:
            server.copy_whole(unfinished, name, report)
            unfinished.rename(archive.base_folder(name))
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        base = Base(name, began_at, server.now(), server.version())
        mirror(home, archive.files, archive.gone / f"{base.ended_at:%Y-%m-%d}", report)
        write_bytes(archive.folder / "bases" / f"{name}.json", json.dumps(base.as_json()).encode())
        archive.reaches(max(base.ended_at, archive.through() or base.ended_at))
        archive.remove_before(base.ended_at - keep)
    return base


def copy_keys(home: Path, archive: Archive, folder: Path) -> int:
    """Copy the secret keys to a folder of their own; who has copies and keys has everything, so they are apart."""
    target, copies = folder.resolve(), archive.folder.resolve()
    for other in (copies, home.resolve()):
        if target == other or other in target.parents or target in other.parents:
            raise InsideEachOther(folder=target, home=other)
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = sorted(
        path for path in (home / "keys").rglob("*") if path.is_file() and not path.name.startswith(".")
    )
    for path in keys:
        copy = target / path.relative_to(home / "keys")
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_bytes(copy, path.read_bytes())
        copy.chmod(0o600)
    return len(keys)


def follow(archive: Archive, server: Server, home: Path, *, until: Callable[[], bool]) -> None:
    """Receive the database's log and copy new files until told to stop; the archive says to which moment it reaches."""
    archive.belong_to(home, server.system())
    receiver = server.receive(archive.wal)
    try:
        while not until():
            began = time.monotonic()
            moment = server.now()
            position = server.mark()
            mirror(home, archive.files, archive.gone / f"{moment:%Y-%m-%d}")
            _receive(receiver, server, position)
            archive.reaches(moment)
            _pause(max(PAUSE_S, PAUSE_TIMES * (time.monotonic() - began)), until)
    finally:
        receiver.terminate()
        receiver.wait(RECEIVED_IN_S)
        if receiver.stderr:
            receiver.stderr.close()


def _receive(receiver: subprocess.Popen[bytes], server: Server, position: str) -> None:
    """Wait until everything up to a position is on the other disk, as long as more of it comes."""
    so_far, end = "", time.monotonic() + RECEIVED_IN_S
    while not server.is_received(position):
        if (now := server.received()) != so_far:
            so_far, end = now, time.monotonic() + RECEIVED_IN_S
        if receiver.poll() is not None:
            said = receiver.stderr.read().decode() if receiver.stderr else ""
            raise ToolFailed(tool="pg_receivewal", said=" ".join(said.split())[-400:] or "it ended")
        if time.monotonic() > end:
            raise ToolFailed(tool="pg_receivewal", said=f"nothing more was received in {RECEIVED_IN_S:.0f} s")
        time.sleep(0.02)


def _pause(seconds: float, until: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        time.sleep(0.05)
