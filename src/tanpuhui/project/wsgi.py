"""What a web server runs: Django on this installation's database, started as for any command."""

from __future__ import annotations

from django.core.handlers.wsgi import WSGIHandler

from tanpuhui.project.database import prepare

prepare()
application = WSGIHandler()
