"""People of every role with browsers of their own, as the tests of pages share them."""

from __future__ import annotations

import time

from allauth.account.models import EmailAddress
from django.conf import settings
from django.test import Client

from access.people import AT
from tanpuhui.access.hold import hold
from tanpuhui.access.membership import join
from tanpuhui.access.models import Membership, Organisation, User
from tanpuhui.access.organise import organise
from tanpuhui.consent.open_account import open_account

#: Who looks at a page: nobody, somebody without an account yet, a resident, and members of each kind of organisation.
KINDS = tuple(kind for kind, _ in Organisation.KINDS)
ROLES = ("anonymous", "newcomer", "resident", *KINDS)
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def own_code(kind: str) -> str:
    """The code of the organisation that members of a kind act for here."""
    return f"own-{kind}"


def other_code(kind: str) -> str:
    """The code of another organisation of that kind, of which nobody here is a member."""
    return f"other-{kind}"


def client_of(user: User | None, *, since_s: int = 0) -> Client:
    """A browser in which somebody signed in by a code, just now or some seconds ago."""
    client = Client()
    if user is not None:
        client.force_login(user, backend=BACKEND)
        show(client, user, "code", since_s=since_s)
    return client


def session_of(client: Client) -> str:
    """The key of a browser's session; empty where it has none."""
    cookie = client.cookies.get(settings.SESSION_COOKIE_NAME)
    return cookie.value if cookie else ""


def browser(session: str) -> Client:
    """A browser that knows a session and nothing else."""
    client = Client()
    if session:
        client.cookies[settings.SESSION_COOKIE_NAME] = session
    return client


def show(client: Client, user: User, method: str, *, since_s: int = 0, **more: object) -> None:
    """Write into a browser's session that its user showed who they are."""
    session = client.session
    session["account_authentication_methods"] = [
        *session.get("account_authentication_methods", []),
        {"method": method, "at": time.time() - since_s, **more},
    ]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


def make_site() -> dict[str, User | None]:
    """One user for each role, and two organisations of each kind."""
    people: dict[str, User | None] = {"anonymous": None}
    for role in ROLES[1:]:
        user = User.objects.create_user(f"{role}@example.org", is_staff=role == Organisation.OPERATOR)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        people[role] = user
    resident = people["resident"]
    assert resident is not None
    hold(resident, open_account(at=AT), at=AT)
    for kind in KINDS:
        own = organise(kind, own_code(kind), name_zh="自己", name_en="Own", at=AT)
        organise(kind, other_code(kind), name_zh="别人", name_en="Other", at=AT)
        member = people[kind]
        assert member is not None
        join(member, own, Membership.ADMIN, at=AT)
    return people
