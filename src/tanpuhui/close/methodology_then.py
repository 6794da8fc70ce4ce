"""Methodology then: the folder of a methodology version as it is here now, to be compared with a manifest."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from tanpuhui.methodology.load import code_of, folders, load_methodology
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.methodology.seal import content_digest


def find_methodology(key: str) -> Methodology | None:
    """The version that a key (``code@version``) names, or ``None`` where its folder is not here (any more)."""
    code, _, version = key.rpartition("@")
    folder = _folders().get((code, f"v{version}"))
    if folder is None or not folder.is_dir():
        return None
    return _load(folder, content_digest(folder))


@lru_cache(maxsize=1)
def _folders() -> dict[tuple[str, str], Path]:
    return {(code_of(folder), folder.name): folder for folder in folders()}


@lru_cache(maxsize=256)
def _load(folder: Path, digest: str) -> Methodology:
    """A folder is read again when a byte of it has changed."""
    del digest
    return load_methodology(folder)
