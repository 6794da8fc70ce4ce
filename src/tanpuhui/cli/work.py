"""``tanpuhui evidence work``: take what waits in the inbox, now or for as long as it runs."""

from __future__ import annotations

import time
import traceback
from contextlib import nullcontext
from typing import Annotated, Any

from cyclopts import Parameter

from tanpuhui.cli import server
from tanpuhui.cli.output import console, errors, print_json
from tanpuhui.cli.progress import WATCHED, Watching
from tanpuhui.kit.home import home
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.progress import Report, nobody
from tanpuhui.kit.time_limit import time_limit_in

OUR_FAULT = 1
PAUSE_S = 0.5
#: How often nonces and counts that decide nothing any more are forgotten.
FORGET_EVERY_S = 60.0

Flag = Annotated[bool, Parameter(negative=())]
AsJson = Annotated[bool, Parameter(name="--json", negative=())]


def work(
    *, once: Flag = False, beside_server: Flag = False, as_json: AsJson = False, watching: Watching = WATCHED
) -> int:
    """Take batches of the inbox into the lake, oldest first, many small ones of a provider together.

    What time alone makes due (points, redemptions and holds that are over) is done in between, as 'tanpuhui work' does.

    Runs until it is stopped; it may be killed at any time, and several may run: each takes another provider's batches.
    The exit status is 1 when a batch could not be taken through our fault: it is tried again later, after others.

    Example: tanpuhui evidence work --once --json

    Parameters
    ----------
    once
        Stop when nothing waits.
    beside_server
        Stop when no server of this home runs any more.
    as_json
        Print what was done as JSON, at the end.
    """
    from tanpuhui.periodic.rounds import Rounds

    rounds = Rounds()
    done = {"taken": 0, "refused": 0, "rows": 0, "failed": 0}
    forgotten_at, idle = 0.0, False
    with watching.told(as_json=as_json) if once else nullcontext(nobody) as report:
        waiting = _waiting() if once else 0
        while True:
            before, waited = dict(done), once and idle
            if time.monotonic() - forgotten_at > FORGET_EVERY_S:
                _forget()
                forgotten_at = time.monotonic()
            if not once:
                rounds.tend()
            _take_each_provider(done, waiting, report, wait=waited)
            idle = done == before
            if idle and (waited or not once):
                if once or (beside_server and server.running(home()) is None):
                    break
                time.sleep(PAUSE_S)
    if as_json:
        print_json(done)
    else:
        console.print(
            f"{done['taken']:,} batches of {done['rows']:,} rows taken, {done['refused']:,} refused."
        )
    return OUR_FAULT if done["failed"] else 0


def _waiting() -> int:
    from tanpuhui.evidence.inbox import backlog

    return backlog()[0]


def _take_each_provider(done: dict[str, int], waiting: int, report: Report, *, wait: bool) -> None:
    """Take what is next of each provider; one whose turn another worker has is left to it, or waited for."""
    from tanpuhui.evidence.inbox import providers_waiting

    for provider in providers_waiting(at=utc_now()):
        # More may have come since it was counted how many wait.
        so_far = done["taken"] + done["refused"]
        report(f"Taking batches: {provider}", so_far, max(waiting, so_far))
        try:
            _count(done, _take(provider, wait=wait))
        except Exception:
            _take_the_oldest_alone(provider, done)


def _take_the_oldest_alone(provider: str, done: dict[str, int]) -> None:
    """One batch may be what is wrong with many: it is tried alone, and rests when it fails again."""
    from django.db import transaction

    from tanpuhui.evidence.work import oldest_waiting, rest

    oldest = oldest_waiting(provider, at=utc_now())
    if oldest is None:
        return
    try:
        _count(done, _take(provider, only=oldest))
    except Exception as error:
        done["failed"] += 1
        errors.print(f"Batch {oldest} of {provider} could not be taken; it is tried again later.")
        known = time_limit_in(error)
        errors.print(str(known) if known else traceback.format_exc(), markup=False, highlight=False)
        with transaction.atomic():
            rest(provider, at=utc_now(), only=oldest)


def _take(provider: str, only: int | None = None, *, wait: bool = True) -> Any:
    from django.db import transaction

    from tanpuhui.cli.places import jurisdiction, places
    from tanpuhui.evidence.work import Place, take_waiting
    from tanpuhui.kit.home import inbox

    where = places()
    place = Place(inbox(), where.lake, where.buckets, jurisdiction().zone)
    with transaction.atomic():
        taken = take_waiting(provider, place, at=utc_now(), only=only, wait=wait)
    taken.remove_files(place.inbox)
    return taken


def _count(done: dict[str, int], taken: Any) -> None:
    done["taken"] += len(taken.receipts)
    done["refused"] += len(taken.refused)
    done["rows"] += taken.rows


def _forget() -> None:
    from django.db import transaction

    from tanpuhui.evidence.request import forget

    with transaction.atomic():
        forget(at=utc_now())
