"""Start: how a command gets its database, which only the layer above knows how to start."""

from __future__ import annotations

from collections.abc import Callable

_prepare: list[Callable[[], None]] = []


def use(prepare: Callable[[], None]) -> None:
    """Say how the database is started; the entry point of the program does, once."""
    _prepare[:] = [prepare]


def start_database() -> None:
    """Start Django on a database that is ready; what needs no database never calls this."""
    assert _prepare, "the entry point says how the database is started"
    _prepare[0]()
