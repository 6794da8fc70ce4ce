"""Show: a resident's requests with the state of each, and those that an operator has to answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from tanpuhui.rights.models import Request, RequestStep
from tanpuhui.rights.refusals import UnknownRequest
from tanpuhui.rights.state import FINAL, State


@dataclass(frozen=True)
class Shown:
    """A request as it stands."""

    request: Request
    state: State
    since: datetime
    words: str

    @property
    def is_open(self) -> bool:
        return self.state not in FINAL

    def is_late(self, today: date) -> bool:
        return self.is_open and today > self.request.due_on


def requests_of(account: int) -> list[Shown]:
    """Every request of an account, newest first; one query."""
    return [_shown(one) for one in _with_state().filter(account=account).order_by("-made_at", "-id")]


def waiting() -> list[Shown]:
    """Requests that are not answered yet, those due first at the beginning."""
    final = [state.value for state in FINAL]
    return [_shown(one) for one in _with_state().exclude(last_state__in=final).order_by("due_on", "made_at")]


def shown(request: UUID) -> Shown:
    """One request as it stands; refuses an unknown one."""
    one = _with_state().filter(pk=request).first()
    if one is None:
        raise UnknownRequest
    return _shown(one)


def open_request(account: int, kind: str) -> Request | None:
    """The request of this kind that is not answered yet, if there is one."""
    final = [state.value for state in FINAL]
    return _with_state().filter(account=account, kind=kind).exclude(last_state__in=final).first()


def _with_state() -> QuerySet[Any]:
    last = RequestStep.objects.filter(request=OuterRef("pk")).order_by("-seq")
    return Request.objects.annotate(
        last_state=Subquery(last.values("state")[:1]),
        last_at=Subquery(last.values("at")[:1]),
        last_words=Subquery(last.values("words")[:1]),
        last_seq=Subquery(last.values("seq")[:1]),
    )


def _shown(request: Request) -> Shown:
    last_state, last_at, last_words, last_seq = (
        getattr(request, name) for name in ("last_state", "last_at", "last_words", "last_seq")
    )
    step = RequestStep(request=request, seq=last_seq, words=last_words)
    return Shown(request, State(last_state), last_at, step.words)
