"""Erased: a person's rows were taken out of a file that is named by its digest; signed notes say so in its place.

Beside ``<digest>.parquet``, which is gone, lies ``<digest>.erased.json``: a list of compact JWS, one for each erasure,
each from one digest to the next. The last names the file that stands now, in the same folder.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

from tanpuhui.kit.digest import PREFIX
from tanpuhui.kit.files import write_bytes

SUFFIX = ".erased.json"
#: The type that a note's signature is made for.
TYPE = "erasure-note+jwt"


def notes_path(path: Path) -> Path:
    """Where the notes of a file are."""
    return path.with_name(f"{path.stem}{SUFFIX}")


def notes_of(path: Path) -> tuple[str, ...]:
    """The notes that stand for a file, oldest first; none where nothing was erased."""
    try:
        return tuple(json.loads(notes_path(path).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return ()


def write_notes(path: Path, tokens: tuple[str, ...]) -> None:
    """Write the notes of a file, whole or not at all."""
    write_bytes(notes_path(path), json.dumps(tokens, indent=1).encode())


def said(token: str) -> dict[str, Any]:
    """What a note says; whether it is signed is asked elsewhere."""
    payload = token.split(".")[1]
    content: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return content


def beside(path: Path, digest: str) -> Path:
    """Where a file of another digest lies in the same folder."""
    return path.with_name(f"{digest.removeprefix(PREFIX)}{path.suffix}")


def standing(path: Path) -> Path:
    """The file that stands for a path: itself, or what an erasure left of it."""
    if path.exists() or not (tokens := notes_of(path)):
        return path
    return beside(path, said(tokens[-1])["to"])
