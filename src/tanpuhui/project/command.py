"""The ``tanpuhui`` program: the command line, on this installation's database."""

from __future__ import annotations

import sys

from tanpuhui.cli import start
from tanpuhui.cli.main import app, status_of
from tanpuhui.project.database import prepare

app.command("tanpuhui.project.migrate:app", name="database", help="Migrate the database.")


def run() -> None:
    """Run one command and leave with its exit status."""
    start.use(prepare)
    sys.exit(status_of(sys.argv[1:]))
