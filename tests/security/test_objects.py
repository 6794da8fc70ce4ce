"""Nobody reaches what is not theirs: every address that names an object, tried by everybody with others' objects."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from security.others import NO_OBJECTS, Site, objects_of
from security.routes import NAMES, ROUTES, address_of, kind_of
from security.watch import kept
from tanpuhui.access.models import User
from web.access_table import TABLE
from web.site import KINDS, ROLES, client_of, other_code, show

pytestmark = pytest.mark.django_db
NAMING_OBJECTS = [name for name in NAMES if set(ROUTES[name]) - set(NO_OBJECTS)]
WITH_ORGANISATION = [name for name in NAMES if "organisation" in ROUTES[name]]
METHODS = ("get", "post")
#: A redirect leads to signing in or to showing again who one is; never to the object.
TO_SIGN_IN = ("/sign-in/", "/home/")
NOT_THERE = (403, 404, 405)


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False


def proven(user: User | None) -> Client:
    """A browser of somebody who has shown everything there is to show."""
    client = client_of(user)
    if user is not None:
        show(client, user, "mfa", type="webauthn", reauthenticated=True)
    return client


def assert_kept_out(answer: Any) -> None:
    if answer.status_code == 302:
        assert answer.headers["Location"].startswith(TO_SIGN_IN)
    else:
        assert answer.status_code in NOT_THERE


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", WITH_ORGANISATION)
def test_another_organisations_addresses_are_not_there(name: str, method: str, site: Site) -> None:
    others = address_of(name, kind_of(name), organisation=other_code(kind_of(name)))
    readers = {role: proven(site.people[role]) for role in ROLES}
    before = kept()

    for role, client in readers.items():
        answer = getattr(client, method)(others)

        assert_kept_out(answer)
        if role == kind_of(name):
            assert answer.status_code == 404
    assert kept() == before


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("role", [role for role in ROLES if role != "anonymous"])
@pytest.mark.parametrize("name", NAMING_OBJECTS)
def test_another_persons_object_is_not_there_and_stays_as_it_is(
    name: str, role: str, method: str, site: Site
) -> None:
    """The same role's other member, and everybody else."""
    owner = site.others[role]
    address = address_of(name, role, **objects_of(name, owner))
    readers = {reader: proven(site.people[reader]) for reader in ROLES}
    before = kept()

    for reader, client in readers.items():
        answer = getattr(client, method)(address, {"name": "mine now"})

        assert_kept_out(answer)
        if reader == role:
            assert answer.status_code == 404
    assert kept() == before


@pytest.mark.parametrize("name", NAMING_OBJECTS)
def test_ones_own_object_is_there(name: str, site: Site) -> None:
    """So that the test above does not pass because nothing ever answers."""
    found = []
    for role in (*KINDS, "resident", "newcomer"):
        user = site.of(role)
        expected = TABLE[name].get(role, TABLE[name]["else"])
        if expected in (200, 404):
            found.append(proven(user).get(address_of(name, role, **objects_of(name, user))).status_code)

    assert 200 in found


def test_every_object_that_an_address_can_name_is_tried() -> None:
    for name in NAMES:
        for converter in ROUTES[name]:
            assert converter in NO_OBJECTS or name in NAMING_OBJECTS


def test_somebody_elses_session_cannot_be_ended(site: Site) -> None:
    from tanpuhui.access.models import Session

    other = site.others["resident"]
    client_of(other)
    name = Session.objects.filter(user=other).values_list("session_key", flat=True)[0]

    answer = proven(site.of("resident")).post("/sign-in/settings/browsers/", {"end": name})

    assert answer.status_code == 404
    assert Session.objects.filter(session_key=name).exists()
