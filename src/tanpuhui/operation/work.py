"""Work: what waits too long, feeds that are late, jobs that failed or stand still, factors whose review is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tanpuhui.close.due import due
from tanpuhui.close.installation import jurisdiction, places
from tanpuhui.console.models import Job
from tanpuhui.evidence.feeds import feeds
from tanpuhui.operation.finding import Finding
from tanpuhui.periodic.waiting import waiting

#: A job that has been running so long has lost its worker; a failure so old was seen.
STANDS_STILL, SEEN = timedelta(hours=6), timedelta(days=2)


def look(at: datetime) -> Iterator[Finding]:
    """What an operator would see on the first page of the console, and what nobody sees there."""
    for one in waiting():
        if one.is_late(at):
            yield Finding(
                f"work.{one.what}",
                False,
                f"{one.count:,} wait, the first for {one.age_s(at):,} s.",
                one.next_step,
            )
    late = [feed.provider for feed in feeds(at) if feed.is_late]
    if late:
        yield Finding(
            "work.feeds_late", False, f"Late: {', '.join(late)}.", "Ask the providers what holds them up."
        )
    days = due(at, jurisdiction().zone, places())
    if days:
        yield Finding(
            "work.days_due",
            False,
            f"{len(days)} days are due, the first {days[0].day} ({days[0].reason}).",
            "Close them: 'tanpuhui close due', then 'tanpuhui close DAY'.",
        )
    yield from _jobs(at)


def _jobs(at: datetime) -> Iterator[Finding]:
    still = Job.objects.filter(state__in=Job.OPEN, asked_at__lt=at - STANDS_STILL).order_by("id").first()
    if still:
        yield Finding(
            "work.job_stands_still",
            True,
            f"Job {still.pk} ({still.kind}) was asked for at {still.asked_at.isoformat()} and is {still.state}.",
            "See that 'tanpuhui work' runs.",
        )
    failed = Job.objects.filter(state=Job.FAILED, ended_at__gt=at - SEEN).order_by("-id").first()
    if failed:
        yield Finding(
            "work.job_failed",
            False,
            f"Job {failed.pk} ({failed.kind}) was not done: {str(failed.answer)[:200]}",
            "Read why on its page in the console, and ask for it again.",
        )
