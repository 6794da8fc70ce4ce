"""Work: do the jobs that wait, one after the other. A worker that is killed leaves its job to the next one."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from django.db import connection, transaction

from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.time_limit import time_limit_in

if TYPE_CHECKING:
    from tanpuhui.console.kinds import Kind
    from tanpuhui.console.models import Job

#: Advisory lock of the one worker; the server lets go of it when the worker's connection ends, however it ends.
LOCK = 0x776F726B
ATTEMPTS = 3
PAUSE_S = 1.0
log = logging.getLogger("tanpuhui.work")

app = App(name="work", help="Do the work that the console's pages asked for, and what is due by time alone.")


@app.default
def work(*, until_empty: bool = False) -> int:
    """Do the jobs that wait, in order, and what time alone makes due, and wait for more; one worker at a time.

    Example: tanpuhui work --until-empty

    Parameters
    ----------
    until_empty
        End when nothing waits.
    """
    from tanpuhui.periodic.rounds import Rounds

    rounds = Rounds()
    while True:
        rounds.tend()
        with only_worker() as is_only:
            if is_only:
                drain()
        if until_empty and not _waits():
            return 0
        time.sleep(PAUSE_S)


@app.command
def tend(*, as_json: Annotated[bool, Parameter(name="--json", negative=())] = False) -> int:
    """Do once, now, everything that time alone makes due: points, redemptions and holds that are over.

    A worker does so by itself, again and again. The exit status is 1 when something failed through our fault.

    Example: tanpuhui work tend --json

    Parameters
    ----------
    as_json
        Print how much each verb did as JSON.
    """
    from tanpuhui.periodic.rounds import Rounds

    done = Rounds().tend()
    if as_json:
        lines = [json.dumps(done)]
    else:
        lines = [f"{name}: {'failed' if count is None else count}" for name, count in done.items()]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 1 if None in done.values() else 0


def drain() -> int:
    """Do what waits until nothing does; answers how many jobs were ended. The caller is the only worker."""
    from tanpuhui.console.models import Job

    count = 0
    while True:
        job = Job.objects.filter(state__in=Job.OPEN).order_by("id").first()
        if job is None:
            return count
        do(job.pk)
        count += 1


def do(number: int) -> None:
    """Do one job, or do again what a worker that was killed had begun, and write down what came of it."""
    from tanpuhui.console.jobs import finish
    from tanpuhui.console.models import Job
    from tanpuhui.console.refusals import OurFault

    job = Job.objects.get(pk=number)
    try:
        kind = _begin(job)
        crash_point("console.job_begun")
        at = utc_now()
        if kind.whole:
            with transaction.atomic():
                finish(job, kind.do(job.arguments, str(job.pk), at), done=True, at=at)
                crash_point("console.job_before_commit")
        else:
            answer = kind.do(job.arguments, str(job.pk), at)
            crash_point("console.job_done")
            finish(job, answer, done=True, at=utc_now())
    except Refusal as refusal:
        finish(Job.objects.get(pk=number), refusal.as_json(), done=False, at=utc_now())
    except Exception as error:
        log.exception("job %s", number)
        fault = time_limit_in(error) or OurFault(what=type(error).__name__)
        finish(Job.objects.get(pk=number), fault.as_json(), done=False, at=utc_now())


def _begin(job: Job) -> Kind:
    """Write down that a job is being done; refuses one that has ended too many workers."""
    from tanpuhui.console.kinds import KINDS
    from tanpuhui.console.refusals import GivenUp, UnknownKind

    if job.attempts >= ATTEMPTS:
        raise GivenUp(attempts=job.attempts)
    if job.kind not in KINDS:
        raise UnknownKind(kind=job.kind)
    job.state, job.attempts = job.RUNNING, job.attempts + 1
    job.started_at = job.started_at or utc_now()
    job.save(update_fields=["state", "attempts", "started_at"])
    return KINDS[job.kind]


@contextmanager
def only_worker() -> Iterator[bool]:
    """Whether this process is the only worker, until the block ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        (is_only,) = cursor.fetchone()
    try:
        yield bool(is_only)
    finally:
        if is_only:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _waits() -> bool:
    from tanpuhui.console.models import Job

    return Job.objects.filter(state__in=Job.OPEN).exists()
