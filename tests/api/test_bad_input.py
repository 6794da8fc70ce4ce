"""Bad input: whatever is sent, the answer is a problem of the caller's, nothing is half done, and nothing is left."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import zlib
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.handlers.wsgi import WSGIHandler

from api.caller import BATCHES, GENERIC, HOST, RIDE, Call, code_of, rides
from tanpuhui.client import SigningKey
from tanpuhui.evidence import upload
from tanpuhui.evidence.models import Batch, InboxBatch
from tanpuhui.kit.home import inbox

pytestmark = pytest.mark.django_db

ROWS = rides("a,p")


def bomb() -> bytes:
    """100 MB of one letter, 1,000 times smaller when packed."""
    return gzip.compress(
        GENERIC.encode() + b"\n" + b"a" * 1000 * 1000 + b"\n" + (b"a" * 1000 + b"\n") * 100_000
    )


def parquet_bomb() -> bytes:
    """Ten million equal numbers, in a few kilobytes."""
    stream = io.BytesIO()
    column = pa.array([1], pa.int64()).take(pa.array([0] * 10_000_000, pa.int32()))
    pq.write_table(pa.table({"distance_m": column}), stream, compression="zstd")
    return stream.getvalue()


def disposition(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


CASES: dict[str, tuple[bytes, dict[str, str], tuple[int, str]]] = {
    "invalid UTF-8": (ROWS + b"\xff\xfe\n", {}, (422, "evidence.wrong_encoding")),
    "half a character at the end": (ROWS + "公".encode()[:2], {}, (422, "evidence.wrong_encoding")),
    "a NUL byte": (ROWS + b"b\0,p\n", {}, (422, "evidence.wrong_encoding")),
    "UTF-16": (ROWS.decode().encode("utf-16"), {}, (422, "evidence.wrong_encoding")),
    "nothing": (b"", {}, (422, "evidence.empty_file")),
    "blanks": (b" \n\n", {}, (422, "evidence.empty_file")),
    "a line without end": (ROWS + b"a" * 1_100_000, {}, (422, "evidence.line_too_long")),
    "an executable": (b"MZ\x90\x00", {}, (422, "evidence.wrong_encoding")),
    "JSON said to be CSV": (b'{"source_id": "a"}\n', {}, (415, "evidence.other_content")),
    "CSV said to be NDJSON": (
        ROWS,
        {"Content-Type": "application/x-ndjson"},
        (415, "evidence.other_content"),
    ),
    "CSV said to be Parquet": (
        ROWS,
        {"Content-Type": "application/vnd.apache.parquet"},
        (415, "evidence.other_content"),
    ),
    "half a Parquet file": (
        b"PAR1" + b"\0" * 100,
        {"Content-Type": "application/vnd.apache.parquet"},
        (422, "evidence.not_parquet"),
    ),
    "a Parquet bomb": (
        parquet_bomb(),
        {"Content-Type": "application/vnd.apache.parquet"},
        (413, "evidence.expands_too_far"),
    ),
    "another type": (ROWS, {"Content-Type": "text/plain"}, (415, "api.media_type_unknown")),
    "a form": (ROWS, {"Content-Type": "multipart/form-data; boundary=x"}, (415, "api.media_type_unknown")),
    "another charset": (ROWS, {"Content-Type": "text/csv; charset=gbk"}, (415, "api.media_type_unknown")),
    "a type of nonsense": (ROWS, {"Content-Type": ";;;="}, (415, "api.media_type_unknown")),
    "a type that is not the contract's": (
        rides("a,p"),
        {"Content-Type": "text/csv", "provider": "payments"},
        (415, "evidence.wrong_media"),
    ),
    "another packing": (ROWS, {"Content-Encoding": "br"}, (415, "api.encoding_unknown")),
    "two packings": (ROWS, {"Content-Encoding": "gzip, gzip"}, (415, "api.encoding_unknown")),
    "gzip that is none": (ROWS, {"Content-Encoding": "gzip"}, (422, "evidence.not_gzip")),
    "half a gzip": (gzip.compress(ROWS)[:-6], {"Content-Encoding": "gzip"}, (422, "evidence.not_gzip")),
    "zlib said to be gzip": (zlib.compress(ROWS), {"Content-Encoding": "gzip"}, (422, "evidence.not_gzip")),
    "a gzip with more after it": (
        gzip.compress(ROWS) + b"more",
        {"Content-Encoding": "gzip"},
        (422, "evidence.not_gzip"),
    ),
    "a zip bomb": (bomb(), {"Content-Encoding": "gzip"}, (413, "evidence.expands_too_far")),
    "a bomb in a bomb": (
        gzip.compress(gzip.compress(b"a" * 10_000_000)),
        {"Content-Encoding": "gzip"},
        (422, "evidence.wrong_encoding"),
    ),
    "a path in the name": (ROWS, disposition("../../etc/passwd"), (400, "api.file_name_invalid")),
    "a root in the name": (ROWS, disposition("/etc/passwd"), (400, "api.file_name_invalid")),
    "a Windows path": (ROWS, disposition("C:\\\\x.csv"), (400, "api.file_name_invalid")),
    "dots as a name": (ROWS, disposition(".."), (400, "api.file_name_invalid")),
    "an endless name": (ROWS, disposition("n" * 201), (400, "api.file_name_invalid")),
    "a hidden path": (
        ROWS,
        {"Content-Disposition": "attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd"},
        (400, "api.file_name_invalid"),
    ),
    "a NUL in the name": (
        ROWS,
        {"Content-Disposition": "attachment; filename*=UTF-8''a%00b.csv"},
        (400, "api.file_name_invalid"),
    ),
    "a name in no charset": (
        ROWS,
        {"Content-Disposition": "attachment; filename*=nonsense''a.csv"},
        (400, "api.file_name_invalid"),
    ),
    "an idempotency key without quotes": (
        ROWS,
        {"Idempotency-Key": "monday"},
        (400, "api.idempotency_key_invalid"),
    ),
    "an empty idempotency key": (ROWS, {"Idempotency-Key": '""'}, (400, "api.idempotency_key_invalid")),
    "an endless idempotency key": (
        ROWS,
        {"Idempotency-Key": f'"{"k" * 201}"'},
        (400, "api.idempotency_key_invalid"),
    ),
    "an idempotency key that is a number": (
        ROWS,
        {"Idempotency-Key": "7"},
        (400, "api.idempotency_key_invalid"),
    ),
}


@pytest.mark.parametrize(("body", "headers", "expected"), CASES.values(), ids=CASES)
def test_bad_content_is_refused_and_nothing_of_it_is_left(
    key: SigningKey, body: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    from api.caller import registered

    headers = dict(headers)
    provider = headers.pop("provider", None)
    signer = registered(provider) if provider else key

    answer = Call(signer, body=body, headers=headers).send()

    assert code_of(answer) == expected
    assert str(inbox()) not in answer.text
    assert (InboxBatch.objects.count(), Batch.objects.count(), list(inbox().iterdir())) == (0, 0, [])


def test_a_request_without_an_idempotency_key_is_refused(key: SigningKey) -> None:
    answer = Call(key, body=ROWS, without=("idempotency-key",)).send()

    assert code_of(answer) == (400, "api.idempotency_key_missing")


def test_three_gigabytes_are_refused_before_anything_is_read(key: SigningKey) -> None:
    class Untouched(io.RawIOBase):
        def readinto(self, _buffer: Any) -> int:
            raise AssertionError("the content was read")

    headers = Call(key, body=ROWS).signed().headers
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": BATCHES,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "wsgi.url_scheme": "http",
        "wsgi.input": Untouched(),
        "CONTENT_TYPE": "text/csv",
        "CONTENT_LENGTH": str(3 * 1024**3),
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    seen: list[str] = []

    body = b"".join(WSGIHandler()(environ, lambda status, _headers, *_: seen.append(status)))

    assert [status[:3] for status in seen] == ["413"]
    assert json.loads(body)["code"] == "api.body_too_large"


@pytest.mark.parametrize("length", [None, "", "-1", "1e3", "９", "1" * 30])
def test_a_length_that_is_missing_or_no_number_is_refused(key: SigningKey, length: str | None) -> None:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": BATCHES,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(ROWS),
        "CONTENT_TYPE": "text/csv",
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    if length is not None:
        environ["CONTENT_LENGTH"] = length

    body = b"".join(WSGIHandler()(environ, lambda *_: None))

    assert json.loads(body)["code"] in ("api.length_required", "api.bad_request", "api.signature_missing")
    assert InboxBatch.objects.count() == 0


def test_content_that_is_cut_off_is_refused(key: SigningKey) -> None:
    headers = Call(key, body=ROWS).signed().headers
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": BATCHES,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(ROWS[:-5]),
        "CONTENT_TYPE": "text/csv",
        "CONTENT_LENGTH": str(len(ROWS)),
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }

    body = b"".join(WSGIHandler()(environ, lambda *_: None))

    assert json.loads(body)["code"] == "evidence.cut_off"
    assert list(inbox().iterdir()) == []


def test_more_than_is_taken_is_refused_on_the_way(key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MOST_BYTES", 10_000)
    body = gzip.compress(GENERIC.encode() + b"\n" + os.urandom(20_000).hex().encode() + b"\n")

    answer = Call(key, body=body, headers={"Content-Encoding": "gzip"}).send()

    assert code_of(answer) == (413, "evidence.too_large")
    assert list(inbox().iterdir()) == []


def test_a_full_disk_is_said_without_naming_our_folders(
    key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(upload.os, "fsync", full)

    answer = Call(key, body=ROWS).send()

    assert code_of(answer) == (503, "api.no_room")
    assert answer.headers["Retry-After"] == "60"
    assert str(inbox()) not in answer.text


def test_what_is_our_fault_has_a_note_and_no_trace(
    key: SigningKey, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tanpuhui.api.provider import quality

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(quality, "quality_of", broken)

    answer = Call(key, method="GET", path="/api/v1/provider/quality").send()

    assert code_of(answer) == (500, "api.our_fault")
    assert "secret detail" not in answer.text
    assert answer.json()["facts"]["note"] in caplog.text


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/1/corrections", b"{", (400, "api.bad_request")),
        ("/1/corrections", b"\xff", (400, "api.bad_request")),
        ("/1/corrections", b"[]", (422, "api.request_invalid")),
        ("/1/corrections", b'{"rows": []}', (422, "api.request_invalid")),
        ("/1/corrections", b'{"rows": [{"row": 0}]}', (422, "api.request_invalid")),
        ("/1/corrections", b'{"rows": [{"row": 99999999999999999999}]}', (422, "api.request_invalid")),
        (
            "/1/corrections",
            b'{"rows": [{"row": 1, "columns": {"a": "\\u0000"}}]}',
            (422, "api.request_invalid"),
        ),
        (
            "/1/corrections",
            b'{"rows": [{"row": 1, "columns": {"a": "\\ud800"}}]}',
            (422, "api.request_invalid"),
        ),
        ("/1/corrections", b'{"rows": [{"row": 1, "colums": {}}]}', (422, "api.request_invalid")),
        ("/1/corrections", b"[" * 100_000, (400, "api.bad_request")),
        ("/x/corrections", b'{"rows": [{"row": 1}]}', (422, "api.request_invalid")),
        ("/0/corrections", b'{"rows": [{"row": 1}]}', (422, "api.request_invalid")),
        ("/99999999999999999999/corrections", b'{"rows": [{"row": 1}]}', (422, "api.request_invalid")),
        ("/1/corrections", b" " * (1024 * 1024 + 1), (413, "api.body_too_large")),
    ],
)
def test_bad_json_is_refused(key: SigningKey, path: str, body: bytes, code: tuple[int, str]) -> None:
    assert (
        code_of(
            Call(key, path=BATCHES + path, body=body, headers={"Content-Type": "application/json"}).send()
        )
        == code
    )


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=",
        "after=0",
        "after=-1",
        "after=9223372036854775808",
        "limit=1&limit=0",
    ],
)
def test_bad_queries_are_refused(key: SigningKey, query: str) -> None:
    assert code_of(Call(key, method="GET", path=f"{BATCHES}?{query}").send()) == (422, "api.request_invalid")


@pytest.mark.parametrize("query", ["code=%00", "code=' OR 1=1", "code=" + "x" * 1000, "every=perhaps"])
def test_bad_filters_are_refused(key: SigningKey, query: str) -> None:
    query = query.replace(" ", "%20").replace("'", "%27")

    assert code_of(Call(key, method="GET", path=f"{BATCHES}/1/quarantine?{query}").send()) == (
        422,
        "api.request_invalid",
    )


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1", "/api/v1/", "/api/v2/provider/batches", "/api/v1/provider/%00"]
)
def test_unknown_addresses_are_problems_too(path: str) -> None:
    with httpx.Client(transport=httpx.WSGITransport(WSGIHandler())) as http:
        answer = http.get(HOST + path)

    assert code_of(answer)[0] in (404, 401)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_other_methods_are_refused_and_those_allowed_are_named(method: str) -> None:
    with httpx.Client(transport=httpx.WSGITransport(WSGIHandler())) as http:
        answer = http.request(method, HOST + BATCHES)

    assert code_of(answer) == (405, "api.method_not_allowed")
    assert sorted(answer.headers["Allow"].split(", ")) == ["GET", "POST"]


@pytest.mark.parametrize("host", ["evil.example", "localhost:80:80", "", "loc\\alhost"])
def test_another_host_is_refused(key: SigningKey, host: str) -> None:
    answer = Call(key, method="GET", after_signing={"Host": host}).send()

    assert code_of(answer) in ((400, "api.bad_request"), (401, "api.signature_invalid"))


@pytest.mark.parametrize(
    "fields",
    [{f"X-{number}": "x" for number in range(100)}, {"X-Large": "x" * 20_000}],
    ids=["many", "large"],
)
def test_too_many_or_too_large_fields_are_refused(key: SigningKey, fields: dict[str, str]) -> None:
    assert code_of(Call(key, method="GET", after_signing=fields).send()) == (431, "api.headers_too_large")


def test_a_digest_of_another_algorithm_is_refused(key: SigningKey) -> None:
    other = f"sha-512=:{base64.b64encode(hashlib.sha512(ROWS).digest()).decode()}:"

    assert code_of(Call(key, body=ROWS, headers={"Content-Digest": other}).send()) == (
        400,
        "api.digest_mismatch",
    )


def test_a_row_with_everything_strange_in_it_is_only_a_row(key: SigningKey) -> None:
    strange = "'; DROP TABLE evidence_batch; --,<script>alert(1)</script>"
    body = f"{GENERIC}\n{strange},bike_trip,{RIDE},1\n=cmd|'/c calc',\u202e,bike_trip,{RIDE},x\n".encode()

    answer = Call(key, body=body, headers={"Prefer": "wait"}).send()

    assert (answer.json()["rows"], answer.json()["accepted"]) == (2, 1)
