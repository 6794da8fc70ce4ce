"""Answer: the operator takes a request in hand, does it or refuses it with reasons; or the person takes it back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from tanpuhui.rights.models import Request, RequestStep
from tanpuhui.rights.refusals import ReasonsMissing, StepImpossible, UnknownRequest
from tanpuhui.rights.state import State, may_follow


def take_in_hand(request: UUID, *, at: datetime) -> RequestStep:
    """The operator begins to work on it."""
    return _step(request, State.IN_HAND, at, "operator", "")


def done(request: UUID, words: str, *, at: datetime) -> RequestStep:
    """What was asked for is done; ``words`` say what."""
    return _step(request, State.DONE, at, "operator", words)


def refuse(request: UUID, reasons: str, *, at: datetime) -> RequestStep:
    """What was asked for is not done, with reasons (PIPL article 50)."""
    if not reasons.strip():
        raise ReasonsMissing
    return _step(request, State.REFUSED, at, "operator", reasons)


def take_back(request: UUID, *, at: datetime, by: str = "resident") -> RequestStep:
    """The person no longer asks for it."""
    return _step(request, State.TAKEN_BACK, at, by, "")


def _step(request: UUID, state: State, at: datetime, by: str, words: str) -> RequestStep:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [f"rights|{request}"])
    if not Request.objects.filter(pk=request).exists():
        raise UnknownRequest
    last = RequestStep.objects.filter(request=request).order_by("-seq")[0]
    if not may_follow(State(last.state), state):
        raise StepImpossible(before=last.state, after=state.value)
    return RequestStep.objects.create(
        request_id=request, seq=last.seq + 1, state=state, at=max(at, last.at), by=by, words=words.strip()
    )
