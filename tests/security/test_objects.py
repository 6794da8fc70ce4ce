"""Nobody reaches what is not theirs: every address that names an object, tried by everybody with others' objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings
from django.urls import reverse

from security.others import NO_OBJECTS, Owned, Site, make_world, proven
from security.routes import NAMES, ROUTES, address_of, kind_of
from security.watch import kept
from tanpuhui.access.models import Session
from web.access_table import TABLE
from web.site import KINDS, ROLES, browser, client_of, other_code, own_code, session_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
World = tuple[Site, list[Owned]]
WITH_ORGANISATION = [name for name in NAMES if "organisation" in ROUTES[name]]
METHODS = ("get", "post")
#: What could be sent to whatever is behind an address, so that a form would do something.
SENT = {
    "name": "mine now",
    "do": "withdraw",
    "role": "auditor",
    "words": "mine",
    "reason": "mine",
    "column_0": "1",
    "document": "identity_card",
}
#: A redirect leads to signing in, to showing again who one is, or to one's own place; never to the object.
ELSEWHERE = ("/sign-in/", "/home/", f"/counter/{own_code('operator')}/")
NOT_THERE = (403, 404, 405)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[World]:
    """Made once, in a home of its own; taken back at the end."""
    from django.db import transaction

    folder = tmp_path_factory.mktemp("world")
    with (
        django_db_blocker.unblock(),
        pytest.MonkeyPatch.context() as patch,
        override_settings(SECOND_FACTOR_FOR_ORGANISATIONS=False),
    ):
        patch.setenv("TANPUHUI_HOME", str(folder))
        patch.setenv("TANPUHUI_BUCKETS", "1")
        atomic = transaction.atomic()
        atomic.__enter__()
        yield make_world(folder)
        transaction.set_rollback(True)
        atomic.__exit__(None, None, None)


@pytest.fixture(scope="module")
def sessions(world: World, django_db_blocker: Any) -> dict[str, str]:
    """A session of each role, who has shown everything there is to show; an empty key for nobody's."""
    site, _ = world
    with django_db_blocker.unblock():
        return {role: session_of(proven(site.people[role])) for role in ROLES}


@pytest.fixture(scope="module")
def rows(world: World, django_db_blocker: Any) -> dict[str, str]:
    """What there is before anybody tries anything: each test is taken back."""
    with django_db_blocker.unblock():
        return kept(besides={"access_audit_entry"})


def assert_kept_out(answer: Any) -> None:
    if answer.status_code == 302:
        assert answer.headers["Location"].startswith(ELSEWHERE), answer.headers["Location"]
    else:
        assert answer.status_code in NOT_THERE


def owned_routes() -> list[str]:
    """Routes whose addresses hold more than an organisation, and that are not published or open to a whole role."""
    return [
        name
        for name in NAMES
        if set(ROUTES[name]) - {"organisation"} and not any(re.match(one, name) for one in NO_OBJECTS)
    ]


@pytest.mark.parametrize("name", owned_routes())
def test_another_ones_object_is_not_there_and_stays_as_it_is(name: str, world: World) -> None:
    """Everybody asks for it at its own address, and at the same address under their own organisation."""
    site, found = world
    objects = [one for one in found if one.route == name]
    assert objects, f"say in tests/security/others.py how an object for {name} is made"
    readers = {reader: proven(site.people[reader]) for reader in ROLES}
    before = kept(besides={"access_audit_entry"})

    for one in objects:
        kind = kind_of(name)
        for reader, client in readers.items():
            codes = [one.holds.get("organisation"), *([own_code(kind)] if reader == kind else [])]
            for code in codes:
                holds = one.holds | ({"organisation": code} if code else {})
                for method in METHODS:
                    answer = getattr(client, method)(reverse(name, kwargs=holds), SENT)

                    assert_kept_out(answer)
                    if reader == one.role and answer.status_code != 302:
                        assert answer.status_code in (404, 405), (method, holds)
                    assert str(one.owner.email) not in answer.content.decode()
    assert kept(besides={"access_audit_entry"}) == before


@pytest.mark.parametrize("name", owned_routes())
def test_its_owner_finds_it_there(name: str, world: World) -> None:
    """So that the test above does not pass because nothing ever answers."""
    _, found = world

    for one in (one for one in found if one.route == name):
        answer = proven(one.owner).get(reverse(name, kwargs=one.holds))

        assert answer.status_code == (200 if one.is_page else 405), one


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", WITH_ORGANISATION)
def test_another_organisations_addresses_are_not_there(
    name: str, method: str, sessions: dict[str, str], rows: dict[str, str]
) -> None:
    others = address_of(name, kind_of(name), organisation=other_code(kind_of(name)))

    for role in ROLES:
        answer = getattr(browser(sessions[role]), method)(others, SENT)

        assert_kept_out(answer)
        if role == kind_of(name):
            assert answer.status_code in (404, 405)
    assert kept(besides={"access_audit_entry"}) == rows


def test_every_route_is_of_somebodys_objects_or_says_why_not(world: World) -> None:
    _, found = world
    named = {one.route for one in found}

    assert sorted(named) == owned_routes()
    for pattern in NO_OBJECTS:
        assert [name for name in NAMES if re.match(pattern, name)], pattern


def test_the_console_is_nobodys_but_the_staffs() -> None:
    """Its objects are no person's own there; who may see them at all is in the table of access."""
    console = [name for name in NAMES if name.startswith("console:")]

    assert console
    for name in console:
        assert TABLE[name]["else"] == 403
        assert TABLE[name]["anonymous"] == 302
        assert set(TABLE[name]) == {"anonymous", "else", "operator"}


def test_somebody_elses_session_cannot_be_ended(world: World) -> None:
    site, _ = world
    other = site.others["resident"]
    client_of(other)
    name = Session.objects.filter(user=other).values_list("session_key", flat=True)[0]

    answer = proven(site.of("resident")).post("/sign-in/settings/browsers/", {"end": name})

    assert answer.status_code == 404
    assert Session.objects.filter(session_key=name).exists()
    assert KINDS
