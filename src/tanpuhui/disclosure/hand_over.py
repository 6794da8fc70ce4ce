"""Hand over: a resident makes a code with which the recipient of a grant finds it, and nobody else does."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from tanpuhui.consent.gate import check_artefact
from tanpuhui.consent.models import Grant
from tanpuhui.consent.state import VALID
from tanpuhui.consent.store import last_step
from tanpuhui.consent.terms import Terms
from tanpuhui.disclosure.models import ReferenceCode
from tanpuhui.disclosure.refusals import NothingToHandOver, NotYours, UnknownReference
from tanpuhui.kit.home import secret_key

PURPOSE = "disclosure"
#: What a grant for this purpose may name, as kinds.
BALANCE, TIER = "account_balance", "account_tier"
#: Letters and digits that are not mistaken for each other (Crockford's base 32): ten of them are 50 bits.
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 10
LASTS = timedelta(days=7)
_MISTAKEN = str.maketrans("OIL", "011", "- \t")


def terms(recipient: str, *kinds: str, lang: str = "zh") -> Terms:
    """What a resident agrees to who lets a recipient see balance, tier or both."""
    return Terms("platform", kinds or (BALANCE, TIER), purpose=PURPOSE, recipient=recipient, lang=lang)


def hand_over(account: int, grant_id: int, *, at: datetime) -> tuple[str, ReferenceCode]:
    """Make a code for one of a resident's own grants, in force now; answers its text, this once, and its row."""
    grant = Grant.objects.filter(pk=grant_id, resident=account, purpose=PURPOSE).first()
    if grant is None:
        raise NotYours()
    if not is_in_force(grant, at):
        raise NothingToHandOver()
    text = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    row = ReferenceCode.objects.create(
        grant=grant,
        digest=_digest(text, grant.recipient),
        made_at=at,
        expires_at=min(at + LASTS, grant.expires_at),
    )
    return f"{text[:5]}-{text[5:]}", row


def grant_of(text: str, recipient: str, *, at: datetime) -> Grant:
    """The grant to which a code leads this recipient; every other code is refused in the same words."""
    plain = text.upper().translate(_MISTAKEN)
    if len(plain) != LENGTH or not set(plain) <= set(LETTERS):
        raise UnknownReference()
    known = (
        ReferenceCode.objects.select_related("grant")
        .filter(digest=_digest(plain, recipient), made_at__lte=at, expires_at__gt=at)
        .first()
    )
    if known is None:
        raise UnknownReference()
    return known.grant


def is_in_force(grant: Grant, at: datetime) -> bool:
    """Whether a grant may be used at a moment; its artefact is checked."""
    check_artefact(grant)
    return grant.begins_at <= at < grant.expires_at and last_step(grant.pk).state in VALID


def _digest(text: str, recipient: str) -> bytes:
    """Bound to the recipient: under another's name a code is another digest."""
    return hmac.new(secret_key("reference-codes"), f"{recipient}|{text}".encode(), sha256).digest()
