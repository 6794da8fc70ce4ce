"""What a web server runs: Django on this installation's database, started as for any command."""

from __future__ import annotations

from threading import Thread

from django.core.handlers.wsgi import WSGIHandler

from tanpuhui.project.database import prepare


def warm_up() -> None:
    """Load the methodologies beside the first requests, so that nobody waits for them."""
    from tanpuhui.web.public.library import library

    library()


prepare()
application = WSGIHandler()
Thread(target=warm_up, name="warm-up", daemon=True).start()
