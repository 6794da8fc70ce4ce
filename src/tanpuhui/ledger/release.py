"""Release: give back what a hold set aside, because it is not wanted or its time is over."""

from __future__ import annotations

from datetime import datetime

from tanpuhui.ledger.connection import Connection, fetch_one
from tanpuhui.ledger.refusals import HoldClosed, UnknownHold


def release(connection: Connection, hold_id: int, *, at: datetime) -> bool:
    """Release a hold: true when it was open, false when it was free already; a captured one is refused."""
    (state,) = fetch_one(connection, "SELECT ledger_release(%s, %s)", [hold_id, at])
    if state is None:
        raise UnknownHold(hold_id=hold_id)
    if state in ("captured", "refused"):
        raise HoldClosed(hold_id=hold_id, state=state)
    return bool(state == "open")


def release_all(connection: Connection, holds: list[int], *, at: datetime) -> int:
    """Release many holds in one statement; returns how many were open."""
    (count,) = fetch_one(connection, "SELECT ledger_release_all(%s::bigint[], %s)", [holds, at])
    return int(count)


def expire_holds(connection: Connection, *, at: datetime) -> int:
    """Release every open hold whose time is over; returns how many there were."""
    (count,) = fetch_one(connection, "SELECT ledger_expire_holds(%s)", [at])
    return int(count)
