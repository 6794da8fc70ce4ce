"""Acts: every act of one account on every closed day, as the close that stands left it, for the record and its page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tanpuhui.close.acts import Act, acts_of, closed_days
from tanpuhui.close.installation import places
from tanpuhui.kit.moment import from_us

#: Days whose acts are held in memory together while the copy is made.
DAYS_AT_ONCE = 31


def all_acts(account: int) -> Iterator[Act]:
    """Every act of an account, the newest day first; a page of days is read at a time."""
    before = None
    while days := closed_days(None, before, DAYS_AT_ONCE):
        yield from acts_of(account, days, places())
        before = days[-1]


def acts(account: int, *, at: datetime) -> list[dict[str, Any]]:
    """The same, JSON-ready; closes that stand now are the ones that stand ``at``."""
    del at
    found = list(all_acts(account))
    own = {act.record_id for act in found}
    return [_act(act, own) for act in found]


def _act(act: Act, own: set[int]) -> dict[str, Any]:
    return {
        "record": str(act.record_id),
        "day": act.day.isoformat(),
        "started_at": from_us(act.started_us).isoformat(),
        "ended_at": from_us(act.ended_us).isoformat(),
        "kind": act.kind,
        "provider": act.provider,
        "measures": dict(act.measures),
        "outcome": act.outcome.name,
        "clause": act.clause,
        "counts_instead": str(act.rival_id) if act.rival_id in own else None,
        "methodology": act.methodology,
        "avoided_mg": act.avoided_mg,
        "credited_mg": act.credited_mg,
        "close": {"manifest": act.manifest, "sequence": act.sequence},
    }
