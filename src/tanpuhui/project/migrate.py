"""``tanpuhui database``: the owner's commands."""

from __future__ import annotations

import os

from cyclopts import App

from tanpuhui.cli.output import console, print_json
from tanpuhui.project.backup import backup

app = App(name="database")
app.command(backup)


@app.command
def migrate(*, json: bool = False) -> int:
    """Apply every migration as the owner and give the application's role its privileges.

    Example: TANPUHUI_DATABASE_URL=postgresql://owner@db/tanpuhui tanpuhui database migrate

    Parameters
    ----------
    json
        print the number of migrations as JSON.
    """
    import django

    from tanpuhui.project import database

    database.ensure_roles(database.url())
    os.environ["DJANGO_SETTINGS_MODULE"] = "tanpuhui.project.settings"
    django.setup()
    count = database.missing_migrations()
    database.migrate()
    if json:
        print_json({"applied": count})
    else:
        console.print(f"{count} migrations applied.")
    return 0
