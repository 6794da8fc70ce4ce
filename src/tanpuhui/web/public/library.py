"""Library: the methodologies of this installation, loaded once in each worker, again when a folder has changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.http import Http404

from tanpuhui.methodology.load import Library, folders, load_library
from tanpuhui.methodology.methodology import Methodology, Text
from tanpuhui.methodology.read import read_toml

_Seen = tuple[tuple[str, int], ...]


def library() -> Library:
    """Every methodology; loading takes a second or two, so it is kept until a file changes."""
    return _load(_seen())


def methodology_or_404(code: str, version: int | None = None) -> Methodology:
    """One version of a methodology, the latest when none is named."""
    versions = versions_of(code)
    if version is None:
        return versions[-1]
    found = next((one for one in versions if one.version == version), None)
    if found is None:
        raise Http404
    return found


def versions_of(code: str) -> list[Methodology]:
    """The versions of a code, oldest first."""
    found = [one for one in library().all() if one.code == code]
    if not found:
        raise Http404
    return found


def examples_of(methodology: Methodology) -> list[Mapping[str, Any]]:
    """The worked cases, as their file has them."""
    return list(read_toml(methodology.folder / "examples.toml")["examples"])


def said(text: Text, language: str) -> str:
    """A text in the reader's language."""
    return text.zh if language.startswith("zh") else text.en


def _seen() -> _Seen:
    return tuple(
        (str(path), path.stat().st_mtime_ns)
        for folder in folders()
        for path in sorted(folder.iterdir())
        if path.is_file()
    )


@lru_cache(maxsize=1)
def _load(_files: _Seen) -> Library:
    return load_library()
