"""Follow consent: a credential under a consent that is paused is suspended; under one that ended it is revoked."""

from __future__ import annotations

from datetime import datetime

from django.db.models import OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce

from tanpuhui.consent.models import GrantEvent
from tanpuhui.consent.state import VALID, State
from tanpuhui.consent.store import last_step
from tanpuhui.disclosure.models import StatementCredential
from tanpuhui.transparency.credential import state_of
from tanpuhui.transparency.credential_status import restore, revoke, suspend
from tanpuhui.transparency.models import StatusStep

BY = "consent"
GOES_ON, IS_PAUSED, ENDED = "the consent goes on", "the consent is paused", "the consent ended"


def follow_consent(*, at: datetime) -> int:
    """Bring the status of what is not over yet in line with its consent, in the caller's transaction.

    Answers how many changed. What an operator suspended stays so, also where that came
    over a pause.
    """
    return sum(_follow(one, at) for one in _out_of_line(at))


def _out_of_line(at: datetime) -> QuerySet[StatementCredential]:
    """Those that may have to change: the consent is not in force, or they are suspended; found in one question."""
    events = GrantEvent.objects.filter(grant=OuterRef("grant")).order_by("-seq").values("state")[:1]
    steps = StatusStep.objects.filter(credential=OuterRef("pk")).order_by("-sequence").values("state")[:1]
    return (
        StatementCredential.objects.filter(credential__expires_at__gt=at)
        .annotate(
            consent=Subquery(events), state=Coalesce(Subquery(steps), Value(StatusStep.VALID, TextField()))
        )
        .exclude(state=StatusStep.REVOKED)
        .filter(~Q(consent__in=VALID) | Q(state=StatusStep.SUSPENDED))
        .select_related("credential", "grant")
        .order_by("pk")
    )


def _follow(one: StatementCredential, at: datetime) -> bool:
    consent, now = last_step(one.grant_id).state, state_of(one.credential)
    if now == StatusStep.REVOKED:
        return False
    if consent in VALID:
        last = one.credential.steps.order_by("-sequence").first()
        if now != StatusStep.SUSPENDED or last is None or last.by != BY:
            return False
        return restore(one.credential, reason=GOES_ON, by=BY, at=at) is not None
    if consent == State.PAUSED:
        return suspend(one.credential, reason=IS_PAUSED, by=BY, at=at) is not None
    return revoke(one.credential, reason=ENDED, by=BY, at=at) is not None
