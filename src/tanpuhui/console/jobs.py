"""Jobs: ask for work, and see to it that a worker does it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, transaction

from tanpuhui.access import audit
from tanpuhui.access.approve import digest_of
from tanpuhui.console.kinds import KINDS, about
from tanpuhui.console.models import Job
from tanpuhui.console.refusals import UnknownKind
from tanpuhui.kit.home import home

if TYPE_CHECKING:
    from tanpuhui.access.models import Approval, Organisation, User

LOG = "work.log"


def ask(
    kind: str,
    arguments: Mapping[str, Any],
    *,
    by: User,
    organisation: Organisation,
    at: datetime,
    reason: str = "",
    approval: Approval | None = None,
    request_id: str = "",
) -> Job:
    """Ask for work, in the caller's transaction; the same work that waits or is being done is answered instead."""
    if kind not in KINDS:
        raise UnknownKind(kind=kind)
    digest = digest_of(kind, arguments)
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind,
                arguments=dict(arguments),
                digest=digest,
                reason=reason,
                asked_by=by,
                organisation=organisation,
                approval=approval,
                request_id=request_id,
                asked_at=at,
            )
    except IntegrityError:
        known = Job.objects.filter(digest=digest, state__in=Job.OPEN, approval__isnull=True).first()
        if known is None:
            raise
        return known
    _record(job, f"{kind}.asked", who=by, at=at, facts={"job": job.pk})
    transaction.on_commit(start_worker)
    return job


def finish(job: Job, answer: Mapping[str, Any], *, done: bool, at: datetime) -> None:
    """Write down what came of a job, and that it was done, in one transaction."""
    with transaction.atomic():
        job.state = Job.DONE if done else Job.FAILED
        job.answer, job.ended_at = dict(answer), at
        job.save(update_fields=["state", "answer", "ended_at"])
        end = "done" if done else "not_done"
        _record(
            job, f"{job.kind}.{end}", who=job.asked_by, at=at, facts={"job": job.pk, "answer": dict(answer)}
        )


def start_worker() -> None:
    """Begin a process that does what waits, and ends; without a command for it, ``tanpuhui work`` runs elsewhere."""
    command = list(settings.WORK_COMMAND)
    if not command:
        return
    with (home() / LOG).open("ab") as log:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )


def _record(job: Job, verb: str, *, who: User, at: datetime, facts: Mapping[str, Any]) -> None:
    object_kind, object_key = about(job.kind, job.arguments)
    approved = {"approval": str(job.approval_id)} if job.approval_id else {}
    audit.record(
        verb,
        who=who,
        at=at,
        organisation=job.organisation,
        object_kind=object_kind,
        object_key=object_key,
        reason=job.reason,
        facts={**facts, **approved},
        request_id=job.request_id,
    )
