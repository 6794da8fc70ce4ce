"""Keep: one round of keeping the log: enter, sign, publish, have it witnessed, publish again. The edge of the notary.

Each step is a transaction of its own, and each can be repeated after a kill: what was committed is published by the
next round, and a witness that was not asked is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.progress import Report, nobody
from tanpuhui.kit.span import span
from tanpuhui.notary import installation
from tanpuhui.notary.enter import enter_all
from tanpuhui.transparency.cosign import Ask, Asked, ask_all, ask_over_http, is_trusted, keep
from tanpuhui.transparency.log import latest, publish
from tanpuhui.transparency.models import SignedCheckpoint
from tanpuhui.transparency.refusals import NotIntegrated


@dataclass(frozen=True)
class Round:
    """What a round did: new leaves, the checkpoint, what witnesses said, and whether the policy is met."""

    new: int
    size: int
    asked: tuple[Asked, ...]
    trusted: bool


def integrate(*, rows: bool = True, report: Report = nobody) -> tuple[int, SignedCheckpoint]:
    """Enter what waits, sign and publish; of very many rows a transaction for each page of them."""
    log, new, is_behind = installation.log(), 0, True
    while is_behind:
        with transaction.atomic():
            entered = enter_all(log, at=utc_now(), rows=rows, report=report)
            crash_point("log.before_commit")
        crash_point("log.committed")
        new, is_behind = new + entered.new, entered.is_behind
    publish(log)
    return new, entered.checkpoint


def witness(ask: Ask = ask_over_http) -> tuple[Asked, ...]:
    """Show the newest checkpoint to the witnesses of the policy and publish what they signed."""
    log, policy, checkpoint = installation.log(), installation.policy(), latest()
    if checkpoint is None:
        raise NotIntegrated()
    asked = ask_all(log, checkpoint, policy, ask)
    with transaction.atomic():
        new = keep(checkpoint, asked, at=utc_now())
    crash_point("log.cosigned")
    if new:
        publish(log)
    return tuple(asked)


def keep_round(*, rows: bool = True, ask: Ask = ask_over_http, report: Report = nobody) -> Round:
    """A whole round."""
    with span("log.round") as traced:
        with span("log.integrate"):
            new, checkpoint = integrate(rows=rows, report=report)
        with span("log.witness"):
            asked = witness(ask)
        traced.says({"tanpuhui.new": new, "tanpuhui.leaves": checkpoint.size})
    return Round(new, checkpoint.size, asked, is_trusted(installation.policy()))
