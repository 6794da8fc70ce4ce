"""Withdraw: a person takes a grant back, or pauses and resumes it. One step, at any time, for no reason given.

``evidence`` is the digest of what proves the step, such as a paper that was signed at a counter.
"""

from __future__ import annotations

from datetime import datetime

from tanpuhui.consent import store
from tanpuhui.consent.give import refuse_child_alone, refuse_unknown_giver
from tanpuhui.consent.refusals import BackInTime, CannotFollow
from tanpuhui.consent.state import FINAL, State, may_follow
from tanpuhui.consent.store import Last, Step


def withdraw(
    grant_id: int, *, at: datetime, by: str = "resident", method: str, evidence: str | None = None
) -> None:
    """Stop all further processing under a grant, for good. What was credited before stays (PIPL article 15).

    No other grant changes, nor the account (article 16).
    """
    _step(grant_id, State.WITHDRAWN, at, by=by, method=method, evidence=evidence)


def pause(
    grant_id: int, *, at: datetime, by: str = "resident", method: str, evidence: str | None = None
) -> None:
    """Stop processing under a grant until it is resumed."""
    _step(grant_id, State.PAUSED, at, by=by, method=method, evidence=evidence)


def resume(
    grant_id: int, *, at: datetime, by: str = "resident", method: str, evidence: str | None = None
) -> None:
    """Let a paused grant be used again, within what it said; of a child, only the guardian does."""
    _step(grant_id, State.RESUMED, at, by=by, method=method, evidence=evidence)


def _step(grant_id: int, state: State, at: datetime, *, by: str, method: str, evidence: str | None) -> None:
    refuse_unknown_giver(by)
    grant, last = store.lock_grant(grant_id)
    if state is State.RESUMED:
        refuse_child_alone(grant, by, at)
    refuse_wrong_step(last, state, at)
    store.append([Step(grant_id, last.seq + 1, state, at, by, method, evidence)])


def refuse_wrong_step(last: Last, after: State, at: datetime) -> None:
    """A step must be one that may follow, and not lie before the last one."""
    if not may_follow(last.state, after):
        raise CannotFollow(
            grant=last.grant_id, before=last.state.value, after=after.value, next_step=_next_step(last.state)
        )
    if at < last.at:
        raise BackInTime(grant=last.grant_id, last=last.at, at=at)


def _next_step(before: State) -> str:
    if before in FINAL:
        return "It has ended; nothing more needs to be done, and only a new grant can be given."
    if before is State.REQUESTED:
        return "It was asked for and not answered: agree, or say no."
    return "Pause what is in force, resume what is paused."
