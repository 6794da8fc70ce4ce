"""Signature: what is said between platforms is signed, requests and answers alike (RFC 9421, RFC 9530, Ed25519)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    MappingKeyResolver,
    algorithms,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from tanpuhui.client import profile
from tanpuhui.client.key import SigningKey
from tanpuhui.client.sign import Outgoing, sign
from tanpuhui.federation.key import state_of
from tanpuhui.federation.models import Peer, PeerKey
from tanpuhui.federation.refusals import (
    ClockOff,
    DigestMismatch,
    KeyNotInForce,
    SignatureInvalid,
    SignatureMissing,
    UnknownKey,
)
from tanpuhui.kit.refusal import Refusal

TAG = "tanpuhui-federation"
JSON = "application/json"
#: What of a request and of an answer must be signed; an answer also covers the signature of what it answers.
_OF_REQUEST = ("@method", "@target-uri")
_OF_ANSWER = ("@status", "content-digest", "content-type")
_ANSWERED = '"signature";req'
#: The fields that are kept with a message, so that anybody can check its signature again.
KEPT_FIELDS = ("content-digest", "content-type", "signature-input", "signature")


@dataclass
class Sent:
    """A request as it is on its way."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    def kept(self) -> dict[str, Any]:
        """What is needed to check the signature again, but for the content."""
        return {"method": self.method, "url": self.url, "headers": _kept(self.headers)}


@dataclass
class Answered:
    """An answer as it is on its way; ``request`` is what it answers."""

    status_code: int
    headers: dict[str, str]
    content: bytes
    request: Sent | None = None

    def kept(self) -> dict[str, Any]:
        return {"status": self.status_code, "headers": _kept(self.headers)}


def sign_request(sent: Sent, key: SigningKey, *, at: datetime) -> None:
    """Sign a request; content is covered by its digest."""
    if sent.content:
        sent.headers["Content-Type"] = JSON
        sent.headers["Content-Digest"] = profile.digest_of(sent.content)
    sign(Outgoing(sent.method, sent.url, sent.headers), key, at=at, tag=TAG)


def sign_answer(answered: Answered, key: SigningKey, *, at: datetime) -> None:
    """Sign an answer together with the signature of its request."""
    answered.headers["Content-Type"] = JSON
    answered.headers["Content-Digest"] = profile.digest_of(answered.content)
    covered = list(_OF_ANSWER)
    if answered.request is not None and _field(answered.request.headers, "signature"):
        covered.append(_ANSWERED)
    resolver = MappingKeyResolver(public_keys={}, private_keys={key.key_id: key.private})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=resolver)
    signer.sign(
        answered,
        key_id=key.key_id,
        created=at,
        label="sig1",
        tag=TAG,
        covered_component_ids=covered,
        use_existing_digest=True,
    )


def sender_of(sent: Sent, *, at: datetime) -> Peer:
    """The peer that signed a request, once everything about the signature is right."""
    if not _field(sent.headers, "signature") or not _field(sent.headers, "signature-input"):
        raise SignatureMissing(tag=TAG)
    needed = [*_OF_REQUEST, *(("content-digest", "content-type") if sent.content else ())]
    found = _verified(sent, needed, at=at)
    _refuse_altered(sent.headers, sent.content)
    return _peer_of(found)


def signer_of_answer(answered: Answered, *, at: datetime) -> Peer:
    """The peer that signed an answer to our request."""
    if not _field(answered.headers, "signature"):
        raise SignatureMissing(tag=TAG)
    found = _verified(answered, [*_OF_ANSWER, _ANSWERED], at=at)
    _refuse_altered(answered.headers, answered.content)
    return _peer_of(found)


def refuse_forged(kept: dict[str, Any], content: bytes, *, signer: Peer | None) -> None:
    """Check the signature of a message that was kept, whenever it was made; ``None`` is ourselves."""
    sent = Sent(kept["method"], kept["url"], dict(kept["headers"]), content)
    found = _verified(sent, [*_OF_REQUEST, "content-digest"], at=None)
    _refuse_altered(sent.headers, content)
    if found.peer_id != (signer.pk if signer else None):
        raise SignatureInvalid(reason="another platform made it")


def _verified(message: Sent | Answered, needed: list[str], *, at: datetime | None) -> PeerKey:
    keys = _Keys()
    verifier = _Verifier(signature_algorithm=algorithms.ED25519, key_resolver=keys)
    verifier.at = at
    try:
        (result,) = verifier.verify(message, max_age=None, expect_tag=TAG, require_components=needed)
    except InvalidSignature as error:
        if isinstance(error.__cause__, Refusal):
            raise error.__cause__ from None
        raise SignatureInvalid(reason=_reason(error)) from error
    except (HTTPMessageSignaturesException, ValueError, TypeError) as error:
        raise SignatureInvalid(reason=_reason(error)) from error
    assert keys.found is not None
    if at is not None:
        state = state_of(keys.found, at)
        if state != "active":
            raise KeyNotInForce(key_id=keys.found.key_id, state=state)
    del result
    return keys.found


class _Keys(HTTPSignatureKeyResolver):
    """Looks keys up in the database; whether the one found is in force is said after its signature was right."""

    def __init__(self) -> None:
        self.found: PeerKey | None = None

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        found = PeerKey.objects.select_related("peer", "end").filter(key_id=key_id[:90]).first()
        if found is None:
            raise UnknownKey(key_id=key_id[:90].encode("ascii", "replace").decode())
        self.found = found
        return Ed25519PublicKey.from_public_bytes(bytes(found.public_key))


class _Verifier(HTTPMessageVerifier):
    """The library's verifier with our clock and tolerance; without a clock, of what was kept."""

    at: datetime | None

    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:
        assert max_age is None, "the clock tolerance is the only age there is"
        created = sig_input.params.get("created")
        if type(created) is not int:
            raise InvalidSignature("created is missing")
        if self.at is None:
            return
        tolerance_s = profile.CLOCK_TOLERANCE.total_seconds()
        if abs(self.at.timestamp() - created) > tolerance_s:
            raise ClockOff(
                created=_moment(created),
                now=self.at.astimezone(UTC).isoformat(timespec="seconds"),
                tolerance_s=int(tolerance_s),
            )


def _peer_of(key: PeerKey) -> Peer:
    if key.peer is None:
        raise SignatureInvalid(reason="it was made with a key of ours")
    return key.peer


def _refuse_altered(headers: dict[str, str], content: bytes) -> None:
    given = _field(headers, "content-digest")
    if (content or given) and profile.digest_of(content) != given:
        raise DigestMismatch()


def _field(headers: dict[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _kept(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name in KEPT_FIELDS if (value := _field(headers, name))}


def _moment(at_s: int) -> str:
    try:
        return datetime.fromtimestamp(at_s, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return str(at_s)


def _reason(error: BaseException) -> str:
    """The library's words, short, and without what was sent."""
    cause = error.__cause__
    if cause is not None and type(cause).__name__ == "InvalidSignature":
        return "it was made with another key or for another request"
    return "malformed" if not str(error) else "".join(c for c in str(error)[:160] if c.isprintable())
