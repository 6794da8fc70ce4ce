"""Outbox: what banks must be told about consents that ended, until they have taken it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.points.models import Delivery, Outbox


def waiting_for(organisation_id: int) -> list[dict[str, Any]]:
    """Messages that a bank has not taken yet, oldest first: the product's number and that its consent ended."""
    found = Outbox.objects.filter(organisation_id=organisation_id, delivery__isnull=True).order_by("id")
    return [
        {
            "message": one.pk,
            "redemption": one.redemption_id,
            "state": one.state,
            "at": one.at.isoformat(),
        }
        for one in found
    ]


def delivered(organisation_id: int, messages: list[int], *, at: datetime) -> int:
    """A bank has taken these; answers how many of them were new. Somebody else's are left alone."""
    found = Outbox.objects.filter(organisation_id=organisation_id, pk__in=messages, delivery__isnull=True)
    made = Delivery.objects.bulk_create(Delivery(message=one, at=at) for one in found)
    return len(made)
