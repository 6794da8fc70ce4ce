"""Files that are either whole or absent: written beside their place, synced, then renamed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from tanpuhui.kit.digest import PREFIX, digest_file
from tanpuhui.kit.refusal import Refusal


class DiskFull(Refusal):
    code = "kit.disk_full"
    message = (
        "No room left on the disk of {folder}. Nothing was changed. Free some room and repeat the command."
    )


@contextmanager
def whole_or_absent(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; on success it is synced and renamed to ``path``.

    On any error the temporary file is removed; a full disk is refused as :class:`DiskFull`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{uuid4().hex}"
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        if is_full(error):
            raise DiskFull(folder=path.parent) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a small file, whole or not at all."""
    with whole_or_absent(path) as temporary:
        temporary.write_bytes(content)


def adopt(finished: Path, folder: Path, suffix: str) -> tuple[Path, str]:
    """Move a finished file to ``folder`` under its own digest: synced first, whole or not at all.

    Answers the path ``folder/<hex digest><suffix>`` and the digest. The same content again is the same file.
    """
    digest = digest_file(finished)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{digest.removeprefix(PREFIX)}{suffix}"
    sync(finished)
    finished.replace(path)
    sync(folder)
    return path, digest


def sync(path: Path) -> None:
    """See to it that a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_full(error: BaseException) -> bool:
    """Whether the machine said that there is no room left."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
