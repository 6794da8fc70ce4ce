"""Where an installation keeps its files: ``TANPUHUI_HOME``, or a default that fits the user."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

VARIABLE = "TANPUHUI_HOME"


def home() -> Path:
    """The folder of this installation; created with mode 0711 when it is new."""
    given = os.environ.get(VARIABLE)
    path = Path(given).absolute() if given else default_home()
    if not path.exists():
        path.mkdir(parents=True)
        path.chmod(0o711)
    return path


def default_home() -> Path:
    """``/var/lib/tanpuhui`` for root, ``~/.local/share/tanpuhui`` for everyone else."""
    if os.geteuid() == 0:
        return Path("/var/lib/tanpuhui")
    return Path.home() / ".local" / "share" / "tanpuhui"


def lake() -> Path:
    """The evidence lake of this installation."""
    return home() / "lake"


def inbox() -> Path:
    """Where batches wait that arrived over the network: beside the lake and not in it, mode 0700."""
    path = home() / "inbox"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def keys() -> Path:
    """The folder of secret keys: never in the database, mode 0700."""
    path = home() / "keys"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def secret_key(name: str, length: int = 32, *, folder: Path | None = None) -> bytes:
    """A secret key of this installation, made on first use, mode 0600: whole for everyone, or not there yet.

    ``folder`` is where another party's keys are; this installation's when left out.
    """
    path = (folder or keys()) / name
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    unfinished = path.parent / f".{name}.{uuid4().hex}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(os.urandom(length))
        stream.flush()
        os.fsync(stream.fileno())
    with suppress(FileExistsError):
        path.hardlink_to(unfinished)
    unfinished.unlink()
    return path.read_bytes()


def content(folder: str) -> Path:
    """A folder of certified content (``methodologies``, ``jurisdictions``): the repository's, or the wheel's."""
    package = Path(__file__).resolve().parents[1]
    for candidate in (package.parents[1] / folder, package / "content" / folder):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"no folder {folder!r} beside the package: reinstall tanpuhui")
