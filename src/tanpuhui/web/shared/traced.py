"""Traced: a span for each request, with the route it took and how it was answered: no address, no query, nobody."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tanpuhui.kit.span import is_on, span

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
#: What a caller may say of the trace that its request belongs to.
OF_CALLER = ("traceparent", "tracestate")


class Traced:
    """Middleware: the outermost, and none at all where nobody collects."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not is_on():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        method = request.method if request.method in METHODS else "_OTHER"
        caller = {name: request.headers[name] for name in OF_CALLER if name in request.headers}
        with span("request", {"http.request.method": str(method)}, caller=caller) as traced:
            response = self.get_response(request)
            match = request.resolver_match
            facts: dict[str, str | int] = {"http.response.status_code": response.status_code}
            if match is not None:
                facts |= {"http.route": match.route, "tanpuhui.view": match.view_name or ""}
            traced.says(facts)
            if response.status_code >= 500:
                traced.failed()
        return response
