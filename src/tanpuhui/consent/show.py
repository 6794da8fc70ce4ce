"""Show: a resident, and their grants with the state each is in, for whoever looks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from tanpuhui.consent.age import AGE, is_under
from tanpuhui.consent.models import Grant, GrantEvent, Identity, Resident
from tanpuhui.consent.refusals import UnknownGrant, UnknownResident
from tanpuhui.consent.state import FINAL, VALID, State
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


@dataclass(frozen=True)
class Standing:
    """A grant with its last step as of a moment; one that time has ended is expired."""

    grant: Grant
    state: State
    since: datetime

    @property
    def is_used(self) -> bool:
        """Whether it may be used now."""
        return self.state in VALID

    @property
    def is_over(self) -> bool:
        return self.state in FINAL


def standings(account: int, *, at: datetime) -> list[Standing]:
    """Every grant of a resident with its state, newest first; one query."""
    last = GrantEvent.objects.filter(grant=OuterRef("pk")).order_by("-seq")
    grants = (
        Grant.objects.filter(resident=account)
        .annotate(last_state=Subquery(last.values("state")[:1]), last_at=Subquery(last.values("at")[:1]))
        .order_by("-id")
    )
    return [_standing(grant, State(grant.last_state), grant.last_at, at) for grant in grants]


def _standing(grant: Grant, state: State, since: datetime, at: datetime) -> Standing:
    if state not in FINAL and grant.expires_at <= at:
        return Standing(grant, State.EXPIRED, max(since, grant.expires_at))
    return Standing(grant, state, since)


@dataclass(frozen=True)
class Ward:
    """A resident in somebody's care, by the guardian on file."""

    account: int
    is_closed: bool
    birth_on: date | None


def wards_of(guardian: int, *, on: date) -> list[Ward]:
    """Accounts of children under fourteen for whom this account decides on a local day, in order."""
    found = Identity.objects.filter(guardian=guardian).select_related("resident").order_by("resident_id")
    wards = [Ward(one.pk, one.resident.closed_at is not None, one.birth_on) for one in found]
    return [ward for ward in wards if is_under(ward.birth_on, AGE, on)]


def guardian_of(account: int, *, on: date) -> int | None:
    """The account that decides for a resident on a local day: a guardian's under fourteen, nobody's after it."""
    known = Identity.objects.filter(pk=account).first()
    return known.guardian_id if known and is_under(known.birth_on, AGE, on) else None


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
