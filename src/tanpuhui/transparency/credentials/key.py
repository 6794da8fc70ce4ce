"""Key: ES256 keys, JWTs by them, and what an issuer says about its own (SD-JWT VC, JWT VC Issuer Metadata)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from tanpuhui.transparency.credentials.plain import read_json, unpacked
from tanpuhui.transparency.credentials.refusals import (
    AlgorithmRefused,
    CredentialMalformed,
    KeyForeign,
    SignatureWrong,
    TypeWrong,
)

ALGORITHM, CURVE = "ES256", "P-256"
#: The order of P-256, for a private key from 32 random bytes.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def key_from_secret(secret: bytes) -> ECKey:
    """The private key that 32 random bytes are."""
    assert len(secret) == 32, "a secret of 32 bytes"
    number = int.from_bytes(secret, "big") % (_ORDER - 1) + 1
    return ECKey.import_key(ec.derive_private_key(number, ec.SECP256R1()))


def public_jwk(key: ECKey) -> dict[str, Any]:
    """The public half, named by its thumbprint (RFC 7638)."""
    said = {
        name: value for name, value in key.as_dict(private=False).items() if name in ("kty", "crv", "x", "y")
    }
    return {**said, "kid": key.thumbprint(), "alg": ALGORITHM, "use": "sig"}


def read_key(said: Any) -> ECKey:
    """A key on P-256 from its JWK."""
    if not isinstance(said, dict) or said.get("kty") != "EC" or said.get("crv") != CURVE:
        raise CredentialMalformed(what="a key is not on P-256")
    try:
        return ECKey.import_key(
            {name: str(said[name]) for name in ("kty", "crv", "x", "y", "d") if name in said}
        )
    except (JoseError, ValueError, KeyError, TypeError):
        raise CredentialMalformed(what="a key is not on P-256") from None


@dataclass(frozen=True)
class Issuer:
    """Who issues, by its address, and its public keys by their names."""

    name: str
    keys: Mapping[str, ECKey]

    def key_of(self, header: Mapping[str, Any]) -> ECKey:
        """The key that a JWT names."""
        named = header.get("kid")
        found = self.keys.get(named) if isinstance(named, str) else None
        if found is None:
            raise KeyForeign(key=str(named)[:60], issuer=self.name)
        return found


def metadata(name: str, *keys: ECKey) -> dict[str, Any]:
    """What the issuer publishes at ``/.well-known/jwt-vc-issuer``."""
    return {"issuer": name, "jwks": {"keys": [public_jwk(key) for key in keys]}}


def read_issuer(content: bytes | str) -> Issuer:
    """An issuer from the file that it publishes."""
    said = read_json(content)
    jwks = said.get("jwks") if isinstance(said, dict) else None
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(said.get("issuer") if isinstance(said, dict) else None, str) or not isinstance(
        keys, list
    ):
        raise CredentialMalformed(what="the issuer's file has no 'issuer' and 'jwks'")
    read = [read_key(one) for one in keys]
    return Issuer(said["issuer"], {key.thumbprint(): key for key in read})


def sign_jwt(header: Mapping[str, Any], payload: Mapping[str, Any], key: ECKey) -> str:
    """A compact JWT by ES256."""
    content = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return str(jws.serialize_compact({"alg": ALGORITHM, **header}, content, key, algorithms=[ALGORITHM]))


def read_header(jwt: str, type_: str) -> dict[str, Any]:
    """The header of a JWT of a type; refuses every other algorithm before any key is looked at."""
    header = unpacked(jwt.split(".", maxsplit=1)[0])
    if not isinstance(header, dict):
        raise CredentialMalformed(what="its header is no object")
    if header.get("alg") != ALGORITHM:
        raise AlgorithmRefused(algorithm=str(header.get("alg"))[:40])
    if header.get("typ") != type_:
        raise TypeWrong(found=str(header.get("typ"))[:60], wanted=type_)
    if "crit" in header:
        raise CredentialMalformed(what="its header asks for what is not known here")
    return header


def verify_jwt(jwt: str, key: ECKey, *, what: str) -> dict[str, Any]:
    """The claims of a JWT whose header was read, if the key signed it."""
    try:
        jws.deserialize_compact(jwt, key, algorithms=[ALGORITHM])
    except (JoseError, ValueError):
        raise SignatureWrong(what=what) from None
    payload = unpacked(jwt.split(".")[1])
    if not isinstance(payload, dict):
        raise CredentialMalformed(what=f"{what} has no claims")
    return payload
