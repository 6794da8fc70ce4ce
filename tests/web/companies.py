"""Companies with units for tests of pages: an organisation, its members, and tonnes in its hands."""

from __future__ import annotations

from django.test import Client

from registry.units_town import AT, given, new_lot
from tanpuhui.access.membership import join
from tanpuhui.access.models import Membership, User
from tanpuhui.access.organise import get_organisation
from tanpuhui.ledger.account import organisation
from web.site import client_of, own_code


def owner_of(code: str) -> int:
    """The ledger's owner that an organisation is."""
    return organisation(get_organisation(code).pk)


def holding(tonnes: int, *, code: str = "", jurisdiction: str = "guangdong", status: str = "official") -> str:
    """A lot of which a company has all tonnes."""
    lot = new_lot(tonnes, jurisdiction=jurisdiction, status=status)
    given(owner_of(code or own_code("company")), lot, tonnes)
    return lot


def member(role: str) -> Client:
    """Somebody else who acts for the company, in another role."""
    user = User.objects.create_user(f"{role}@own-company.example")
    join(user, get_organisation(own_code("company")), role, at=AT)
    assert role in dict(Membership.ROLES)
    return client_of(user)
