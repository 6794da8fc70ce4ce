"""A passkey without a device: it registers and signs in as WebAuthn says, or wrongly where a test wants it so."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256

#: Flags of authenticator data: somebody was there, showed that it is them, and a new key follows.
PRESENT, VERIFIED, NEW = 0x01, 0x04, 0x40


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@dataclass
class SoftPasskey:
    """One key for one user at one site."""

    site: str = "testserver"
    origin: str = "https://testserver"
    user: bytes = b""
    id: bytes = field(default_factory=lambda: os.urandom(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def made(self, options: dict[str, Any], *, flags: int = PRESENT | VERIFIED) -> dict[str, Any]:
        """What a browser sends when a passkey was made."""
        asked = options["publicKey"]
        self.user = decoded(asked["user"]["id"])
        public = cbor.encode(dict(ES256.from_cryptography_key(self.key.public_key())))
        more = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public
        data = self._data(flags | NEW) + more
        attested = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        said = self._said("webauthn.create", asked["challenge"])
        return self._whole({"clientDataJSON": encoded(said), "attestationObject": encoded(attested)})

    def shown(
        self,
        options: dict[str, Any],
        *,
        flags: int = PRESENT | VERIFIED,
        kind: str = "webauthn.get",
        **changes: Any,
    ) -> dict[str, Any]:
        """What a browser sends when a passkey was used; ``changes`` make it wrong: challenge, key, user."""
        asked = options["publicKey"]
        said = self._said(kind, changes.get("challenge", asked["challenge"]))
        data = self._data(flags)
        key = changes.get("key", self.key)
        signature = key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return self._whole(
            {
                "clientDataJSON": encoded(said),
                "authenticatorData": encoded(data),
                "signature": encoded(signature),
                "userHandle": encoded(changes.get("user", self.user)),
            }
        )

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.site.encode()).digest() + bytes([flags]) + bytes(4)

    def _said(self, kind: str, challenge: Any) -> bytes:
        told = challenge if isinstance(challenge, str) else encoded(challenge)
        return json.dumps(
            {"type": kind, "challenge": told, "origin": self.origin, "crossOrigin": False}
        ).encode()

    def _whole(self, response: dict[str, str]) -> dict[str, Any]:
        return {
            "id": encoded(self.id),
            "rawId": encoded(self.id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {"credProps": {"rk": True}},
        }


def decoded(text: Any) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if isinstance(text, str) else bytes(text)
