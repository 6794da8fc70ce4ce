"""The close's SQL: rules that the database itself holds."""

from __future__ import annotations

from importlib.resources import files


def read(name: str) -> str:
    """The text of one file of this folder, such as ``issued`` for ``issued.sql``."""
    return (files(__name__) / f"{name}.sql").read_text(encoding="utf-8")
