"""Credential: what a consent lets be said of an account, signed so that its holder shows all or a part of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from joserfc.jwk import ECKey

from tanpuhui.consent.models import Grant
from tanpuhui.consent.policy import policy
from tanpuhui.disclosure.models import StatementCredential
from tanpuhui.transparency import credential as credentials
from tanpuhui.transparency.credentials import kinds
from tanpuhui.transparency.credentials.conceal import hidden
from tanpuhui.transparency.credentials.form import read
from tanpuhui.transparency.credentials.key import Issuer, read_key
from tanpuhui.transparency.credentials.refusals import TypeWrong
from tanpuhui.transparency.credentials.verify import claims_of
from tanpuhui.transparency.issuer import issuer_key
from tanpuhui.transparency.models import Credential

#: A balance says less every day: after this nobody relies on it, however long the consent lasts.
LASTS = timedelta(days=30)
#: Claims that are about the credential, and not of the statement.
REGISTERED = frozenset({"iss", "iat", "exp", "vct", "aud", "status", "cnf"})


def certify(
    subject: str, content: dict[str, Any], grant: Grant, *, at: datetime, holder: ECKey | None = None
) -> Credential:
    """A credential over a statement, for the grant's recipient alone, in the caller's transaction."""
    made = credentials.issue_once(
        kinds.BALANCE,
        subject,
        {"aud": grant.recipient, **hidden(content)},
        issuer=policy().origin,
        at=at,
        expires_at=min(grant.expires_at, at + LASTS),
        holder=holder,
    )
    StatementCredential.objects.get_or_create(credential=made, defaults={"grant": grant})
    return made


def check_claims(token: str, issuer: str, key: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a credential over a statement shows, without what is about the credential."""
    public = issuer_key() if key is None else read_key(key)
    claims = claims_of(read(token), Issuer(issuer, {public.thumbprint(): public}))
    if claims.get("vct") != kinds.BALANCE:
        raise TypeWrong(found=str(claims.get("vct"))[:100], wanted=kinds.BALANCE)
    return {name: value for name, value in claims.items() if name not in REGISTERED}
