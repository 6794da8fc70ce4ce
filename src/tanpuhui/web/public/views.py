"""Views for everybody."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tanpuhui.access.demo import ROLES
from tanpuhui.web.public.figures import figures


def home(request: HttpRequest) -> HttpResponse:
    """What this is, what it has done so far, and where to go on."""
    roles = ROLES if settings.DEMO else ()
    return render(request, "public/home.html", {"figures": figures(), "demo_roles": roles})
