"""Readable: what no browser of ours sends is refused at the door: wrong bytes, too long, a method pages do not have.

The interfaces below ``/api/`` have limits of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from tanpuhui.web.shared import errors

METHODS = ("GET", "HEAD", "POST", "OPTIONS")
#: In bytes: the path, the query as it came, one header, and all headers.
MOST_PATH, MOST_QUERY, MOST_HEADER, MOST_HEADERS = 2_000, 4_000, 8_000, 24_000
_API = "/api/"
_FORM = "application/x-www-form-urlencoded"


class Readable:
    """Middleware around everything that makes pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._refused(request) or self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_: Any) -> HttpResponse | None:
        """Fields of a form with files are read for their token anyway; they are text without zero bytes too."""
        if request.content_type == "multipart/form-data" and not getattr(view, "csrf_exempt", False):
            values = [one for values in request.POST.lists() for one in (values[0], *values[1])]
            if any("\x00" in one or "\ufffd" in one for one in values):
                return errors.bad_request(request)
        return None

    def _refused(self, request: HttpRequest) -> HttpResponse | None:
        if request.path.startswith(_API):
            return None
        query = request.META.get("QUERY_STRING", "")
        headers = [len(name) + len(value) for name, value in request.headers.items()]
        if len(request.path.encode()) > MOST_PATH or len(query) > MOST_QUERY:
            return errors.too_long(request, 414)
        if max(headers, default=0) > MOST_HEADER or sum(headers) > MOST_HEADERS:
            return errors.too_long(request, 431)
        if "\x00" in request.path or "\ufffd" in request.path or not _is_text(query):
            return errors.bad_request(request)
        if request.method not in METHODS:
            return errors.not_allowed(request, METHODS)
        return self._bad_form(request)

    def _bad_form(self, request: HttpRequest) -> HttpResponse | None:
        if request.method != "POST" or request.content_type != _FORM:
            return None
        try:
            body = request.body
        except SuspiciousOperation:
            return errors.bad_request(request)
        return None if _is_text(body.decode("latin-1")) else errors.bad_request(request)


def _is_text(escaped: str) -> bool:
    """Whether it is UTF-8 without zero bytes when it has been unescaped."""
    found = unquote_to_bytes(escaped.encode("latin-1", "replace"))
    try:
        found.decode()
    except UnicodeDecodeError:
        return False
    return b"\x00" not in found
