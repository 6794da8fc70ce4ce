"""Draw: a page of the console with its frame."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def draw(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Render a page in the console's frame."""
    from tanpuhui.console.site import site

    return render(
        request, f"console/{template}.html", {**site.each_context(request), **context}, status=status
    )
