"""Appeals: what somebody said against how their acts ended, and what was answered, for the record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.integrity.look import Seen, appeals_of


def appeals(account: int, *, at: datetime) -> list[dict[str, Any]]:
    """Every appeal of an account, the newest first, JSON-ready."""
    del at
    return [_appeal(one) for one in appeals_of(account)]


def _appeal(one: Seen) -> dict[str, Any]:
    return {
        "id": one.id,
        "record": str(one.record_id),
        "day": one.day.isoformat(),
        "outcome": one.outcome,
        "round": one.round,
        "asked_at": one.asked_at.isoformat(),
        "words": one.words,
        "decision": one.decision or None,
        "reason": one.reason,
        "answered_at": one.answered_at.isoformat() if one.answered_at else None,
    }
