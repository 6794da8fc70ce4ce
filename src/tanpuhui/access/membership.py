"""Membership: let a user act for an organisation, and end that. Roles change by ending one and joining again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from tanpuhui.access.models import Membership, Organisation
from tanpuhui.access.refusals import AlreadyMember, LastAdministrator, NotAMember, RoleOfOperators

if TYPE_CHECKING:
    from tanpuhui.access.models import User


def join(user: User, organisation: Organisation, role: str, *, at: datetime) -> Membership:
    """Make a user a member. The same role again is answered as before; another role is refused."""
    assert role in dict(Membership.ROLES), "one of the roles"
    if role == Membership.COUNTER and organisation.kind != Organisation.OPERATOR:
        raise RoleOfOperators(role=role, organisation=organisation.code)
    try:
        with transaction.atomic():
            return Membership.objects.create(user=user, organisation=organisation, role=role, since=at)
    except IntegrityError:
        known = Membership.objects.get(user=user, organisation=organisation, ended_at__isnull=True)
        if known.role != role:
            raise AlreadyMember(role=known.role, organisation=organisation.code) from None
        return known


def leave(user: User, organisation: Organisation, *, at: datetime) -> Membership:
    """End a membership. An organisation keeps one administrator at least; two who leave at once are put in a row."""
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    present = Membership.objects.filter(organisation=organisation, ended_at__isnull=True)
    known = present.filter(user=user).first()
    if known is None:
        raise NotAMember(organisation=organisation.code)
    if known.role == Membership.ADMIN and present.filter(role=Membership.ADMIN).count() == 1:
        raise LastAdministrator(organisation=organisation.code)
    known.ended_at = at
    known.save(update_fields=["ended_at"])
    return known


def change_role(user: User, organisation: Organisation, role: str, *, at: datetime) -> Membership:
    """End a membership and begin one in another role; the same role again changes nothing."""
    known = Membership.objects.filter(user=user, organisation=organisation, ended_at__isnull=True).first()
    if known is not None and known.role == role:
        return known
    leave(user, organisation, at=at)
    return join(user, organisation, role, at=at)


def memberships_of(user: User, kind: str, roles: Sequence[str] = ()) -> list[Membership]:
    """A user's present memberships in organisations of a kind, in these roles (or any), by code."""
    found = Membership.objects.filter(user=user, organisation__kind=kind, ended_at__isnull=True)
    if roles:
        found = found.filter(role__in=roles)
    return list(found.select_related("organisation").order_by("organisation__code"))
