"""Record: everything that is kept about one account, as values that a program reads and a person too.

Promised by PIPL articles 45 (see, copy, take along). What ``record.schema.json`` says is in it, is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Protocol

from django.db import connection

from tanpuhui.access.models import ApiToken, AuditEntry, Holder, User
from tanpuhui.community.models import Goal, Member, Nickname, Participant
from tanpuhui.consent.models import Grant, GrantEvent, Identity
from tanpuhui.consent.policy import policy
from tanpuhui.consent.show import get_resident
from tanpuhui.copies.acts import acts
from tanpuhui.copies.appeals import appeals
from tanpuhui.copies.carried import carried
from tanpuhui.copies.credentials_of import credentials_of
from tanpuhui.copies.links import links
from tanpuhui.copies.points_of import points_of
from tanpuhui.copies.pools import pools
from tanpuhui.copies.said import breaches, district, restrictions
from tanpuhui.copies.verdicts import verdicts
from tanpuhui.evidence.models import SubjectLink
from tanpuhui.ledger.statement import statement
from tanpuhui.rights.models import Letter, Visit
from tanpuhui.rights.show import requests_of

SCHEMA = "tanpuhui-record/1"


class Section(Protocol):
    """A part that another stage adds to the record of an account."""

    def __call__(self, account: int, *, at: datetime) -> Any:
        """JSON-ready values about this account and nobody else."""


#: Parts that are read from the closes and from what is said about them; a stage above may add its own at start.
SECTIONS: dict[str, Section] = {
    "acts": acts,
    "appeals": appeals,
    "carried": carried,
    "credentials": credentials_of,
    "breaches": breaches,
    "district": district,
    "links": links,
    "points": points_of,
    "pools": pools,
    "restrictions": restrictions,
    "verdicts": verdicts,
}


def record(account: int, *, at: datetime) -> dict[str, Any]:
    """Everything about one account as of now; JSON-ready, without a float, and about nobody else."""
    parts: dict[str, Callable[[], Any]] = {
        "account": lambda: _account(account),
        "sign_in": lambda: _sign_in(account),
        "identifiers": lambda: _identifiers(account),
        "grants": lambda: [_grant(one) for one in _grants(account)],
        "statement": lambda: statement(connection, account, at=at).as_json(),
        "requests": lambda: [_request(one) for one in requests_of(account)],
        "counter": lambda: _counter(account),
        "together": lambda: _together(account),
        "looked_at": lambda: [_entry(one) for one in entries_about(account)],
    }
    made = {name: give() for name, give in parts.items()}
    added = {name: give(account, at=at) for name, give in sorted(SECTIONS.items())}
    platform = policy().parties["platform"]
    return {
        "schema": SCHEMA,
        "made_at": at.isoformat(),
        "controller": platform.as_json(),
        **made,
        "more": added,
    }


def entries_about(account: int) -> Iterable[AuditEntry]:
    """Audit entries about an account, and what its holder did to it, newest first."""
    return (
        AuditEntry.objects.filter(object_kind="account", object_key=str(account))
        .select_related("organisation", "who")
        .order_by("-at", "-id")
    )


def user_of(account: int) -> User | None:
    """Who holds an account, if anybody can sign in for it."""
    known = Holder.objects.select_related("user").filter(account=account).first()
    return known.user if known else None


def _account(account: int) -> dict[str, Any]:
    resident = get_resident(account)
    identity = Identity.objects.filter(pk=account).first()
    return {
        "number": account,
        "opened_at": resident.opened_at.isoformat(),
        "closed_at": _moment(resident.closed_at),
        "birth_on": identity.birth_on.isoformat() if identity and identity.birth_on else None,
        "guardian_account": identity.guardian_id if identity else None,
        "children_accounts": sorted(Identity.objects.filter(guardian=account).values_list("pk", flat=True)),
        "identity_verified_by": identity.proof_issuer if identity else None,
    }


def _sign_in(account: int) -> dict[str, Any] | None:
    user = user_of(account)
    if user is None:
        return None
    tokens = ApiToken.objects.filter(user=user).order_by("issued_at")
    memberships = user.memberships.select_related("organisation").order_by("since")
    return {
        "email": user.email,
        "language": user.language,
        "joined_at": user.joined_at.isoformat(),
        "tokens": [
            {
                "label": one.label,
                "scope": one.scope,
                "issued_at": one.issued_at.isoformat(),
                "expires_at": one.expires_at.isoformat(),
                "revoked_at": _moment(one.revoked_at),
            }
            for one in tokens
        ],
        "memberships": [
            {
                "organisation": one.organisation.code,
                "role": one.role,
                "since": one.since.isoformat(),
                "ended_at": _moment(one.ended_at),
            }
            for one in memberships
        ],
    }


def _identifiers(account: int) -> list[dict[str, Any]]:
    """At which providers an identifier is linked; the identifier itself is not kept, only a keyed digest."""
    links = (
        SubjectLink.objects.filter(account_id=account).select_related("subject").order_by("linked_at", "pk")
    )
    return [{"provider": one.subject.provider, "linked_at": one.linked_at.isoformat()} for one in links]


def _grants(account: int) -> Iterable[Grant]:
    return Grant.objects.filter(resident=account).prefetch_related("events").order_by("pk")


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "number": grant.pk,
        "provider": grant.provider,
        "recipient": grant.recipient,
        "purpose": grant.purpose,
        "artefact": grant.token,
        "events": [_event(one) for one in sorted(grant.events.all(), key=lambda one: one.seq)],
    }


def _event(event: GrantEvent) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "state": event.state,
        "at": event.at.isoformat(),
        "by": event.by,
        "method": event.method,
        "evidence_hash": event.evidence_hash,
    }


def _request(one: Any) -> dict[str, Any]:
    return {
        "id": str(one.request.pk),
        "kind": one.request.kind,
        "words": one.request.words,
        "made_at": one.request.made_at.isoformat(),
        "due_on": one.request.due_on.isoformat(),
        "state": one.state.value,
        "since": one.since.isoformat(),
        "answer": one.words,
    }


def _counter(account: int) -> dict[str, Any]:
    letters = Letter.objects.filter(account=account).order_by("issued_at")
    visits = Visit.objects.filter(account=account).order_by("opened_at")
    return {
        "letters": [
            {"issued_at": one.issued_at.isoformat(), "ended_at": _moment(one.ended_at)} for one in letters
        ],
        "visits": [
            {
                "organisation": one.organisation,
                "document": one.document,
                "opened_at": one.opened_at.isoformat(),
                "ended_at": _moment(one.ended_at),
            }
            for one in visits
        ],
    }


def _together(account: int) -> dict[str, Any]:
    members = Member.objects.filter(account=account).select_related("group").order_by("since")
    participants = Participant.objects.filter(account=account).select_related("challenge").order_by("since")
    return {
        "goals": [
            {
                "month": one.month.isoformat(),
                "target_mg": one.target_mg,
                "set_at": one.set_at.isoformat(),
            }
            for one in Goal.objects.filter(account=account).order_by("pk")
        ],
        "groups": [
            {
                "kind": one.group.kind,
                "name": one.group.name,
                "since": one.since.isoformat(),
                "ended_at": _moment(one.ended_at),
            }
            for one in members
        ],
        "challenges": [
            {
                "challenge": one.challenge.code,
                "since": one.since.isoformat(),
                "ended_at": _moment(one.ended_at),
            }
            for one in participants
        ],
        "nicknames": [
            {"name": one.name, "since": one.since.isoformat(), "ended_at": _moment(one.ended_at)}
            for one in Nickname.objects.filter(account=account).order_by("since")
        ],
    }


def _entry(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at": entry.at.isoformat(),
        "verb": entry.verb,
        "organisation": entry.organisation.code if entry.organisation else None,
        "reason": entry.reason,
        "facts": entry.facts,
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
