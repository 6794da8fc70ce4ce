"""Document: what the OpenAPI document says beyond what the code's own types say."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from tanpuhui.api.limits import RETRY_AFTER, limit_fields
from tanpuhui.api.provider import schemas

PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}
MEDIA_TYPE = "application/problem+json"

CSV_EXAMPLE = (
    "source_id,person,kind,started_at,ended_at,distance_m\n"
    "b-1001,p-77,bike_trip,2026-03-02T08:10:00+08:00,2026-03-02T08:31:00+08:00,4200\n"
)
NDJSON_EXAMPLE = (
    '{"source_id": "b-1001", "person": "p-77", "kind": "bike_trip", "started_at": "2026-03-02T08:10:00+08:00", '
    '"ended_at": "2026-03-02T08:31:00+08:00", "distance_m": 4200}\n'
)


def refusals(*statuses: int, body: bool = False) -> dict[int, type[schemas.Problem]]:
    """The problems that an operation may answer: those of every signed request, and its own."""
    always = (400, 401, 403, 422, 431, 500)
    return dict.fromkeys(sorted({*always, *statuses, *((411, 413) if body else ())}), schemas.Problem)


def _field(name: str, description: str, example: str, *, required: bool, **schema: Any) -> dict[str, Any]:
    return {
        "in": "header",
        "name": name,
        "required": required,
        "description": description,
        "schema": {"type": "string", **schema},
        "example": example,
    }


LANGUAGE = _field(
    "Accept-Language", "zh (the default) or en: the language of problems and reasons.", "en", required=False
)
IDEMPOTENCY_KEY = _field(
    "Idempotency-Key",
    "A structured string of 1 to 200 characters, the same for every repetition of one request. It is kept for good: "
    "the same key with other content is refused with 422, and while the first request is being answered with 409.",
    '"2026-03-02/1"',
    required=True,
    pattern=r'^"[A-Za-z0-9/:._-]{1,200}"$',
)
CONTENT_DIGEST = _field(
    "Content-Digest",
    "SHA-256 of the content as it is sent (RFC 9530).",
    "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
    required=True,
)
CHANGES_SOMETHING: dict[str, Any] = {"parameters": [IDEMPOTENCY_KEY, CONTENT_DIGEST]}
_CONTENT = {
    "required": True,
    "description": "Rows of the provider's format, as the contract names it: docs/reference/provider-formats.md.",
    "content": {
        "text/csv": {"schema": {"type": "string", "minLength": 1}, "example": CSV_EXAMPLE},
        "application/x-ndjson": {"schema": {"type": "string", "minLength": 1}, "example": NDJSON_EXAMPLE},
        "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary", "minLength": 12}},
    },
}
_NAME = _field(
    "Content-Disposition",
    "The file's name, without any path.",
    'attachment; filename="monday.csv"',
    required=False,
)
_ENCODING = _field(
    "Content-Encoding",
    "gzip, where the content is packed. It may unpack to 100 times its size at most.",
    "identity",
    required=False,
    enum=["identity", "gzip"],
)
_PREFER = _field(
    "Prefer",
    "wait: take the batch before the answer (RFC 7240). Other preferences are ignored.",
    "wait",
    required=False,
)
SENDS_A_BATCH: dict[str, Any] = {
    "requestBody": _CONTENT,
    "parameters": [IDEMPOTENCY_KEY, CONTENT_DIGEST, _NAME, _ENCODING, _PREFER],
}
REHEARSES_A_BATCH: dict[str, Any] = {
    "requestBody": _CONTENT,
    "parameters": [IDEMPOTENCY_KEY, CONTENT_DIGEST, _NAME, _ENCODING],
}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """The document with problem+json where there are problems, header fields, and an example of each refusal."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation.setdefault("parameters", [])
            if operation.get("security"):
                operation["parameters"].append(LANGUAGE)
            for status, response in operation["responses"].items():
                _complete_response(int(status), response, path)
    return document


def _complete_response(status: int, response: dict[str, Any], _path: str) -> None:
    headers = limit_fields("key") if status < 400 else {}
    if status in (409, 429, 503):
        headers |= RETRY_AFTER
    if status in (201, 202):
        headers["Location"] = {"description": "Where the batch is.", "schema": {"type": "string"}}
    if headers:
        response["headers"] = headers
    if status >= 400:
        phrase = HTTPStatus(status).phrase
        response["description"] = f"{phrase}: {_SAID[status]}"
        response["content"] = {MEDIA_TYPE: {**PROBLEM, "example": _example(status)}}


_SAID = {
    400: "a field is missing or cannot be read, or the content is not what its digest says.",
    401: "the signature is missing, wrong, repeated or out of time, or its key is unknown or not in force.",
    403: "the contract is not in force, or the key is of another kind of organisation.",
    404: "there is no such thing of yours.",
    409: "it contradicts what is there; or, with Retry-After, the same request is being answered just now: repeat it.",
    411: "Content-Length is missing.",
    413: "the content is too large, or unpacks too far.",
    415: "the content's type or packing is not taken.",
    422: "the content is understood and refused, or the key was used for other content.",
    429: "too many requests, or too many batches waiting; wait and repeat the request.",
    431: "too many or too large header fields.",
    500: "we are wrong. The note names our record of it; the request may be repeated.",
    503: "no room at the moment; wait and repeat the request.",
}
_CODES = {
    400: ("api.digest_mismatch", {}),
    401: ("api.clock_off", {"tolerance_s": 300}),
    403: ("evidence.contract_disabled", {"provider": "blue-bikes"}),
    404: ("api.batch_unknown", {"batch": 42}),
    409: ("api.still_in_flight", {"key": "2026-03-02/1"}),
    411: ("api.length_required", {}),
    413: ("evidence.expands_too_far", {"limit": 100}),
    415: ("api.media_type_unknown", {"given": "text/plain"}),
    422: ("api.key_of_other_body", {"key": "2026-03-02/1"}),
    429: ("api.inbox_full", {"waiting": 20_000, "retry_after_s": 30}),
    431: ("api.headers_too_large", {"fields": 64}),
    500: ("api.our_fault", {"note": "1f0c9a7b3d52"}),
    503: ("api.no_room", {"retry_after_s": 60}),
}


def _example(status: int) -> dict[str, Any]:
    code, facts = _CODES[status]
    return {
        "type": f"urn:tanpuhui:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": "What is wrong, in the caller's language, and the next step.",
        "code": code,
        "facts": facts,
    }
