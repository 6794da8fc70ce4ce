"""Today at a glance: late feeds, batches, days due, closes, what waits, and whether the ledger holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.cache import caches
from django.db.models import Max, Sum
from django.http import HttpResponse
from django.utils.translation import gettext as _

from tanpuhui.access.models import Approval
from tanpuhui.close.due import Due
from tanpuhui.close.models import Manifest
from tanpuhui.console import cells, names
from tanpuhui.console.answers import shown
from tanpuhui.console.appeals import waiting as appeals_waiting
from tanpuhui.console.cells import Table
from tanpuhui.console.closes import due_days, due_table
from tanpuhui.console.control import job_state
from tanpuhui.console.draw import draw
from tanpuhui.console.evidence import feed_state, interval, open_rows
from tanpuhui.console.guard import ConsoleRequest
from tanpuhui.console.kinds import title_of
from tanpuhui.console.models import Job
from tanpuhui.console.requests import waiting as requests_waiting
from tanpuhui.evidence.feeds import Feed, feeds
from tanpuhui.evidence.models import Batch
from tanpuhui.kit.moment import utc_now

#: Batches of this long are summed up.
RECENT = timedelta(days=7)
CLOSES, JOBS = 7, 5
DUE_SHOWN = 10
KEPT_S = 60


def index(request: ConsoleRequest) -> HttpResponse:
    """The first page of the day."""
    at = utc_now()
    all_feeds = feeds(at)
    late = [feed for feed in all_feeds if feed.is_late]
    days = _due()
    recent = Batch.objects.filter(received_at__gte=at - RECENT).aggregate(
        rows=Sum("rows"), accepted=Sum("accepted"), duplicate=Sum("duplicate"), refused=Sum("refused")
    )
    waiting = Approval.objects.filter(decided_at__isnull=True, expires_at__gt=at).count()
    quarantined = open_rows()
    asked, late_requests = requests_waiting()
    appealed = appeals_waiting()
    jobs = list(Job.objects.select_related("asked_by").order_by("-id")[:JOBS])
    return draw(
        request,
        "today",
        title=_("Today at a glance"),
        figures=[
            _figure(_("Feeds late"), len(late), "providers", bad=bool(late)),
            _figure(_("Days due"), len(days), "due", bad=bool(days)),
            _figure(_("Waiting for a colleague"), waiting, "access_approval_changelist", bad=bool(waiting)),
            _figure(_("Appeals to answer"), appealed, "integrity_appeal_changelist", bad=bool(appealed)),
            _figure(_("Requests to answer"), asked, "rights_request_changelist", bad=bool(asked)),
            _figure(
                _("Requests overdue"), late_requests, "rights_request_changelist", bad=bool(late_requests)
            ),
            _figure(_("Rows in quarantine"), quarantined, "evidence_quarantinedrow_changelist", bad=False),
        ],
        ledger=_ledger(),
        tables=[
            _feeds(all_feeds),
            due_table(request, days[:DUE_SHOWN]),
            _batches(recent),
            _closes(),
            _jobs(jobs),
        ],
    )


def _figure(text: str, number: int, name: str, *, bad: bool) -> dict[str, Any]:
    return {"text": text, "number": cells.count(number), "name": f"console:{name}", "bad": bad}


def _due() -> list[Due]:
    """The days due. Finding them looks at every day, so they are kept until a close or a batch changes something."""
    batch = Batch.objects.aggregate(last=Max("id"))["last"]
    key = f"console-due-{Manifest.objects.count()}-{batch}"
    found: list[Due] | None = caches["worker"].get(key)
    if found is None:
        found = due_days()
        caches["worker"].set(key, found, KEPT_S)
    return found


def _ledger() -> dict[str, Any] | None:
    """The last check of the ledger that was done."""
    job = Job.objects.filter(kind="ledger.check", state=Job.DONE).order_by("-id").first()
    if job is None:
        return None
    facts, _tables = shown(job)
    return {"job": job, "verdict": facts[0][1], "at": cells.moment(job.ended_at)}


def _feeds(found: list[Feed]) -> Table:
    rows = [
        [
            names.provider(feed.provider),
            feed_state(feed),
            cells.moment(feed.last_at),
            interval(feed),
        ]
        for feed in sorted(found, key=lambda feed: (not feed.is_late, feed.provider))
    ]
    return Table(
        [_("Provider"), _("Feed"), _("Last batch"), _("Usual interval")],
        rows,
        caption=_("Feeds"),
        empty=_("No provider has a contract yet."),
        numbers=(3,),
    )


def _batches(recent: dict[str, int | None]) -> Table:
    rows = [
        [
            cells.count(recent["rows"] or 0),
            cells.count(recent["accepted"] or 0),
            cells.count(recent["duplicate"] or 0),
            cells.count(recent["refused"] or 0),
        ]
    ]
    return Table(
        [_("Rows"), _("Accepted"), _("Duplicate"), _("Refused")],
        rows,
        caption=_("Batches of the last seven days"),
        numbers=(0, 1, 2, 3),
    )


def _closes() -> Table:
    rows = [
        [
            cells.link(manifest.day.isoformat(), "close_manifest_change", manifest.digest),
            cells.count(manifest.sequence),
            cells.count(manifest.activities),
            cells.mass(manifest.credited_mg),
            cells.moment(manifest.posted_at),
        ]
        for manifest in Manifest.objects.defer("body").order_by("-posted_at", "-day")[:CLOSES]
    ]
    return Table(
        [_("Day"), _("Close of this day"), _("Records"), _("Credited"), _("Posted at")],
        rows,
        caption=_("Last closes"),
        empty=_("No day was closed yet."),
        numbers=(1, 2, 3),
    )


def _jobs(found: list[Job]) -> Table:
    rows = [
        [
            cells.link(job.pk, "console_job_change", job.pk),
            title_of(job.kind),
            job_state(job),
            cells.moment(job.asked_at),
        ]
        for job in found
    ]
    return Table(
        [_("Job"), _("What"), _("State"), _("Asked at")],
        rows,
        caption=_("Last jobs"),
        empty=_("Nothing was asked for yet."),
    )
