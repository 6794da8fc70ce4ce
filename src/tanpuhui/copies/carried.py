"""Carried: copies of one's record that were brought here from elsewhere, for the record, to the letter."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.rights.models import Carried


def carried(account: int, *, at: datetime) -> list[dict[str, Any]]:
    """Copies that were brought along, as a section of the record of an account: each to the letter."""
    del at
    return [
        {
            "digest": one.digest,
            "controller": one.controller,
            "carried_at": one.at.isoformat(),
            "record": one.content,
        }
        for one in Carried.objects.filter(account=account).order_by("at", "pk")
    ]
