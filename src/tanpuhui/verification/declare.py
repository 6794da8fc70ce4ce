"""Declare: the verifier signs that it is independent, and what might be a conflict, before it does anything else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.access.models import Membership, Organisation, User
from tanpuhui.verification.engage import begin
from tanpuhui.verification.key import DECLARATION
from tanpuhui.verification.keys import checked
from tanpuhui.verification.models import Declaration, Engagement
from tanpuhui.verification.refusals import (
    BadDeclaration,
    DeclaredAlready,
    NotIndependent,
    NotThisText,
    OperatorVerifies,
)

SCHEMA = "tanpuhui-verification-declaration/1"
#: What every verifier signs to, beside its own words.
SAYS = (
    "We do not operate this platform, report to it, own or trade its reductions, and were not paid by result. "
    "We had no part in making the numbers that we verify. What might be taken for a conflict of interest is said below."
)


def declaration_text(engagement: Engagement, *, conflicts: str, independent: bool = True) -> dict[str, Any]:
    """The text that a verifier signs."""
    return {
        "schema": SCHEMA,
        "engagement": engagement.pk,
        "verifier": engagement.verifier.code,
        "operator": engagement.operator,
        "data": engagement.data_digest,
        "independent": independent,
        "says": SAYS,
        "conflicts": conflicts,
    }


def declare(number: int, token: str, *, by: User | None, at: datetime) -> Declaration:
    """Keep a signed declaration, once. A signer who is on the operator's staff is refused."""
    engagement = begin(number, declared=False)
    if by is not None and is_operators(by):
        raise OperatorVerifies(verifier=engagement.verifier.code)
    content, key = checked(token, DECLARATION, engagement.verifier_id)
    known = Declaration.objects.filter(engagement=engagement).first()
    if known is not None:
        if known.content != content:
            raise DeclaredAlready(number=number)
        return known
    conflicts, independent = content.get("conflicts"), content.get("independent")
    if not isinstance(conflicts, str) or not conflicts.strip() or not isinstance(independent, bool):
        raise BadDeclaration
    if not independent:
        raise NotIndependent
    if content != declaration_text(engagement, conflicts=conflicts):
        raise NotThisText(number=number)
    return Declaration.objects.create(
        engagement=engagement, content=content, jws=token.strip(), key=key, declared_at=at
    )


def is_operators(user: User) -> bool:
    """Whether somebody acts for the operator too."""
    return Membership.objects.filter(
        user=user, ended_at__isnull=True, organisation__kind=Organisation.OPERATOR
    ).exists()
