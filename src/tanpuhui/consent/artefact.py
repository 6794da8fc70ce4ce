"""Artefact: a grant as JSON, signed by the platform. It never changes; whoever holds the public key can check it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from tanpuhui.consent.policy import Policy
from tanpuhui.consent.refusals import ArtefactInvalid
from tanpuhui.consent.terms import Decided
from tanpuhui.kit.digest import canonical_json
from tanpuhui.kit.home import keys, secret_key
from tanpuhui.kit.refusal import Refusal

ALGORITHM = "Ed25519"
TYPE = "consent+jwt"
SCHEMA = "tanpuhui-consent/1"
KEY = "consent-artefacts"


def compose(
    decided: Decided, policy: Policy, *, grant_id: int, method: str, supersedes: int | None = None
) -> dict[str, Any]:
    """The artefact of decided terms: ReBIT's fields, with what PIPL articles 14, 17, 23 and 30 ask to be said."""
    purpose, lang = decided.purpose, decided.notice.lang
    return {
        "id": grant_id,
        "schema": SCHEMA,
        "principal": decided.account,
        "provider": decided.provider.as_json(),
        "recipient": decided.recipient.as_json(),
        "purpose": {
            "code": purpose.code,
            "uri": purpose.uri,
            "category": purpose.category,
            "text": purpose.text[lang],
        },
        "kinds": list(purpose.kinds),
        "activity_types": list(decided.kinds),
        "sensitive": purpose.sensitive,
        "necessity": purpose.necessity[lang],
        "separate": True,
        "mode": purpose.mode,
        "fetch_type": purpose.fetch_type,
        "frequency": purpose.frequency,
        "data_range": {"from_us": decided.acts_from_us, "to_us": decided.acts_to_us},
        "data_life": purpose.data_life,
        "start": moment_text(decided.begins_at),
        "expiry": moment_text(decided.expires_at),
        "notice": {"hash": decided.notice.digest, "version": decided.notice.version, "lang": lang},
        "collection_method": method,
        "guardian": decided.guardian,
        "withdraw_uri": f"{policy.origin}/grants/{grant_id}/withdraw",
        "rights_uri": f"{policy.origin}/rights",
        "controller": policy.parties["platform"].as_json(),
        "jurisdiction": policy.law,
        "storage_location": policy.storage_location,
        "pia_id": purpose.pia_id,
        "supersedes": supersedes,
    }


def moment_text(at: datetime) -> str:
    """A moment as ISO 8601 text in UTC.

    >>> moment_text(datetime(2026, 3, 2, tzinfo=UTC))
    '2026-03-02T00:00:00+00:00'
    """
    return at.astimezone(UTC).isoformat()


def sign(content: dict[str, Any], type_: str = TYPE) -> str:
    """A compact JWS (RFC 7515, EdDSA of RFC 9864) over canonical JSON, by the installation's key."""
    key = signing_key()
    header = {"alg": ALGORITHM, "typ": type_, "kid": key.thumbprint()}
    return jws.serialize_compact(header, canonical_json(content), key, algorithms=[ALGORITHM])


def detach(token: str) -> str:
    """A compact JWS without its payload (RFC 7515, appendix F), for a row that has the payload beside it."""
    header, _, signature = token.split(".")
    return f"{header}..{signature}"


def attach(detached: str, content: dict[str, Any]) -> str:
    """The compact JWS again, of a detached one and its content.

    >>> attach("aGVhZA..c2ln", {"a": 1})
    'aGVhZA.eyJhIjoxfQ.c2ln'
    """
    from joserfc.util import urlsafe_b64encode

    header, _, signature = detached.split(".")
    return f"{header}.{urlsafe_b64encode(canonical_json(content)).decode()}.{signature}"


def verify_artefact(token: str, key: dict[str, Any] | None = None) -> dict[str, Any]:
    """The content of an artefact. ``key`` is the platform's public key (JWK); without it, this installation's.

    Needs no network and no database. Refuses whatever is not exactly what was signed.
    """
    content = verified(token, TYPE, ArtefactInvalid, key)
    if content.get("schema") != SCHEMA:
        raise ArtefactInvalid(why="unknown schema")
    return content


def verified(
    token: str, type_: str, refusal: type[Refusal], key: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The JSON content of a compact JWS of a type; refuses another algorithm, type, signer or byte."""
    try:
        found = jws.deserialize_compact(
            token, OKPKey.import_key(key) if key else signing_key(), algorithms=[ALGORITHM]
        )
        content = json.loads(found.payload)
    except (JoseError, ValueError) as error:
        raise refusal(why=type(error).__name__) from error
    if found.headers().get("typ") != type_:
        raise refusal(why="another kind of document")
    if not isinstance(content, dict) or canonical_json_or_none(content) != found.payload:
        raise refusal(why="not canonical")
    return content


def canonical_json_or_none(content: dict[str, Any]) -> bytes | None:
    """Canonical JSON, or ``None`` of a value that has none."""
    try:
        return canonical_json(content)
    except AssertionError:
        return None


def public_key() -> dict[str, Any]:
    """The public key (JWK) with which anyone checks artefacts and receipts."""
    return dict(signing_key().as_dict(private=False))


def signing_key() -> OKPKey:
    """The installation's Ed25519 key for consent; a file, never in the database."""
    return _key(keys())


@lru_cache(maxsize=4)
def _key(_folder: Path) -> OKPKey:
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(secret_key(KEY)))
