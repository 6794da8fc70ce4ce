"""Status list: the states of many credentials in a few bits each, packed and signed (draft-ietf-oauth-status-list).

Bits are counted from the least significant of each byte. A list is never shorter than :data:`LEAST_ENTRIES`, so that
looking one up says little about whose it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from joserfc.jwk import ECKey

from tanpuhui.transparency.credentials.key import Issuer, read_header, sign_jwt, verify_jwt
from tanpuhui.transparency.credentials.plain import decoded, encoded
from tanpuhui.transparency.credentials.refusals import (
    CredentialMalformed,
    IssuerWrong,
    NotYetValid,
    StatusIndexOutside,
    StatusListMalformed,
    StatusListStale,
)

TYPE = "statuslist+jwt"
MEDIA_TYPE = "application/statuslist+jwt"
LEAST_ENTRIES = 131_072
SIZES = (1, 2, 4, 8)
#: No list of ours is longer, unpacked.
MOST_BYTES = 4_194_304
LEEWAY_S = 60


class Status(IntEnum):
    """What an entry says; other numbers mean nothing here."""

    VALID = 0
    REVOKED = 1
    SUSPENDED = 2


@dataclass(frozen=True)
class StatusList:
    """States by their index, in ``bits`` bits each."""

    bits: int
    content: bytes

    @classmethod
    def of(cls, states: Mapping[int, int], *, bits: int, entries: int) -> StatusList:
        """A list in which every index that is not named is valid."""
        assert bits in SIZES and entries * bits % 8 == 0, "whole bytes of 1, 2, 4 or 8 bits"
        content = bytearray(entries * bits // 8)
        for index, state in states.items():
            assert 0 <= index < entries and 0 <= state < 1 << bits, "a state that fits"
            place, shift = divmod(index * bits, 8)
            content[place] |= state << shift
        return cls(bits, bytes(content))

    @property
    def entries(self) -> int:
        return len(self.content) * 8 // self.bits

    def __getitem__(self, index: int) -> int:
        if not 0 <= index < self.entries:
            raise StatusIndexOutside(index=index, entries=self.entries)
        place, shift = divmod(index * self.bits, 8)
        return self.content[place] >> shift & ((1 << self.bits) - 1)

    def packed(self) -> str:
        """Packed with zlib, in base64url."""
        return encoded(zlib.compress(self.content, 9))

    @classmethod
    def unpacked(cls, text: str, bits: int) -> StatusList:
        if bits not in SIZES:
            raise StatusListMalformed(what=f"an entry has {bits} bits")
        try:
            unpacker = zlib.decompressobj()
            content = unpacker.decompress(decoded(text), MOST_BYTES)
        except (zlib.error, CredentialMalformed):
            raise StatusListMalformed(what="it is not packed with zlib") from None
        if not unpacker.eof or unpacker.unused_data:
            raise StatusListMalformed(what="it ends too early or too late")
        return cls(bits, content)


def sign_list(
    states: StatusList, key: ECKey, *, issuer: str, uri: str, at_s: int, good_for_s: int, ttl_s: int
) -> str:
    """The list as a signed token. It may be kept ``ttl_s`` seconds and is good for ``good_for_s``."""
    assert states.entries >= LEAST_ENTRIES, "a list in which one entry is not told from others"
    claims = {
        "iss": issuer,
        "sub": uri,
        "iat": at_s,
        "exp": at_s + good_for_s,
        "ttl": ttl_s,
        "status_list": {"bits": states.bits, "lst": states.packed()},
    }
    return sign_jwt({"typ": TYPE, "kid": key.thumbprint()}, claims, key)


@dataclass(frozen=True)
class KnownList:
    """A list whose signature holds: where it is published, since and until when it may be relied on."""

    uri: str
    since_s: int
    until_s: int
    states: StatusList


def read_list(token: str, issuer: Issuer, *, at_s: int) -> KnownList:
    """A status list that the issuer signed and that is fresh: neither its ``exp`` nor its ``ttl`` is over."""
    claims = verify_jwt(token, issuer.key_of(read_header(token, TYPE)), what="the status list")
    uri, since, until, keep = (claims.get(name) for name in ("sub", "iat", "exp", "ttl"))
    said = claims.get("status_list")
    if not isinstance(uri, str) or type(since) is not int or not isinstance(said, dict):
        raise StatusListMalformed(what="it has no 'sub', 'iat' and 'status_list'")
    if claims.get("iss", issuer.name) != issuer.name:
        raise IssuerWrong(found=str(claims["iss"])[:100], wanted=issuer.name)
    ends = [one for one in (until, since + keep if type(keep) is int else None) if type(one) is int]
    if not ends or type(said.get("bits")) is not int or not isinstance(said.get("lst"), str):
        raise StatusListMalformed(what="it has no end, no 'bits' or no 'lst'")
    if since > at_s + LEEWAY_S:
        raise NotYetValid(since=moment(since))
    if min(ends) <= at_s:
        raise StatusListStale(until=moment(min(ends)), uri=uri)
    return KnownList(uri, since, min(ends), StatusList.unpacked(said["lst"], said["bits"]))


def moment(at_s: Any) -> str:
    """Seconds since 1970 as people read them.

    >>> moment(0)
    '1970-01-01T00:00:00Z'
    """
    try:
        return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return str(at_s)
