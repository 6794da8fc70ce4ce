"""Schemathesis: every check it has, in all its phases, against the document and the application in this process.

A thin client stands between the two: it digests and signs what is sent wherever the request asks to be signed, as any
client does, and changes nothing else. Formats that a document cannot describe are generated here.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, transaction
from hypothesis import strategies as st
from pytest_django import Settings
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from werkzeug.serving import WSGIRequestHandler, make_server

from api.caller import GENERIC, RIDE, digest, registered, rides
from tanpuhui.client import SigningKey
from tanpuhui.client.sign import Outgoing, sign
from tanpuhui.evidence import provider_key
from tanpuhui.evidence.contract import ensure_default_contracts
from tanpuhui.kit.moment import utc_now

pytestmark = pytest.mark.slow

#: What a request holds in the place of a signature when it asks to be signed.
SIGN = "sign me"
#: What a document cannot say: which columns a provider's format has, and what is registered already.
CONFIG = """
seed = 20260302

[generation]
max-examples = 10

[[operations]]
include-operation-id = "retract_acts"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]

[[operations]]
include-operation-id = "correct_rows"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]

[[operations]]
include-operation-id = "declare_totals"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]

[[operations]]
include-operation-id = "evaluate_act_tags"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]

[[operations]]
include-operation-id = "claim_acts"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]

[[operations]]
include-operation-id = "add_key"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]
"""

_ROWS = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9), st.integers(0, 9000)), max_size=5)


def _parquet(rows: list[tuple[int, int, int]]) -> bytes:
    started, ended = RIDE.split(",")
    table = pa.table({
        "source_id": pa.array([str(source) for source, _, _ in rows], pa.string()),
        "person": pa.array([str(person) for _, person, _ in rows], pa.string()),
        "kind": pa.array(["bike_trip"] * len(rows), pa.string()),
        "started_at": pa.array([started] * len(rows), pa.string()),
        "ended_at": pa.array([ended] * len(rows), pa.string()),
        "distance_m": pa.array([distance for _, _, distance in rows], pa.int64()),
    })  # fmt: skip
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


def _ndjson(rows: list[tuple[int, int, int]]) -> bytes:
    names = GENERIC.split(",")
    lines = (f"{source},{person},bike_trip,{RIDE},{distance}".split(",") for source, person, distance in rows)
    objects = [dict(zip(names, line, strict=True)) for line in lines] or [{"source_id": "a"}]
    return "".join(json.dumps(each) + "\n" for each in objects).encode()


schemathesis.openapi.media_type(
    "text/csv",
    _ROWS.map(lambda rows: rides(*(f"{source},{person},{distance}" for source, person, distance in rows))),
)
schemathesis.openapi.media_type("application/x-ndjson", _ROWS.map(_ndjson))
schemathesis.openapi.media_type("application/vnd.apache.parquet", _ROWS.map(_parquet))


@schemathesis.serializer("text/csv", "application/x-ndjson", "application/vnd.apache.parquet")
def _as_it_is(_context: Any, value: Any) -> bytes:
    """Content that is made here is sent as it is; whatever else is generated, as its text."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


class SigningClient:
    """A WSGI application that signs for the caller; everything that was not asked for goes through as it is."""

    def __init__(self, key: SigningKey) -> None:
        self.key, self.application, self.number = key, WSGIHandler(), itertools.count(1)
        self.answered: dict[int, int] = {}
        self.succeeded: set[tuple[str, str]] = set()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ.get("HTTP_SIGNATURE") == SIGN:
            if provider_key.find_key(self.key.key_id).revoked_at:
                # It revokes every key that it finds.
                self.key = registered()
            self._sign(environ)

        def started(status: str, headers: Any, *error: Any) -> Any:
            code = int(status[:3])
            self.succeeded |= {(environ["REQUEST_METHOD"], environ["PATH_INFO"])} if code < 300 else set()
            self.answered[code] = self.answered.get(code, 0) + 1
            return start_response(status, headers, *error)

        return self.application(environ, started)

    def _sign(self, environ: dict[str, Any]) -> None:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ.get("HTTP_CONTENT_ENCODING") == "gzip":
            body = gzip.compress(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        if "HTTP_CONTENT_DIGEST" in environ:
            environ["HTTP_CONTENT_DIGEST"] = digest(body)
        given = environ.get("HTTP_IDEMPOTENCY_KEY", "")
        if re.fullmatch(r'"[A-Za-z0-9/:._-]{1,200}"', given):
            # Each is a new request: a key that may be used is made one that was not used before.
            environ["HTTP_IDEMPOTENCY_KEY"] = f'"{next(self.number)}-{given[1:-1][:150]}"'
        fields = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") and name not in ("HTTP_SIGNATURE", "HTTP_SIGNATURE_INPUT")
        }
        if environ.get("CONTENT_TYPE"):
            fields["content-type"] = environ["CONTENT_TYPE"]
        query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
        path = environ.get("REQUEST_URI", environ["PATH_INFO"]).partition("?")[0]
        request = Outgoing(environ["REQUEST_METHOD"], f"http://{environ['HTTP_HOST']}{path}{query}", fields)
        try:
            sign(request, self.key, at=datetime.now(UTC))
        except Exception:
            # Fields that no client can sign are sent unsigned, and must be refused.
            return
        environ["HTTP_SIGNATURE"] = request.headers["Signature"]
        environ["HTTP_SIGNATURE_INPUT"] = request.headers["Signature-Input"]


