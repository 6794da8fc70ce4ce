"""Every route, every role, own and other's object: nobody reaches what is not theirs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLResolver, get_resolver, reverse

from tanpuhui.access.models import User
from tanpuhui.transparency.issuer import lists
from web.access_table import TABLE, VALUES, VALUES_OF
from web.site import KINDS, ROLES, browser, client_of, make_site, other_code, own_code, session_of

pytestmark = [pytest.mark.django_db]


#: Interfaces know no session: who signs or holds a token is asked for in tests/api.
API = "api/"


def routes(
    resolver: Any, spaces: tuple[str, ...] = (), wanted: tuple[str, ...] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every route by name, with what its address holds; one without a name cannot be in the table, and fails."""
    for one in resolver.url_patterns:
        if str(one.pattern) == API:
            continue
        holds = (*wanted, *one.pattern.converters)
        if isinstance(one, URLResolver):
            yield from routes(one, (*spaces, one.namespace) if one.namespace else spaces, holds)
        else:
            assert one.name, f"{one.pattern} has no name"
            yield ":".join((*spaces, one.name)), holds


ROUTES = dict(routes(get_resolver()))
WITH_ORGANISATION = sorted(
    name for name, holds in ROUTES.items() if "organisation" in holds and TABLE.get(name) != {"else": 405}
)


@pytest.fixture(scope="module")
def people(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, User | None]]:
    """One site for all of these tests, taken back at the end."""
    from django.db import transaction

    with django_db_blocker.unblock():
        atomic = transaction.atomic()
        atomic.__enter__()
        yield make_site()
        transaction.set_rollback(True)
        atomic.__exit__(None, None, None)


@pytest.fixture(scope="module")
def sessions(people: dict[str, User | None], django_db_blocker: Any) -> dict[str, str]:
    """A session of each role, in which they signed in just now; an empty key for nobody's."""
    with django_db_blocker.unblock():
        return {role: session_of(client_of(user)) for role, user in people.items()}


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False


@pytest.fixture(autouse=True, scope="module")
def no_status_lists() -> None:
    """Other tests of this home may have published some."""
    shutil.rmtree(lists(), ignore_errors=True)


def address(name: str, code: str) -> str:
    known = VALUES | VALUES_OF.get(name.partition(":")[0], {})
    values = {key: code if key == "organisation" else known[key] for key in ROUTES[name]}
    return reverse(name, kwargs=values)


def kind_of(name: str) -> str:
    """The kind of organisation that a route is for; a counter is an operator's."""
    return name.partition(":")[0].replace("counter", "operator")


def code_for(name: str, role: str) -> str:
    """The reader's own organisation if they have one of the route's kind, else the route's kind's own one."""
    kind = kind_of(name)
    return own_code(kind if kind in KINDS else role)


def test_every_route_has_a_line_and_every_line_a_route() -> None:
    assert sorted(ROUTES) == sorted(TABLE)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_route_answers_each_role_as_the_table_says(name: str, sessions: dict[str, str]) -> None:
    expected = {role: TABLE[name].get(role, TABLE[name]["else"]) for role in ROLES}

    answers = {role: browser(sessions[role]).get(address(name, code_for(name, role))) for role in ROLES}

    assert {role: answer.status_code for role, answer in answers.items()} == expected


@pytest.mark.parametrize("name", WITH_ORGANISATION)
def test_another_organisation_is_not_there_for_members_of_one_like_it(
    name: str, sessions: dict[str, str]
) -> None:
    kind = kind_of(name)

    answer = browser(sessions[kind]).get(address(name, other_code(kind)))

    assert answer.status_code == 404


@pytest.mark.parametrize("name", WITH_ORGANISATION)
def test_an_organisation_that_is_not_there_looks_like_one_that_is_not_ours(
    name: str, sessions: dict[str, str]
) -> None:
    kind = kind_of(name)
    client = browser(sessions[kind])

    other, none = (client.get(address(name, code)) for code in (other_code(kind), "no-such-one"))

    assert (other.status_code, none.status_code) == (404, 404)


@pytest.mark.parametrize("name", WITH_ORGANISATION)
def test_whoever_acts_for_an_organisation_first_adds_a_second_factor(
    name: str, sessions: dict[str, str], settings: Any
) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = True
    kind = kind_of(name)

    answer = browser(sessions[kind]).get(address(name, own_code(kind)))

    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("mfa_index"))


@pytest.mark.parametrize("role", ROLES)
def test_a_blocked_user_is_nobody(role: str, people: dict[str, User | None]) -> None:
    user = people[role]
    client = client_of(user)
    if user is None:
        return
    User.objects.filter(pk=user.pk).update(is_active=False)

    assert client.get(reverse("sign_in_settings")).status_code == 302
