"""Start: how a command gets its database and its server, which only the layer above knows how to start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Installation:
    """What the entry point of the program knows."""

    #: Starts Django on a database that is ready.
    prepare: Callable[[], None]
    #: The web application, as ``module:name``.
    application: str
    #: Makes pages ready to be served: their words and their files.
    prepare_pages: Callable[[], None]
    #: The command line that begins another process of this program.
    program: tuple[str, ...]


_installation: list[Installation] = []


def use(
    prepare: Callable[[], None],
    *,
    application: str = "",
    prepare_pages: Callable[[], None] = lambda: None,
    program: tuple[str, ...] = (),
) -> None:
    """Say how things are started; the entry point of the program does, once."""
    _installation[:] = [Installation(prepare, application, prepare_pages, program)]


def start_database() -> None:
    """Start Django on a database that is ready; what needs no database never calls this."""
    installation().prepare()


def installation() -> Installation:
    """How things are started here."""
    assert _installation, "the entry point says how the database is started"
    return _installation[0]
