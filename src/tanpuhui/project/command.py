"""The ``tanpuhui`` program: the command line, on this installation's database."""

from __future__ import annotations

import sys

from tanpuhui.cli import start
from tanpuhui.cli.main import app, status_of

app.command("tanpuhui.project.migrate:app", name="database", help="Migrate the database.")


def run() -> None:
    """Run one command and leave with its exit status."""
    start.use(_prepare)
    sys.exit(status_of(sys.argv[1:]))


def _prepare() -> None:
    """Imported when it is needed, so that help answers at once."""
    from tanpuhui.project.database import prepare

    prepare()
