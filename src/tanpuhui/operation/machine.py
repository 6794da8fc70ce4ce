"""Machine: room on the disks and how fast they are, keys that only we read, a server that runs. Needs no database."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from tanpuhui.operation.finding import MUCH_TOO_SLOW_MS, SLOW_MS, Finding, median_ms
from tanpuhui.project import tracing

#: Less room than this is wrong, less than that will soon be.
LEAST_BYTES, FEW_BYTES = 1_000_000_000, 5_000_000_000


def _disks(folders: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    """The first folder of each disk, with its name."""
    seen = set()
    for name, folder in folders.items():
        if folder.exists() and folder.stat().st_dev not in seen:
            seen.add(folder.stat().st_dev)
            yield name, folder


def room(folders: dict[str, Path]) -> Iterator[Finding]:
    """Room on the disk of each folder, one finding a disk."""
    for name, folder in _disks(folders):
        free = shutil.disk_usage(folder).free
        if free < FEW_BYTES:
            yield Finding(
                "machine.disk_nearly_full",
                free < LEAST_BYTES,
                f"{free / 1e9:.1f} GB are free on the disk of {name} ({folder}).",
                "Free some room, or move the folder to a larger disk. Whatever does not fit is refused, not lost.",
            )


def speed(folders: dict[str, Path]) -> Iterator[Finding]:
    """How long a small file takes until it is on the disk of each folder; it is gone afterwards."""
    for name, folder in _disks(folders):
        try:
            with NamedTemporaryFile(dir=folder, prefix=".doctor.", buffering=0) as file:
                took_ms = median_ms(partial(_put_on_disk, file))
        except OSError as error:
            yield Finding(
                "machine.cannot_write",
                True,
                f"Nothing can be written to {name} ({folder}): {error.strerror}.",
                "Run this as the user of the server; if it is that one, give it the folder or free some room.",
            )
            continue
        if took_ms > SLOW_MS:
            yield Finding(
                "machine.disk_slow",
                took_ms > MUCH_TOO_SLOW_MS,
                f"64 KiB take {took_ms:,.0f} ms until they are on the disk of {name} ({folder}); "
                f"more than {SLOW_MS} ms are slow.",
                "Look at what else uses the disk ('iostat -x 1'), or move the folder to a faster one. Takings, closes "
                "and answers to providers wait for it; nothing is lost.",
            )


def _put_on_disk(file: IO[bytes]) -> None:
    file.write(bytes(65_536))
    os.fsync(file.fileno())


def secrets(home: Path) -> Iterator[Finding]:
    """Keys that others of this machine may read."""
    keys = home / "keys"
    if not keys.is_dir():
        yield Finding(
            "machine.no_keys",
            True,
            f"{keys} is not there: nobody's pseudonym can be found again.",
            "Bring the keys back from where they were kept ('tanpuhui backup make --keys').",
        )
        return
    for path in (keys, *sorted(keys.rglob("*"))):
        if path.lstat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield Finding(
                "machine.keys_open",
                True,
                f"Others may read {path}.",
                f"Run 'chmod -R go= {keys}', and change the key.",
            )
            return


def traces() -> Iterator[Finding]:
    """A collector is named, and nothing can be sent to it."""
    if tracing.is_wanted() and not tracing.is_installed():
        yield Finding(
            "machine.traces_not_sent",
            True,
            "OTEL_EXPORTER_OTLP_ENDPOINT names a collector, and OpenTelemetry is not installed: no span is recorded.",
            "Install the extra: pip install --require-hashes -r requirements/otel.txt; or unset the variable.",
        )
