"""WSGI: what a server runs, on a database that is ready. The provider's API needs it: content is read as it comes.

Example: granian --interface wsgi --workers 2 --blocking-threads 4 tanpuhui.project.wsgi:application
"""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application

from tanpuhui.project.database import prepare

prepare()
application = get_wsgi_application()
