"""Machine: room on the disks, folders and keys that are as they must be, a server that runs. No database is needed."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from tanpuhui.operation.finding import Finding
from tanpuhui.project import tracing

#: Less room than this is wrong, less than that will soon be.
LEAST_BYTES, FEW_BYTES = 1_000_000_000, 5_000_000_000


def room(folders: dict[str, Path]) -> Iterator[Finding]:
    """Room on the disk of each folder, one finding a disk."""
    seen = set()
    for name, folder in folders.items():
        if not folder.exists() or folder.stat().st_dev in seen:
            continue
        seen.add(folder.stat().st_dev)
        free = shutil.disk_usage(folder).free
        if free < FEW_BYTES:
            yield Finding(
                "machine.disk_nearly_full",
                free < LEAST_BYTES,
                f"{free / 1e9:.1f} GB are free on the disk of {name} ({folder}).",
                "Free some room, or move the folder to a larger disk. Whatever does not fit is refused, not lost.",
            )


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
