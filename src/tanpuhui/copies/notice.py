"""Notice: what this installation's jurisdiction says beside every number, such as that illustrative factors count."""

from __future__ import annotations

import os
from functools import lru_cache

from tanpuhui.quantify.jurisdiction import load_jurisdiction

#: The same variable as the command line's.
JURISDICTION = "TANPUHUI_JURISDICTION"


def jurisdiction_notice(language: str) -> str:
    """The notice of the jurisdiction in a language, or nothing."""
    return _notices(os.environ.get(JURISDICTION, "demo")).get("zh" if language.startswith("zh") else "en", "")


@lru_cache(maxsize=4)
def _notices(code: str) -> dict[str, str]:
    return dict(load_jurisdiction(code).notice)
