"""Form: a credential as text, compact or flattened JSON (RFC 9901, sections 4 and 8); nothing of it is believed yet.

The flattened form has room for what proves itself: ``header.receipts`` are receipts of the transparency log. They are
not signed by the issuer, because a fact is in the log only after it was certified.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tanpuhui.transparency.credentials.plain import digest, read_json
from tanpuhui.transparency.credentials.refusals import CredentialMalformed

_PART = "[A-Za-z0-9_-]+"
_JWT = re.compile(rf"{_PART}\.{_PART}\.{_PART}")
_COMPACT = re.compile(rf"{_JWT.pattern}~(?:{_PART}~)*(?:{_JWT.pattern})?")
MOST_DISCLOSURES, MOST_RECEIPTS = 10_000, 1_000


@dataclass(frozen=True)
class SdJwt:
    """The issuer's JWT, the disclosures that come along, the holder's proof, and receipts of the log."""

    jwt: str
    disclosures: tuple[str, ...]
    key_binding: str = ""
    receipts: tuple[Mapping[str, Any], ...] = ()

    @property
    def unbound(self) -> str:
        """What the holder's proof is about: the JWT and the disclosures."""
        return "~".join([self.jwt, *self.disclosures, ""])

    @property
    def bound_digest(self) -> str:
        return digest(self.unbound)

    def compact(self) -> str:
        """As one line; there is no place for receipts in it."""
        return self.unbound + self.key_binding

    def as_json(self) -> dict[str, Any]:
        """The flattened JSON form, with everything."""
        protected, payload, signature = self.jwt.split(".")
        header: dict[str, Any] = {"disclosures": list(self.disclosures)}
        if self.key_binding:
            header["kb_jwt"] = self.key_binding
        if self.receipts:
            header["receipts"] = [dict(one) for one in self.receipts]
        return {"payload": payload, "protected": protected, "signature": signature, "header": header}

    def text(self) -> str:
        """The flattened JSON form as a file."""
        return json.dumps(self.as_json(), ensure_ascii=False, indent=1) + "\n"

    def with_receipts(self, *receipts: Mapping[str, Any]) -> SdJwt:
        return replace(self, receipts=receipts)


def looks_like_one(text: str) -> bool:
    """Whether a text is a credential in its compact form."""
    return bool(_COMPACT.fullmatch(text.strip()))


def read(text: str) -> SdJwt:
    """A credential of either form."""
    text = text.strip()
    if text.startswith("{"):
        return from_json(read_json(text))
    if not _COMPACT.fullmatch(text):
        raise CredentialMalformed(what="it is neither a line of parts with '~' between nor JSON")
    jwt, *disclosures, key_binding = text.split("~")
    return _checked(SdJwt(jwt, tuple(disclosures), key_binding))


def from_json(said: Any) -> SdJwt:
    """A credential of the flattened form. The general form (several signatures) is not one of ours."""
    if not isinstance(said, dict) or "signatures" in said:
        raise CredentialMalformed(what="it has not one signature")
    header = said.get("header")
    parts = [said.get(name) for name in ("protected", "payload", "signature")]
    if not isinstance(header, dict) or not all(isinstance(one, str) for one in parts):
        raise CredentialMalformed(what="a part of it is missing")
    disclosures, receipts = header.get("disclosures", []), header.get("receipts", [])
    key_binding = header.get("kb_jwt", "")
    if not isinstance(disclosures, list) or not all(isinstance(one, str) for one in disclosures):
        raise CredentialMalformed(what="its disclosures are no list of texts")
    if not isinstance(receipts, list) or not all(isinstance(one, dict) for one in receipts):
        raise CredentialMalformed(what="its receipts are no list of objects")
    if not isinstance(key_binding, str) or (key_binding and not _JWT.fullmatch(key_binding)):
        raise CredentialMalformed(what="its holder's proof is none")
    found = SdJwt(".".join(str(one) for one in parts), tuple(disclosures), key_binding, tuple(receipts))
    if not _JWT.fullmatch(found.jwt) or not all(re.fullmatch(_PART, one) for one in disclosures):
        raise CredentialMalformed(what="a part of it is not base64url")
    return _checked(found)


def _checked(found: SdJwt) -> SdJwt:
    if len(found.disclosures) > MOST_DISCLOSURES or len(found.receipts) > MOST_RECEIPTS:
        raise CredentialMalformed(what="it is longer than any of ours")
    return found
