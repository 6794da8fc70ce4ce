"""Pace: nobody sends forms more quickly than a person could; what is above is answered with 429 and costs little.

Counted in each worker on its own, minute by minute: a server with four workers lets through up to four times as many.
Signing in, and the interfaces below ``/api/``, have stricter limits of their own, shared by all workers.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from allauth.core.internal.ratelimit import get_ip
from django.conf import settings
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tanpuhui.web.shared import errors

_WINDOW_S = 60
_API = "/api/"


class Pace:
    """Innermost middleware: counts what is not only looked at."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method == "POST" and not request.path.startswith(_API) and not _counted(request):
            return errors.too_many(request)
        return self.get_response(request)


def _counted(request: HttpRequest) -> bool:
    """Count a form for its address and its user; whether both are within their limits."""
    try:
        address = get_ip(request)
    except (PermissionDenied, ImproperlyConfigured):
        address = "-"
    within = _count(f"address:{address}") <= settings.FORMS_A_MINUTE["address"]
    if request.user.is_authenticated:
        within &= _count(f"user:{request.user.pk}") <= settings.FORMS_A_MINUTE["user"]
    return within


def _count(who: str) -> int:
    cache, key = caches["worker"], f"pace:{who}:{int(time.time()) // _WINDOW_S}"
    cache.add(key, 0, timeout=2 * _WINDOW_S)
    try:
        return cache.incr(key)
    except ValueError:
        # Another thread's new entries pushed it out in between: the cache is full of other addresses.
        return 1
