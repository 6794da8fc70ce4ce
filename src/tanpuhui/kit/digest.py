"""Digests: SHA-256 over bytes, files and canonical JSON, written ``sha256:<hex>``."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

PREFIX = "sha256:"


def digest_bytes(content: bytes) -> str:
    """The digest of some bytes.

    >>> digest_bytes(b"")
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    return PREFIX + hashlib.sha256(content).hexdigest()


def digest_file(path: Path) -> str:
    """The digest of a file, read in blocks so that its size does not matter."""
    with path.open("rb") as stream:
        return PREFIX + hashlib.file_digest(stream, "sha256").hexdigest()


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and no spaces, UTF-8: RFC 8785 for values without floats, which are refused.

    >>> canonical_json({"b": 1, "a": ["é", None]}).decode()
    '{"a":["é",null],"b":1}'
    """
    _refuse_floats(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest_json(value: Any) -> str:
    """The digest of a value's canonical JSON."""
    return digest_bytes(canonical_json(value))


def has_floats(value: Any) -> bool:
    """Whether a float is anywhere in a JSON value; nothing of ours writes one.

    >>> has_floats({"a": [1, {"b": 0.5}]}), has_floats({"a": 1})
    (True, False)
    """
    if isinstance(value, dict):
        return any(map(has_floats, value.values()))
    return isinstance(value, float) or (isinstance(value, list) and any(map(has_floats, value)))


def has_nul(value: Any) -> bool:
    """Whether the character NUL is in any text or name of a JSON value; PostgreSQL keeps none.

    >>> has_nul({"a": ["b"]}), has_nul({"a": ["b\\0"]}), has_nul({"\\0": 1})
    (False, True, True)
    """
    if isinstance(value, dict):
        return any(has_nul(name) or has_nul(one) for name, one in value.items())
    return (isinstance(value, str) and "\0" in value) or (
        isinstance(value, list) and any(map(has_nul, value))
    )


def _refuse_floats(value: Any) -> None:
    assert not isinstance(value, float), "a float has no canonical form here: use an integer or a string"
    if isinstance(value, dict):
        for key, item in value.items():
            assert isinstance(key, str), "keys of canonical JSON are strings"
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
