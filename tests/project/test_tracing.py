"""Traces go where the operator says, go on where we are asked and where we ask, and are of nobody."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from tanpuhui.client import Client
from tanpuhui.client.key import generate_key
from tanpuhui.federation.signature import Sent
from tanpuhui.federation.transport import over_http
from tanpuhui.kit.span import span
from tanpuhui.periodic.rounds import Periodic, Rounds
from tracing import WHY, collected


def test_a_providers_request_carries_the_trace_beside_its_signature() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"state": "waiting"})

    with collected() as exporter:
        with (
            span("send"),
            Client(
                "https://carbon.example", generate_key("bikes"), transport=httpx.MockTransport(answer)
            ) as one,
        ):
            one.batch(1)
        [sent] = exporter.get_finished_spans()

    context = sent.context
    assert asked[0].headers["traceparent"][:-2] == f"00-{context.trace_id:032x}-{context.span_id:016x}-"
    assert "traceparent" not in asked[0].headers["signature-input"]


def test_a_message_to_a_peer_carries_the_trace_and_none_where_nobody_collects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200)

    real = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **_given: real(transport=httpx.MockTransport(answer)))
    sent = Sent("POST", "https://city.example/federation/inbox", {"X": "1"}, b"{}")

    over_http(sent)
    with collected() as exporter:
        with span("periodic"):
            over_http(sent)
        [ours] = exporter.get_finished_spans()

    assert "traceparent" not in asked[0].headers
    assert f"{ours.context.trace_id:032x}" in asked[1].headers["traceparent"]
    assert sent.headers == {"X": "1"}


@pytest.mark.django_db
def test_each_job_of_time_alone_is_a_span_and_one_that_fails_says_so() -> None:
    def broken(_at: object) -> int:
        raise ZeroDivisionError("Li Hua")

    with collected() as exporter:
        Rounds((Periodic("expire", 60, lambda _at: 3), Periodic("tell", 60, broken))).tend()
        expire, tell = [one for one in exporter.get_finished_spans() if one.name == "periodic"]

    assert dict(expire.attributes) == {"tanpuhui.job": "expire", "tanpuhui.done": 3}
    assert dict(tell.attributes) == {"tanpuhui.job": "tell", "error.type": "ZeroDivisionError"}


def test_spans_arrive_at_the_collector_that_is_named_and_at_the_end_of_a_process_the_last_do() -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason=WHY)
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_given: object) -> None:
            """Not on the tests' error stream."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        script = "from tanpuhui.project.tracing import begin\nfrom tanpuhui.kit.span import span\n"
        script += "assert begin() and begin()\nwith span('close', {'tanpuhui.day': '2026-03-02'}): pass\n"
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={
                "PATH": "/usr/bin:/bin",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
                "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        server.shutdown()
        thread.join()

    assert (done.returncode, done.stderr) == (0, "")
    [(path, body)] = received
    assert path == "/v1/traces"
    for word in (b"service.name", b"tanpuhui", b"close", b"2026-03-02"):
        assert word in body
