"""The installation's settings in a home of the run's own, with the tests as owner of their database.

Roles are tested by ``SET ROLE``; the command line's tests run real processes with the real roles.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_home = Path(tempfile.mkdtemp(prefix="tanpuhui-tests-"))
_home.chmod(0o711)
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ["TANPUHUI_HOME"] = str(_home)
os.environ.pop("TANPUHUI_DATABASE_URL", None)

import prepared  # noqa: E402

# Before the settings are read: they start the home's database, and make an empty one where there is none.
prepared.make()
prepared.adopt(_home)

from tanpuhui.project import database, words  # noqa: E402
from tanpuhui.project.settings import *  # noqa: E402, F403
from tanpuhui.project.settings import DATABASES as _DATABASES  # noqa: E402

database.ensure_roles(database.url())
DATABASES = {"default": {**_DATABASES["owner"], "TEST": {"TEMPLATE": database.NAME}}}
#: Files under their own names, straight from the packages: nothing is gathered for a test.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT = None
#: Tests do the work that pages ask for themselves.
WORK_COMMAND = []
WHITENOISE_USE_FINDERS = True
#: A static file is looked for when it is asked for: each client of a test has the middleware made anew, and to list all
#: files was more than half of what a client cost.
WHITENOISE_AUTOREFRESH = True
words.compile_all()
