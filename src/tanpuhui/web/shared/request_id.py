"""Request id: every request has one, in its log lines, in its answer and on error pages, so that it can be found."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

_current: ContextVar[str] = ContextVar("request_id", default="-")
_GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}\Z")
log = logging.getLogger("tanpuhui.request")


def current() -> str:
    """The id of the request that is being answered, or ``-``."""
    return _current.get()


class RequestId:
    """Outermost middleware: give the request an id, and write one line about its answer, without personal facts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "") if settings.ALLAUTH_TRUSTED_PROXY_COUNT else ""
        number = given if _GIVEN.match(given) else uuid4().hex
        # Not set back afterwards: Django writes about failed requests when this has returned.
        _current.set(number)
        request.META["REQUEST_ID"] = number
        started = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-ID"] = number
        _write(request, response.status_code, time.perf_counter() - started)
        return response


def _write(request: HttpRequest, status: int, seconds: float) -> None:
    """The route, not the address: addresses hold keys of objects, and queries hold what people typed."""
    match = request.resolver_match
    route = f"/{match.route}" if match else "(no route)"
    log.info("%s %s %s %d ms", request.method, route, status, round(seconds * 1000))
