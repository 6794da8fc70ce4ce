"""Close account: a person leaves; every grant of theirs ends with the account."""

from __future__ import annotations

from datetime import datetime

from tanpuhui.consent import store
from tanpuhui.consent.models import Resident
from tanpuhui.consent.refusals import AccountClosed
from tanpuhui.consent.state import State
from tanpuhui.consent.store import Step


def close_account(account: int, *, at: datetime, by: str = "resident", method: str) -> int:
    """Close an account and end its grants; gives how many ended. What was asked and not answered counts as a no."""
    person = store.lock_residents([account])[account]
    if person.is_closed:
        raise AccountClosed(account=account)
    live = store.live_grants([account], at).values()
    store.append(
        Step(
            last.grant_id,
            last.seq + 1,
            State.REFUSED if last.state is State.REQUESTED else State.TERMINATED,
            max(at, last.at),
            by,
            method,
        )
        for last in live
    )
    Resident.objects.filter(pk=account).update(closed_at=at)
    return len(live)
