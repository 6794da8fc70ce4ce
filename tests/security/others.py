"""Two of everybody: for each role somebody and another one, each with objects of their own."""

from __future__ import annotations

from dataclasses import dataclass, field

from allauth.mfa.models import Authenticator

from access.people import AT
from security.soft_passkey import SoftPasskey, encoded
from tanpuhui.access.hold import hold
from tanpuhui.access.membership import join
from tanpuhui.access.models import Membership, Organisation, User
from tanpuhui.consent.open_account import open_account
from web.site import KINDS, ROLES, make_site, other_code

#: Converters of addresses that name no object of anybody's, and what they name.
NO_OBJECTS = {
    "provider_id": "the identity service that the installation names",
    "organisation": "tried on its own, in every route that has it",
}


@dataclass
class Site:
    """The people of the tests of pages, and for each role another one like them."""

    people: dict[str, User | None]
    others: dict[str, User] = field(default_factory=dict)

    def of(self, role: str) -> User:
        user = self.people[role]
        assert user is not None
        return user


def make_two() -> Site:
    """Two residents, two members of two organisations of each kind, two newcomers."""
    site = Site(make_site())
    for role in ROLES[1:]:
        other = User.objects.create_user(f"other-{role}@example.org", is_staff=role == Organisation.OPERATOR)
        site.others[role] = other
        if role in KINDS:
            join(other, Organisation.objects.get(code=other_code(role)), Membership.ADMIN, at=AT)
    hold(site.others["resident"], open_account(at=AT), at=AT)
    return site


def passkey_of(user: User, name: str = "phone") -> int:
    """A passkey of this user, as its row is after it was made."""
    asked = {"publicKey": {"user": {"id": encoded(user.pk.bytes)}, "challenge": encoded(b"x" * 32)}}
    data = {"name": name, "credential": SoftPasskey().made(asked)}
    return Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data=data).pk


def objects_of(route: str, user: User) -> dict[str, object]:
    """What the address of a route needs to name an object of this user.

    A new route whose address names an object fails here until its object is made.
    """
    if route in ("mfa_remove_webauthn", "mfa_edit_webauthn"):
        return {"pk": passkey_of(user)}
    raise AssertionError(f"say in tests/security/others.py how an object for {route} is made")
