"""Restrict: nothing but keeping is done with somebody's data, until it is lifted (PIPL articles 44 and 47).

Every grant in force is paused, and none can be given or resumed meanwhile: the gate, closes, statements, boards and
pools look at grants, and find none.
"""

from __future__ import annotations

from datetime import datetime

from tanpuhui.consent import store
from tanpuhui.consent.models import GrantEvent, Restriction
from tanpuhui.consent.state import VALID, State
from tanpuhui.consent.store import Step

METHOD = "restriction"


def restrict(account: int, *, at: datetime, by: str = "operator") -> int:
    """Restrict an account, in the caller's transaction; answers how many grants that pauses. Again, it does nothing."""
    store.lock_residents([account])
    if is_restricted(account):
        return 0
    used = [last for last in store.live_grants([account], at).values() if last.state in VALID]
    store.append(
        Step(last.grant_id, last.seq + 1, State.PAUSED, max(at, last.at), by, METHOD) for last in used
    )
    Restriction.objects.create(resident_id=account, began_at=at)
    return len(used)


def lift(account: int, *, at: datetime, by: str = "operator") -> int:
    """End the restriction; grants that it paused are used again, others stay as they are. Answers how many."""
    store.lock_residents([account])
    Restriction.objects.filter(resident=account, ended_at__isnull=True).update(ended_at=at)
    paused = [last for last in store.live_grants([account], at).values() if last.state is State.PAUSED]
    ours = set(
        GrantEvent.objects.filter(
            grant__in=[last.grant_id for last in paused], state=State.PAUSED, method=METHOD
        ).values_list("grant_id", "seq")
    )
    again = [last for last in paused if (last.grant_id, last.seq) in ours]
    store.append(
        Step(last.grant_id, last.seq + 1, State.RESUMED, max(at, last.at), by, METHOD) for last in again
    )
    return len(again)


def is_restricted(account: int) -> bool:
    """Whether nothing but keeping is done with somebody's data now."""
    return Restriction.objects.filter(resident=account, ended_at__isnull=True).exists()
