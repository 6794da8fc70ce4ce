"""Pages: what is made ready before a server starts: compiled words, and files with their digests in their names."""

from __future__ import annotations

import shutil
from pathlib import Path

from tanpuhui.project import words


def prepare() -> None:
    """Compile the languages that changed, and gather every file that pages load into the home, compressed."""
    from django.conf import settings
    from django.core.management import call_command

    words.compile_all()
    finished = Path(settings.STATIC_ROOT)
    if not (finished / "staticfiles.json").exists():
        shutil.rmtree(finished, ignore_errors=True)
    call_command("collectstatic", interactive=False, verbosity=0)
