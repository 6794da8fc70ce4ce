"""Visit: when a user was last here. What happens within half an hour is one visit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from tanpuhui.access.models import User
from tanpuhui.web.resident.models import Visit

#: A pause of this long begins another visit; more often than once in a minute nothing is noted.
ONE_VISIT, NOTED_EVERY = timedelta(minutes=30), timedelta(minutes=1)
_NOTE = """
    INSERT INTO web_visit (user_id, seen_at) VALUES (%(user)s, %(at)s)
    ON CONFLICT (user_id) DO UPDATE SET seen_at = EXCLUDED.seen_at, before_at = CASE
        WHEN EXCLUDED.seen_at - web_visit.seen_at >= %(pause)s THEN web_visit.seen_at ELSE web_visit.before_at END
    WHERE EXCLUDED.seen_at - web_visit.seen_at >= %(every)s
    RETURNING before_at
"""


def last_visit(user: User, *, at: datetime) -> datetime | None:
    """When the visit before this one ended, ``None`` at the first; notes that the user is here now."""
    given: dict[str, Any] = {"user": user.pk, "at": at, "pause": ONE_VISIT, "every": NOTED_EVERY}
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, given)
        row: tuple[datetime | None] | None = cursor.fetchone()
    if row is None:
        return Visit.objects.filter(user=user).values_list("before_at", flat=True).first()
    return row[0]
