"""Waiting: what waits to be done, how much of it and for how long; for whoever watches an installation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min

from tanpuhui.close.models import Manifest
from tanpuhui.evidence.models import InboxWaiting
from tanpuhui.integrity.models import Appeal
from tanpuhui.notary.enter import waiting as to_enter
from tanpuhui.points.models import Outbox
from tanpuhui.rights.show import waiting as requests_waiting
from tanpuhui.transparency.models import SignedCheckpoint


@dataclass(frozen=True)
class Waiting:
    """So much of something waits, the first of it since a moment (None: nothing does); it is late after ``late``."""

    what: str
    count: int
    since: datetime | None
    late: timedelta
    next_step: str

    def age_s(self, at: datetime) -> int:
        """For how long the first has waited, in seconds; 0 where nothing waits."""
        return max(0, int((at - self.since).total_seconds())) if self.since else 0

    def is_late(self, at: datetime) -> bool:
        return self.since is not None and at - self.since > self.late


def waiting() -> list[Waiting]:
    """Every queue of this installation, in the order in which a reduction meets them."""
    return [look() for look in _QUEUES]


def _inbox() -> Waiting:
    found = InboxWaiting.objects.aggregate(count=Count("batch"), since=Min("batch__received_at"))
    return Waiting(
        "inbox",
        found["count"],
        found["since"],
        timedelta(minutes=10),
        "See that 'tanpuhui evidence work' runs ('tanpuhui serve --inbox' starts it).",
    )


def _outbox() -> Waiting:
    found = Outbox.objects.filter(delivery__isnull=True).aggregate(count=Count("id"), since=Min("at"))
    return Waiting(
        "messages_to_banks",
        found["count"],
        found["since"],
        timedelta(hours=1),
        "See why the bank's address does not take them (console, messages to banks), and that 'tanpuhui work' runs.",
    )


def _requests() -> Waiting:
    found = requests_waiting()
    since = min((one.request.made_at for one in found), default=None)
    return Waiting(
        "requests",
        len(found),
        since,
        timedelta(days=15),
        "Answer them in the console: the law gives a deadline ('tanpuhui request list').",
    )


def _appeals() -> Waiting:
    found = Appeal.objects.filter(answer__isnull=True).aggregate(count=Count("id"), since=Min("asked_at"))
    return Waiting(
        "appeals",
        found["count"],
        found["since"],
        timedelta(days=15),
        "Answer them in the console, under appeals.",
    )


def _log() -> Waiting:
    """What is certified and in no checkpoint yet; since when is not known better than from the last one."""
    count = sum(to_enter().values())
    last = SignedCheckpoint.objects.order_by("-size").values_list("signed_at", flat=True).first()
    since = (last or Manifest.objects.aggregate(at=Min("posted_at"))["at"]) if count else None
    return Waiting("log", count, since, timedelta(minutes=10), "See that 'tanpuhui log work' runs.")


_QUEUES: tuple[Callable[[], Waiting], ...] = (_inbox, _outbox, _requests, _appeals, _log)
