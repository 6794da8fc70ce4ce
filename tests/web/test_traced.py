"""A request as a span: which route, how it was answered; no address, no query, nobody."""

from __future__ import annotations

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse
from django.test import Client

from tanpuhui.web.shared.traced import Traced
from tracing import collected

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/healthz", "healthz", 200),
        ("/lots/LI-HUA/?person=LI-HUA", "lots/<slug:code>/", 404),
        ("/nowhere/LI-HUA/?person=LI-HUA", None, 404),
    ],
)
def test_a_request_is_a_span_of_its_route(path: str, route: str | None, status: int) -> None:
    with collected() as exporter:
        answer = Client().get(path, headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
        [request] = [one for one in exporter.get_finished_spans() if one.name == "request"]

    assert answer.status_code == status
    assert request.attributes["http.response.status_code"] == status
    assert request.attributes["http.request.method"] == "GET"
    assert request.attributes.get("http.route") == route
    assert f"{request.context.trace_id:032x}" == TRACE
    assert "LI-HUA" not in request.to_json()


def test_where_nobody_collects_there_is_no_such_middleware() -> None:
    with pytest.raises(MiddlewareNotUsed):
        Traced(lambda _request: HttpResponse())
