"""``tanpuhui database``: the owner's commands."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from tanpuhui.cli.output import console, print_json
from tanpuhui.project.backup import backup

app = App(name="database")
app.command(backup)


@app.command
def migrate(
    *, wait_s: Annotated[float, Parameter(validator=Number(gte=0.1, lte=3600))] = 10.0, json: bool = False
) -> int:
    """Apply every migration as the owner and give the application's role its privileges.

    Example: TANPUHUI_DATABASE_URL=postgresql://owner@db/tanpuhui tanpuhui database migrate

    Parameters
    ----------
    wait_s
        how long a step may wait for a lock, in seconds: everybody else waits behind it.
    json
        print the number of migrations as JSON.
    """
    import django

    from tanpuhui.project import database

    database.ensure_roles(database.url())
    os.environ["DJANGO_SETTINGS_MODULE"] = "tanpuhui.project.settings"
    django.setup()
    count = database.missing_migrations()
    database.migrate(wait_s=wait_s)
    if json:
        print_json({"applied": count})
    else:
        console.print(f"{count} migrations applied.")
    return 0
