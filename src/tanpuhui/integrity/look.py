"""Look: appeals and their answers, and decisions about held acts, for whom they are about and for whoever answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet

from tanpuhui.integrity.models import Answer, Appeal, Verdict

#: What stands where a person's words were removed with the person.
REMOVED = ""


@dataclass(frozen=True)
class Seen:
    """An appeal as it stands; ``words`` are empty where they were removed, ``decision`` while it waits."""

    id: int
    account: int
    record_id: int
    day: date
    outcome: str
    round: int
    asked_at: datetime
    words: str
    decision: str
    reason: str
    answered_at: datetime | None

    @property
    def is_open(self) -> bool:
        return not self.decision


def appeals_of(account: int, record_id: int | None = None) -> list[Seen]:
    """A person's appeals (against one act), newest first."""
    found = Appeal.objects.filter(account=account)
    if record_id is not None:
        found = found.filter(record_id=record_id)
    return [_seen(one) for one in _whole(found).order_by("-asked_at", "-id")]


@dataclass(frozen=True)
class Decided:
    """What was decided about a held act, with its reason: ``released`` or ``confirmed``, for every rule at once."""

    record_id: int
    day: date
    rules: tuple[str, ...]
    decision: str
    reason: str
    at: datetime


def decisions_of(account: int, record_id: int | None = None) -> list[Decided]:
    """What was decided about a person's held acts (about one), newest first; after an appeal or without one."""
    found = Verdict.objects.filter(flag__account=account).select_related("flag")
    if record_id is not None:
        found = found.filter(flag__record_id=record_id)
    rules: dict[tuple[int, date, str, str, datetime], list[str]] = {}
    for one in found.order_by("-at", "-id"):
        about = (one.flag.record_id, one.flag.day, one.decision, one.reason, one.at)
        rules.setdefault(about, []).append(one.flag.pattern)
    return [
        Decided(record, day, tuple(sorted(names)), decision, reason, at)
        for (record, day, decision, reason, at), names in rules.items()
    ]


def open_appeals() -> list[Seen]:
    """Every appeal that waits for its answer, the oldest first."""
    waiting = Appeal.objects.filter(answer__isnull=True)
    return [_seen(one) for one in _whole(waiting).order_by("asked_at", "id")]


def _whole(appeals: QuerySet[Appeal]) -> QuerySet[Appeal]:
    return appeals.select_related("written", "answer")


def _seen(appeal: Appeal) -> Seen:
    answer: Answer | None = getattr(appeal, "answer", None)
    written = getattr(appeal, "written", None)
    return Seen(
        id=appeal.pk,
        account=appeal.account,
        record_id=appeal.record_id,
        day=appeal.day,
        outcome=appeal.outcome,
        round=appeal.round,
        asked_at=appeal.asked_at,
        words=written.words if written else REMOVED,
        decision=answer.decision if answer else "",
        reason=answer.reason if answer else "",
        answered_at=answer.at if answer else None,
    )