@pytest.fixture()
def signing(
    transactional_db: None, fresh_home: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SigningClient]:
    settings.PROVIDER_KEY_REQUESTS_PER_MINUTE = 10**9
    settings.PROVIDER_ADDRESS_REQUESTS_PER_MINUTE = 10**9
    settings.PROVIDER_ADDRESS_FAILURES_PER_MINUTE = 10**9
    monkeypatch.setattr(provider_key, "MOST_KEYS", 10**9)
    with transaction.atomic():
        ensure_default_contracts(at=utc_now())
    yield SigningClient(registered())


@contextmanager
def served(application: SigningClient) -> Iterator[str]:
    """The application on a port of this machine, in one thread with one connection to the database."""
    server = make_server("127.0.0.1", 0, application, request_handler=Quiet)

    def serve() -> None:
        server.serve_forever()
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Quiet(WSGIRequestHandler):
    """No log of requests; connections are kept open."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


def _told(recorder: Any, check: Any) -> str:
    """A failure with what to type to see it again."""
    return f"{check.failure_info.failure}\n{check.failure_info.code_sample}"


def test_the_application_keeps_to_its_document_whatever_is_sent(
    signing: SigningClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "django.request")
    with served(signing) as url:
        failures, ran = run(url)

    assert not failures, "\n\n".join(failures[:8])
    assert {
        "not_a_server_error",
        "ignored_auth",
        "negative_data_rejection",
        "positive_data_acceptance",
    } <= ran
    assert ran <= set(CHECKS.get_all_names())
    assert not any(status >= 500 for status in signing.answered), signing.answered
    assert {200, 201, 202, 400, 401, 404, 405, 415, 422} <= set(signing.answered)
    assert {
        ("POST", "/api/v1/provider/batches"),
        ("GET", "/api/v1/provider/batches"),
        ("POST", "/api/v1/provider/keys"),
        ("POST", "/api/v1/provider/keys/revocations"),
        ("GET", "/api/v1/provider/keys"),
        ("GET", "/api/v1/provider/quality"),
        ("POST", "/api/v1/sandbox/batches"),
    } <= signing.succeeded


def run(url: str) -> tuple[list[str], set[str]]:
    """Everything that the engine does with the document: what failed, and the checks that were made."""
    document = httpx.get(f"{url}/api/v1/openapi.json").json()
    for operations in document["paths"].values():
        for content in operations.get("post", {}).get("requestBody", {}).get("content", {}).values():
            # It cannot send an example of a type that is generated here; test_document.py sends them.
            content.pop("example", None)
    schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_str(CONFIG))
    schema.config.update(base_url=url)

    @schema.auth()
    class Signing:
        def get(self, _case: Any, _context: Any) -> str:
            return SIGN

        def set(self, case: Any, data: str, _context: Any) -> None:
            case.headers = {**(case.headers or {}), "Signature": data}

    failures: list[str] = []
    ran: set[str] = set()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            for checks in event.recorder.checks.values():
                for check in checks:
                    ran.add(check.name)
                    if check.failure_info is not None:
                        failures.append(f"{event.recorder.label}: {_told(event.recorder, check)}")
        elif isinstance(event, events.NonFatalError | events.FatalError):
            failures.append(str(event))

    return failures, ran
