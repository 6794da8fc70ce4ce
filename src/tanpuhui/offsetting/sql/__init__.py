"""The SQL of offsetting, file by file, in the order in which a new database takes it."""

from __future__ import annotations

from importlib.resources import files


def read(name: str) -> str:
    """The text of one file of this folder, such as ``filed`` for ``filed.sql``."""
    return (files(__name__) / f"{name}.sql").read_text(encoding="utf-8")
