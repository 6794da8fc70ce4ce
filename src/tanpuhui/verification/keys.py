"""Keys: register a verifier's public key, end one, and check what was signed with one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from joserfc import jws
from joserfc.errors import JoseError

from tanpuhui.access.models import Organisation
from tanpuhui.consent.artefact import verified
from tanpuhui.verification.key import jwk_of
from tanpuhui.verification.models import KeyEnding, VerifierKey
from tanpuhui.verification.refusals import BadSignature, KeyKnown, KeyUnknown, NotAVerifier

#: Advisory lock under which keys are registered.
LOCK = 0x766B65


def register_key(organisation: Organisation, public: bytes, *, at: datetime) -> VerifierKey:
    """Register a public key. The same again is answered as before; another's key, or one that was ended, is refused."""
    if organisation.kind != Organisation.VERIFIER:
        raise NotAVerifier(organisation=organisation.code)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    known = VerifierKey.objects.filter(public_key=public).first()
    if known is not None:
        if known.organisation_id != organisation.pk or hasattr(known, "ending"):
            raise KeyKnown
        return known
    return VerifierKey.objects.create(
        organisation=organisation, thumbprint=jwk_of(public).thumbprint(), public_key=public, made_at=at
    )


def end_key(organisation: Organisation, thumbprint: str, *, reason: str, at: datetime) -> KeyEnding:
    """Trust a key no more for anything new; what it signed stays signed. Ended again, it is answered as before."""
    known = VerifierKey.objects.filter(organisation=organisation, thumbprint=thumbprint).first()
    if known is None:
        raise KeyUnknown(verifier=organisation.code, key=thumbprint)
    made, _ = KeyEnding.objects.get_or_create(key=known, defaults={"reason": reason, "ended_at": at})
    return made


def checked(token: str, type_: str, organisation_id: int) -> tuple[dict[str, Any], VerifierKey]:
    """The content of a signed document and the key that signed it: one of the organisation's, not ended."""
    try:
        named = jws.extract_compact(token.strip().encode()).headers().get("kid")
    except (JoseError, ValueError, UnicodeEncodeError) as error:
        raise BadSignature(why=type(error).__name__) from error
    key = VerifierKey.objects.filter(
        organisation=organisation_id, thumbprint=str(named), ending__isnull=True
    ).first()
    if key is None:
        raise BadSignature(why="unknown key")
    jwk = dict(jwk_of(bytes(key.public_key)).as_dict(private=False))
    return verified(token.strip(), type_, BadSignature, jwk), key


def public_jwk(key: VerifierKey) -> dict[str, Any]:
    """The public key (JWK) with which anybody checks what it signed."""
    return dict(jwk_of(bytes(key.public_key)).as_dict(private=False))
