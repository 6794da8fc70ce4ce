"""Invite: ask somebody at an e-mail address to act for an organisation; they take it up, or it is taken back."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import IntegrityError, transaction

from tanpuhui.access.membership import join
from tanpuhui.access.models import Invitation, Membership, Organisation
from tanpuhui.access.refusals import AlreadyInvited, InvitedElsewhere, InvitedIsMember, UnknownInvitation

if TYPE_CHECKING:
    from tanpuhui.access.models import User

LASTS = timedelta(days=7)
_FORM = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def invite(
    organisation: Organisation, email: str, role: str, *, by: User, at: datetime
) -> tuple[str, Invitation]:
    """Make an invitation; answers its secret, this once, and its row. One that has expired gives way to a new one."""
    assert role in dict(Membership.ROLES), "one of the roles"
    address = email.strip().lower()
    present = Membership.objects.filter(organisation=organisation, ended_at__isnull=True)
    if present.filter(user__email=address).exists():
        raise InvitedIsMember
    open_ones = Invitation.objects.filter(organisation=organisation, email=address, ended_at__isnull=True)
    open_ones.filter(expires_at__lte=at).update(ended_at=at)
    secret = secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            row = Invitation.objects.create(
                organisation=organisation,
                email=address,
                role=role,
                digest=_digest(secret),
                invited_by=by,
                invited_at=at,
                expires_at=at + LASTS,
            )
    except IntegrityError:
        raise AlreadyInvited from None
    return secret, row


def find_invitation(secret: str, *, at: datetime) -> Invitation:
    """The open invitation with this secret."""
    if not _FORM.match(secret):
        raise UnknownInvitation
    known = (
        Invitation.objects.select_related("organisation")
        .filter(digest=_digest(secret), ended_at__isnull=True, expires_at__gt=at)
        .first()
    )
    if known is None:
        raise UnknownInvitation
    return known


def take_up(secret: str, *, by: User, at: datetime) -> Membership:
    """Become a member. Only whoever signs in with the address that was invited can."""
    found = find_invitation(secret, at=at)
    known = Invitation.objects.select_for_update().get(pk=found.pk)
    if known.ended_at is not None:
        raise UnknownInvitation
    if not by.email or by.email != known.email:
        raise InvitedElsewhere
    membership = join(by, known.organisation, known.role, at=at)
    known.membership, known.ended_at = membership, at
    known.save(update_fields=["membership", "ended_at"])
    return membership


def take_back(invitation: UUID, *, of: Organisation, at: datetime) -> Invitation:
    """End an organisation's own open invitation. Again changes nothing."""
    known = Invitation.objects.select_for_update().filter(pk=invitation, organisation=of).first()
    if known is None:
        raise UnknownInvitation
    if known.ended_at is None:
        known.ended_at = at
        known.save(update_fields=["ended_at"])
    return known


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
