"""Key: signing with a verifier's private key, which is made and kept by the verifier, and reading its public one.

Signing needs no database and no Django, so that it can be done on the verifier's own machine.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jws
from joserfc.jwk import OKPKey

from tanpuhui.kit.digest import canonical_json
from tanpuhui.verification.refusals import NotAKey

ALGORITHM = "Ed25519"
KEY_BYTES = 32
DECLARATION, STATEMENT = "verification-declaration+jwt", "verification-statement+jwt"


def sign(content: dict[str, Any], type_: str, private: Ed25519PrivateKey) -> str:
    """A compact JWS over canonical JSON, under the key's thumbprint."""
    key = OKPKey.import_key(private)
    header = {"alg": ALGORITHM, "typ": type_, "kid": key.thumbprint()}
    return jws.serialize_compact(header, canonical_json(content), key, algorithms=[ALGORITHM])


def read_public(text: str) -> bytes:
    """The 32 bytes of a public key in base64; refuses anything else."""
    try:
        raw = base64.b64decode(text.strip(), validate=True)
    except (ValueError, binascii.Error) as error:
        raise NotAKey from error
    if len(raw) != KEY_BYTES:
        raise NotAKey
    return raw


def jwk_of(public: bytes) -> OKPKey:
    """A public key as a JWK."""
    return OKPKey.import_key(Ed25519PublicKey.from_public_bytes(public))


def type_of(content: dict[str, Any]) -> str:
    """What kind of document a text is, by its schema."""
    return DECLARATION if content.get("schema") == "tanpuhui-verification-declaration/1" else STATEMENT
