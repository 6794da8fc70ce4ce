"""Visit: when a user was last here. What happens within half an hour is one visit."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from tanpuhui.access.models import User
from tanpuhui.web.resident.models import Visit

ONE_VISIT = timedelta(minutes=30)


def last_visit(user: User, *, at: datetime) -> datetime | None:
    """When the visit before this one ended, ``None`` at the first; notes that the user is here now."""
    known = Visit.objects.filter(user=user).first()
    if known is None:
        Visit.objects.bulk_create([Visit(user=user, seen_at=at)], ignore_conflicts=True)
        return None
    if at - known.seen_at >= ONE_VISIT:
        with transaction.atomic():
            Visit.objects.filter(user=user, seen_at=known.seen_at).update(seen_at=at, before_at=known.seen_at)
        return known.seen_at
    if at - known.seen_at >= timedelta(minutes=1):
        Visit.objects.filter(user=user, seen_at=known.seen_at).update(seen_at=at)
    return known.before_at
