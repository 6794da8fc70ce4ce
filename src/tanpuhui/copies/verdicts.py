"""Verdicts: what was decided about acts that rules against fraud held, with the reasons, for the record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.integrity.look import Decided, decisions_of


def verdicts(account: int, *, at: datetime) -> list[dict[str, Any]]:
    """Every decision about held acts of an account, the newest first, JSON-ready."""
    del at
    return [_verdict(one) for one in decisions_of(account)]


def _verdict(one: Decided) -> dict[str, Any]:
    return {
        "record": str(one.record_id),
        "day": one.day.isoformat(),
        "rules": list(one.rules),
        "decision": one.decision,
        "reason": one.reason,
        "decided_at": one.at.isoformat(),
    }
