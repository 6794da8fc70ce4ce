"""Follow consent: a credential under a consent that is paused is suspended; under one that ended it is revoked."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from tanpuhui.consent.state import VALID, State
from tanpuhui.consent.store import last_step
from tanpuhui.disclosure.models import StatementCredential
from tanpuhui.transparency.credential import state_of
from tanpuhui.transparency.credential_status import restore, revoke, suspend
from tanpuhui.transparency.models import StatusStep

BY = "consent"


def follow_consent(*, at: datetime) -> int:
    """Bring the status of what is not over yet in line with its consent, in the caller's transaction.

    Answers how many changed. What an operator suspended stays so.
    """
    living = Q(credential__expires_at__gt=at) | Q(credential__expires_at=None)
    found = StatementCredential.objects.filter(living).select_related("credential", "grant")
    return sum(_follow(one, at) for one in found.order_by("pk").iterator())


def _follow(one: StatementCredential, at: datetime) -> bool:
    consent, now = last_step(one.grant_id).state, state_of(one.credential)
    if now == StatusStep.REVOKED:
        return False
    if consent in VALID:
        last = one.credential.steps.order_by("-sequence").first()
        if now != StatusStep.SUSPENDED or last is None or last.by != BY:
            return False
        return restore(one.credential, reason="the consent goes on", by=BY, at=at) is not None
    if consent == State.PAUSED:
        return suspend(one.credential, reason="the consent is paused", by=BY, at=at) is not None
    return revoke(one.credential, reason="the consent ended", by=BY, at=at) is not None
