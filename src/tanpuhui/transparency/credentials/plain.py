"""Plain: base64url and JSON as credentials have them, read in one way only."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

from tanpuhui.transparency.credentials.refusals import CredentialMalformed

_LETTERS = re.compile("[A-Za-z0-9_-]*")
#: Deeper than anything that is signed here.
MOST_DEEP = 32


def encoded(content: bytes) -> str:
    """Base64url without padding.

    >>> encoded(b"ok?")
    'b2s_'
    """
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The bytes of base64url; refused when it is padded, or written in another way than :func:`encoded` does."""
    if not _LETTERS.fullmatch(text) or len(text) % 4 == 1:
        raise CredentialMalformed(what="a part is not base64url")
    content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encoded(content) != text:
        raise CredentialMalformed(what="a part is not base64url as it is written")
    return content


def digest(text: str) -> str:
    """The digest of a disclosure as it is written: SHA-256, base64url."""
    return encoded(sha256(text.encode()).digest())


def packed(value: Any) -> str:
    """JSON in base64url."""
    return encoded(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def unpacked(text: str) -> Any:
    """What :func:`packed` packed."""
    return read_json(decoded(text))


def read_json(content: bytes | str) -> Any:
    """JSON in which no name is there twice, and no number is none."""
    try:
        value = json.loads(content, parse_constant=_no_number, object_pairs_hook=_once)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise CredentialMalformed(what="a part is not JSON") from None
    return value


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a name is there twice")
    return said
