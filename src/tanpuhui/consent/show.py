"""Show: a resident, and their grants with the state each is in, for whoever looks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tanpuhui.consent.models import Grant, Resident
from tanpuhui.consent.refusals import UnknownGrant, UnknownResident
from tanpuhui.consent.state import FINAL, State
from tanpuhui.consent.store import last_step
from tanpuhui.consent.terms import moment_of_us


def get_resident(account: int) -> Resident:
    """A resident by account; refuses an unknown one."""
    resident = Resident.objects.filter(pk=account).first()
    if resident is None:
        raise UnknownResident(account=account)
    return resident


def get_grant(grant_id: int) -> Grant:
    """A grant by number; refuses an unknown one."""
    grant = Grant.objects.filter(pk=grant_id).first()
    if grant is None:
        raise UnknownGrant(grant=grant_id)
    return grant


def grants_of(account: int) -> Iterable[Grant]:
    """Every grant of a resident, oldest first."""
    return get_resident(account).grants.order_by("id")


def describe(grant: Grant, *, at: datetime) -> dict[str, Any]:
    """A grant as JSON, with its state as of a moment: one that time has ended is shown as expired."""
    state = last_step(grant.pk).state
    is_over = state not in FINAL and grant.expires_at <= at
    return {
        "grant": grant.pk,
        "account": grant.resident_id,
        "provider": grant.provider,
        "recipient": grant.recipient,
        "purpose": grant.purpose,
        "kinds": grant.kinds,
        "acts_from": moment_of_us(grant.acts_from_us),
        "acts_to": moment_of_us(grant.acts_to_us),
        "begins_at": grant.begins_at.isoformat(),
        "expires_at": grant.expires_at.isoformat(),
        "state": (State.EXPIRED if is_over else state).value,
        "digest": grant.digest,
    }
