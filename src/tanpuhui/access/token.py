"""Token: let a program act for a user. It is shown once; what is kept is a digest that leads to nothing."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tanpuhui.access.models import ApiToken
from tanpuhui.access.refusals import BadToken, BadTokenTerm, UnknownToken

if TYPE_CHECKING:
    from tanpuhui.access.models import User

#: So that a scanner for leaked secrets knows one when it sees it.
PREFIX = "tph_"
MOST_DAYS = 366
#: What a token looks like.
FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}\Z")


def issue(user: User, *, scope: str, days: int, at: datetime, label: str = "") -> tuple[str, ApiToken]:
    """Make a token of 256 random bits; answers its text, this once, and its row."""
    if not 1 <= days <= MOST_DAYS:
        raise BadTokenTerm(days=days, most_days=MOST_DAYS)
    text = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        user=user,
        label=label,
        digest=_digest(text),
        scope=scope,
        issued_at=at,
        expires_at=at + timedelta(days=days),
    )
    return text, row


def find(text: str, *, at: datetime) -> ApiToken:
    """The token with this text, while it is good and its user active."""
    if not FORM.match(text):
        raise BadToken
    known = ApiToken.objects.select_related("user").filter(digest=_digest(text)).first()
    if known is None or known.revoked_at is not None or at >= known.expires_at or not known.user.is_active:
        raise BadToken
    return known


def revoke(token: UUID, *, of: User, at: datetime) -> ApiToken:
    """End one of a user's own tokens, for good. Again changes nothing."""
    known = ApiToken.objects.select_for_update().filter(pk=token, user=of).first()
    if known is None:
        raise UnknownToken
    if known.revoked_at is None:
        known.revoked_at = at
        known.save(update_fields=["revoked_at"])
    return known


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
