"""Request: what the fields of a request say about its content: media type, packing, name, idempotency key, patience."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import http_sf
from django.http import HttpRequest
from django.utils.http import parse_header_parameters

from tanpuhui.api.refusals import (
    EncodingUnknown,
    FileNameInvalid,
    IdempotencyKeyInvalid,
    IdempotencyKeyMissing,
    MediaTypeUnknown,
)
from tanpuhui.evidence.envelope import Media

MEDIA_TYPES: dict[str, Media] = {
    "text/csv": "csv",
    "application/x-ndjson": "ndjson",
    "application/vnd.apache.parquet": "parquet",
}
BLOCK_BYTES = 256 * 1024
EXAMPLE_KEY = "2026-03-02/1"
MOST_KEY_CHARACTERS = 200
MOST_NAME_CHARACTERS = 200
NAMELESS = "batch"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def idempotency_key(request: HttpRequest) -> str:
    """The idempotency key; refuses a request without one, and one that is no structured string."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        raise IdempotencyKeyMissing(example=EXAMPLE_KEY)
    try:
        item: Any = http_sf.parse(given.encode("latin-1"), tltype="item")
        value, parameters = item
    except (ValueError, TypeError, UnicodeEncodeError) as error:
        raise IdempotencyKeyInvalid(example=EXAMPLE_KEY) from error
    # A token is a str as well, of a class of its own.
    if type(value) is not str or parameters or not 1 <= len(value) <= MOST_KEY_CHARACTERS:
        raise IdempotencyKeyInvalid(example=EXAMPLE_KEY)
    return str(value)


def media_of(request: HttpRequest) -> Media:
    """What the content is said to be; refuses other types, and text that is not UTF-8."""
    given, parameters = parse_header_parameters(request.headers.get("Content-Type", ""))
    charset = parameters.get("charset", "utf-8").lower()
    if given not in MEDIA_TYPES or charset not in ("utf-8", "utf8", "us-ascii"):
        shown = _CONTROL.sub("", request.headers.get("Content-Type", ""))[:100]
        raise MediaTypeUnknown(given=shown or "none", accepted=", ".join(MEDIA_TYPES))
    return MEDIA_TYPES[given]


def is_compressed(request: HttpRequest) -> bool:
    """Whether the content is packed with gzip; refuses any other packing."""
    given = request.headers.get("Content-Encoding", "identity").strip().lower()
    if given not in ("identity", "gzip"):
        raise EncodingUnknown(given=_CONTROL.sub("", given)[:100])
    return given == "gzip"


def stem_of(request: HttpRequest) -> str:
    """The file's name without its ending; refuses a name that leads elsewhere."""
    given = request.headers.get("Content-Disposition")
    if given is None:
        return NAMELESS
    try:
        _kind, parameters = parse_header_parameters(given)
    except (ValueError, LookupError) as error:
        raise FileNameInvalid(limit=MOST_NAME_CHARACTERS) from error
    name = parameters.get("filename*") or parameters.get("filename") or NAMELESS
    wrong = (
        len(name) > MOST_NAME_CHARACTERS
        or "/" in name
        or "\\" in name
        or name in (".", "..")
        or bool(_CONTROL.search(name))
    )
    if wrong:
        raise FileNameInvalid(limit=MOST_NAME_CHARACTERS)
    return PurePosixPath(name).stem or NAMELESS


def waits(request: HttpRequest) -> bool:
    """Whether the caller prefers to wait until the batch is taken (RFC 7240)."""
    preferences = request.headers.get("Prefer", "").lower().split(",")
    return any(each.strip().partition("=")[0].strip() == "wait" for each in preferences)


def blocks_of(request: HttpRequest) -> Iterator[bytes]:
    """The content as it arrives, never more than a block of it at once."""
    while block := request.read(BLOCK_BYTES):
        yield block
