"""Signature: who sends a request, by its RFC 9421 signature, in the profile of ``tanpuhui.client.profile``."""

from __future__ import annotations

import hashlib
from collections.abc import ItemsView
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.http import HttpRequest
from http_message_signatures import (
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    VerifyResult,
    algorithms,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException
from ninja.security.base import AuthBase

from tanpuhui.api.limits import count_failure, count_signed, refuse_guessing
from tanpuhui.api.refusals import (
    BodyTooLarge,
    ClockOff,
    DigestMismatch,
    KeyNotInForce,
    KeyUnknown,
    LengthRequired,
    OtherKind,
    SignatureCoverage,
    SignatureInvalid,
    SignatureMissing,
    SignatureParameters,
)
from tanpuhui.client import profile
from tanpuhui.evidence import provider_key
from tanpuhui.evidence.provider_key import Key
from tanpuhui.evidence.request import NonceUsed, spend_nonce
from tanpuhui.evidence.upload import MOST_SENT_BYTES
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

MOST_JSON_BYTES = 1024 * 1024
MOST_NONCE_CHARACTERS = 128


@dataclass
class Caller:
    """Who signed a request, with which key and nonce; ``at`` is when we looked at the clock."""

    provider: str
    key: Key
    nonce: str
    at: datetime
    content_digest: str | None
    spent: bool = False

    @property
    def kind(self) -> str:
        """Of which kind the owner of the key is; a provider, or an organisation of another kind."""
        return provider_key.kind_of(self.provider)

    @property
    def code(self) -> str:
        """The owner's own code."""
        return self.provider.rpartition("/")[2]

    def spend(self) -> None:
        """Use the nonce up, once; refuses one that was used before."""
        if not self.spent:
            self.spent = True
            spend_nonce(self.key.pk, self.nonce, at=self.at)


class HttpMessageSignature(AuthBase):
    """Authentication of every request: its signature, then its key, clock, nonce, and (for JSON) content digest.

    ``streamed`` leaves digest and nonce to the view: the body is too large to be held. Owners of another ``kind`` are
    refused.
    """

    openapi_type = "apiKey"
    openapi_in = "header"
    openapi_name = "Signature"
    openapi_description = (
        "HTTP Message Signature (RFC 9421) with Ed25519: the fields Signature-Input and Signature. Covered are at "
        "least @method and @target-uri; with content also content-digest (RFC 9530, sha-256), content-type and "
        f'idempotency-key. Parameters: created, keyid, alg="ed25519", nonce, tag="{profile.TAG}". '
        "The guide for providers has runnable examples."
    )

    def __init__(self, *, streamed: bool = False, kind: str = provider_key.PROVIDER) -> None:
        self.streamed, self.kind = streamed, kind
        super().__init__()

    def __call__(self, request: HttpRequest) -> Caller:
        at = utc_now()
        refuse_guessing(request, at=at)
        try:
            _refuse_length(request, MOST_SENT_BYTES if self.streamed else MOST_JSON_BYTES)
            caller = verified(request, at=at)
            if not self.streamed:
                caller.spend()
                _refuse_digest(request, caller)
            if caller.kind != self.kind:
                raise OtherKind(key_id=caller.key.key_id, kind=caller.kind, wanted=self.kind)
        except Refusal as refusal:
            if refusal.code in _GUESSES:
                count_failure(request, at=at)
            raise
        count_signed(request, caller.key.key_id, at=at)
        request.META["tanpuhui.caller"] = caller
        return caller


_GUESSES = {
    refusal.code
    for refusal in (
        SignatureMissing,
        SignatureInvalid,
        SignatureParameters,
        SignatureCoverage,
        ClockOff,
        KeyUnknown,
        KeyNotInForce,
        NonceUsed,
    )
}


def verified(request: HttpRequest, *, at: datetime) -> Caller:
    """The caller, once the signature is right in every respect but the content and whether the nonce is new."""
    if "Signature" not in request.headers and "Signature-Input" not in request.headers:
        raise SignatureMissing
    keys = _Keys()
    verifier = _Verifier(signature_algorithm=algorithms.ED25519, key_resolver=keys)
    verifier.at = at
    try:
        (result,) = verifier.verify(_Incoming.of(request), max_age=None)
    except InvalidSignature as error:
        if isinstance(error.__cause__, Refusal):
            raise error.__cause__ from None
        raise SignatureInvalid(reason=_reason(error)) from error
    except (HTTPMessageSignaturesException, ValueError, TypeError) as error:
        raise SignatureInvalid(reason=_reason(error)) from error
    _refuse_parameters(result)
    _refuse_coverage(request, result)
    assert keys.found is not None
    state = keys.found.state(at)
    if state != "active":
        raise KeyNotInForce(key_id=keys.found.key_id, state=state)
    return Caller(
        provider=keys.found.provider,
        key=keys.found,
        nonce=str(result.nonce),
        at=at,
        content_digest=request.headers.get("Content-Digest"),
    )


@dataclass(frozen=True)
class _Incoming:
    """What the library wants to see of a request."""

    method: str
    url: str
    headers: _Fields

    @classmethod
    def of(cls, request: HttpRequest) -> _Incoming:
        query = request.META.get("QUERY_STRING", "")
        path = quote(request.path, safe="/:@!$&'()*+,;=-._~")
        url = f"{request.scheme}://{request.get_host()}{path}{'?' + query if query else ''}"
        return cls(str(request.method), url, _Fields(dict(request.headers)))


@dataclass(frozen=True)
class _Fields:
    fields: dict[str, str]

    def items(self) -> ItemsView[str, str]:
        return self.fields.items()


class _Keys(HTTPSignatureKeyResolver):
    """Looks keys up in the database; whether the one found is in force is said after its signature was right."""

    def __init__(self) -> None:
        self.found: Key | None = None

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        if not key_id.isascii() or not key_id.isprintable() or len(key_id) > 90:
            raise KeyUnknown(key_id=key_id[:90].encode("ascii", "replace").decode())
        try:
            self.found = provider_key.find_key(key_id)
        except provider_key.KeyUnknown as error:
            raise KeyUnknown(key_id=key_id) from error
        return Ed25519PublicKey.from_public_bytes(self.found.public_key)


class _Verifier(HTTPMessageVerifier):
    """The library's verifier with our clock, our tolerance and our words."""

    at: datetime

    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:
        assert max_age is None, "the clock tolerance is the only age there is"
        created = sig_input.params.get("created")
        if type(created) is not int:
            raise SignatureParameters(wrong="created", tag=profile.TAG)
        expires = sig_input.params.get("expires")
        now_s, tolerance_s = self.at.timestamp(), profile.CLOCK_TOLERANCE.total_seconds()
        if abs(now_s - created) > tolerance_s or (type(expires) is int and expires < now_s - tolerance_s):
            raise ClockOff(
                created=_moment(created),
                now=self.at.isoformat(timespec="seconds"),
                tolerance_s=int(tolerance_s),
            )


def _moment(at_s: int) -> str:
    try:
        return datetime.fromtimestamp(at_s, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return str(at_s)


def _refuse_parameters(result: VerifyResult) -> None:
    given = result.parameters
    wrong = [name for name in profile.PARAMETERS if name not in given]
    if given.get("alg", profile.ALGORITHM) != profile.ALGORITHM:
        wrong.append("alg")
    if given.get("tag", profile.TAG) != profile.TAG:
        wrong.append("tag")
    nonce = str(given.get("nonce", "x"))
    if not 1 <= len(nonce) <= MOST_NONCE_CHARACTERS:
        wrong.append("nonce")
    if wrong:
        raise SignatureParameters(wrong=", ".join(wrong), tag=profile.TAG)


def _refuse_coverage(request: HttpRequest, result: VerifyResult) -> None:
    """A component counts as covered only as it stands: with parameters it would be a part or another form of it."""
    covered = {name.strip('"') for name in result.covered_components if name.endswith('"')}
    needed = set(profile.ALWAYS)
    if request.method not in ("GET", "HEAD") or _length(request):
        needed |= set(profile.WITH_BODY)
    needed |= {name for name in (*profile.WITH_EFFECT, *profile.WHERE_PRESENT) if name in request.headers}
    if missing := sorted(needed - covered):
        raise SignatureCoverage(missing=", ".join(missing))


def _refuse_length(request: HttpRequest, most: int) -> None:
    """Before anything is read: how much will come."""
    if request.method in ("GET", "HEAD") and not request.META.get("CONTENT_LENGTH"):
        return
    length = _length(request)
    if length is None:
        raise LengthRequired
    if length > most:
        raise BodyTooLarge(length=length, limit=most)


def _length(request: HttpRequest) -> int | None:
    given = str(request.META.get("CONTENT_LENGTH") or "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 20 else None


def _refuse_digest(request: HttpRequest, caller: Caller) -> None:
    if caller.content_digest is None and not _length(request):
        return
    refuse_other_digest(hashlib.sha256(request.body).digest(), caller)


def refuse_other_digest(sha256: bytes, caller: Caller) -> None:
    """Refuse content that is not what was signed for; other digests than SHA-256 are not looked at."""
    if profile.content_digest(sha256) != (caller.content_digest or "").strip():
        raise DigestMismatch


def _reason(error: BaseException) -> str:
    """The library's words, short, and without what the caller sent."""
    cause = error.__cause__
    if cause is not None and type(cause).__name__ == "InvalidSignature":
        return "it was made with another key or for another request"
    return "malformed" if not str(error) else "".join(c for c in str(error)[:160] if c.isprintable())
