"""Seal: a methodology's folder is fixed by the digest of its content; a changed byte shows."""

from __future__ import annotations

from pathlib import Path

from tanpuhui.kit.digest import digest_file, digest_json
from tanpuhui.kit.files import write_bytes
from tanpuhui.methodology.refusals import SealBroken

SEAL = "SEAL"


def content_digest(folder: Path) -> str:
    """The digest of a folder: of the canonical JSON of its files' digests by path, without ``SEAL``."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / SEAL)
    return digest_json({path.relative_to(folder).as_posix(): digest_file(path) for path in files})


def seal(folder: Path) -> str:
    """Write ``SEAL`` and return the digest. Sealing again changes nothing; a broken seal is never renewed."""
    digest = content_digest(folder)
    if not verify_seal(folder):
        write_bytes(folder / SEAL, f"{digest}\n".encode())
    return digest


def verify_seal(folder: Path) -> bool:
    """Is the folder sealed? Refused as ``methodology.seal_broken`` when its content has changed since."""
    if not (folder / SEAL).exists():
        return False
    sealed, found = (folder / SEAL).read_text(errors="replace").strip(), content_digest(folder)
    if sealed != found:
        raise SealBroken(folder=folder, sealed=sealed, found=found, next_version=_next_version(folder))
    return True


def _next_version(folder: Path) -> str:
    number = folder.name.removeprefix("v")
    return f"v{int(number) + 1}" if number.isdecimal() else "with the next version"
