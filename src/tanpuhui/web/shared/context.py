"""Context: what the frame of every page needs: languages, the request's id, and whether this is a demonstration."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from tanpuhui.web.shared.request_id import current


def page(request: HttpRequest) -> dict[str, Any]:
    """For templates: ``languages``, ``request_id``, ``is_demo``, ``here`` (to come back to after a choice)."""
    return {
        "languages": settings.LANGUAGES,
        "request_id": current(),
        "is_demo": settings.DEMO,
        "here": request.get_full_path() if request.method == "GET" else request.path,
    }
