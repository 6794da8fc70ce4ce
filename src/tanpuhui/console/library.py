"""Library: the methodologies of this installation, read again when a file of theirs has changed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from tanpuhui.kit.home import content
from tanpuhui.methodology.load import Library, load_library


def library() -> Library:
    """The library as its files are now; reading and proving it takes a second, so it is kept."""
    root = content("methodologies")
    return _read(root, _mark(root))


def _mark(root: Path) -> int:
    """The moment of the last change, and how many files there are, as one number."""
    return hash(tuple(sorted((str(path), path.stat().st_mtime_ns) for path in root.glob("*/*/v*/*"))))


@lru_cache(maxsize=2)
def _read(root: Path, mark: int) -> Library:
    del mark
    return load_library(root)
