"""Audit: write down who did what to which object, and why. Entries are only added, by any role."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tanpuhui.access.models import AuditEntry, Organisation

if TYPE_CHECKING:
    from tanpuhui.access.models import User


def record(
    verb: str,
    *,
    who: User | None,
    at: datetime,
    organisation: Organisation | None = None,
    object_kind: str = "",
    object_key: object = "",
    reason: str = "",
    facts: Mapping[str, Any] | None = None,
    request_id: str = "",
) -> AuditEntry:
    """Add an entry in the transaction of what was done, so that neither exists without the other.

    ``facts`` are plain values that name no person.
    """
    assert verb, "what was done"
    return AuditEntry.objects.create(
        who=who,
        organisation=organisation,
        verb=verb,
        object_kind=object_kind,
        object_key=str(object_key),
        reason=reason,
        facts=dict(facts or {}),
        request_id=request_id,
        at=at,
    )
