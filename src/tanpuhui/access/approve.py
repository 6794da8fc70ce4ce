"""Approve: four eyes. One person asks for a verb with its arguments, another decides, and it is used once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tanpuhui.access.models import Approval
from tanpuhui.access.refusals import (
    AlreadyDecided,
    AlreadyUsed,
    ApprovalLapsed,
    NotApproved,
    ReasonMissing,
    SamePerson,
    UnknownApproval,
)
from tanpuhui.kit.digest import digest_json

if TYPE_CHECKING:
    from tanpuhui.access.models import User

#: How long a question, and then a yes, is good for.
LASTS = timedelta(days=3)


def digest_of(verb: str, arguments: Mapping[str, Any]) -> str:
    """The digest of what is asked for: the verb and its arguments, to the letter."""
    return digest_json({"verb": verb, "arguments": dict(arguments)})


def ask(verb: str, arguments: Mapping[str, Any], *, reason: str, by: User, at: datetime) -> Approval:
    """Ask a second person to agree to exactly this."""
    if not reason.strip():
        raise ReasonMissing
    return Approval.objects.create(
        verb=verb,
        arguments=dict(arguments),
        digest=digest_of(verb, arguments),
        reason=reason.strip(),
        asked_by=by,
        asked_at=at,
        expires_at=at + LASTS,
    )


def decide(approval: UUID, *, yes: bool, reason: str, by: User, at: datetime) -> Approval:
    """Agree or not, as somebody else than who asked. The same decision by the same person again changes nothing."""
    if not reason.strip():
        raise ReasonMissing
    known = _locked(approval)
    decision = Approval.YES if yes else Approval.NO
    if known.decided_at is not None:
        if (known.decided_by_id, known.decision) == (by.pk, decision):
            return known
        raise AlreadyDecided(decided_at=known.decided_at, decision=known.decision)
    if known.asked_by_id == by.pk:
        raise SamePerson
    if at >= known.expires_at:
        raise ApprovalLapsed(expired_at=known.expires_at)
    known.decided_by, known.decided_at = by, at
    known.decision, known.decision_reason = decision, reason.strip()
    known.save(update_fields=["decided_by", "decided_at", "decision", "decision_reason"])
    return known


def use(approval: UUID, verb: str, arguments: Mapping[str, Any], *, at: datetime) -> Approval:
    """Use a yes, once, in the transaction of what it allows; anything but exactly that is refused."""
    known = _locked(approval)
    if known.digest != digest_of(verb, arguments) or known.decision != Approval.YES:
        raise NotApproved
    if known.used_at is not None:
        raise AlreadyUsed(used_at=known.used_at)
    if at >= known.expires_at:
        raise ApprovalLapsed(expired_at=known.expires_at)
    known.used_at = at
    known.save(update_fields=["used_at"])
    return known


def _locked(approval: UUID) -> Approval:
    known = Approval.objects.select_for_update(of=("self",)).filter(pk=approval).first()
    if known is None:
        raise UnknownApproval
    return known
