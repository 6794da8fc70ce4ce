"""What a web server runs: Django on this installation's database, started as for any command.

In front of it stands the one address that apps ask all the time, a resident's balance.
"""

from __future__ import annotations

from threading import Thread
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from tanpuhui.project import tracing
from tanpuhui.project.database import prepare


def _application() -> Any:
    """Once Django is ready, what stands in front of it can be imported too."""
    from tanpuhui.api.resident.balance import FastBalance

    return FastBalance(WSGIHandler())


def warm_up() -> None:
    """Load the methodologies beside the first requests, so that nobody waits for them."""
    from tanpuhui.web.public.library import library

    library()


prepare()
tracing.begin()
application = _application()
Thread(target=warm_up, name="warm-up", daemon=True).start()
