"""The ``tanpuhui`` program: the command line, on this installation's database."""

from __future__ import annotations

import sys

from tanpuhui.cli import start
from tanpuhui.cli.main import app, status_of

PROGRAM = (sys.executable, "-c", "from tanpuhui.project.command import run; run()")

app.command("tanpuhui.project.migrate:app", name="database", help="Migrate the database.")
app.command("tanpuhui.console.work:app", name="work", help="Do the work that the console's pages asked for.")
app.command(
    "tanpuhui.operation.commands:app",
    name="backup",
    help="Copies of this installation elsewhere, and how they are brought back.",
)
app.command(
    "tanpuhui.operation.doctor:doctor",
    name="doctor",
    help="Look for what is wrong with this installation, and say what to do.\n\nExample: tanpuhui doctor --json",
)


def run() -> None:
    """Run one command and leave with its exit status."""
    use()
    sys.exit(status_of(sys.argv[1:]))


def use() -> None:
    """Tell the command line how this installation starts its database and its pages."""
    start.use(
        _prepare,
        application="tanpuhui.project.wsgi:application",
        prepare_pages=_prepare_pages,
        program=PROGRAM,
    )


def _prepare() -> None:
    """Imported when it is needed, so that help answers at once."""
    from tanpuhui.project import tracing
    from tanpuhui.project.database import prepare

    prepare()
    tracing.begin()


def _prepare_pages() -> None:
    from tanpuhui.project.pages import prepare

    prepare()
