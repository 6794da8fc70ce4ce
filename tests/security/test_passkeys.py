"""Passkeys: a right one signs in, and every way of making one up is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from security.soft_passkey import PRESENT, VERIFIED, SoftPasskey, encoded
from tanpuhui.access.models import User
from web.site import client_of, make_site

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def checks_where_it_was_used(settings: Any) -> None:
    """As in production; a developer's machine lets http://localhost through."""
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = False


@pytest.fixture()
def resident() -> User:
    user = make_site()["resident"]
    assert user is not None
    return user


def add(user: User, **made: Any) -> tuple[SoftPasskey, Any]:
    """Add a passkey on the settings page."""
    client, key = client_of(user), SoftPasskey()
    options = client.get("/sign-in/settings/passkeys/add/").context["js_data"]["creation_options"]
    sent = {"name": "phone", "passwordless": "on", "credential": json.dumps(key.made(options, **made))}
    return key, client.post("/sign-in/settings/passkeys/add/", sent)


def options_for(client: Client) -> Any:
    asked = client.get("/sign-in/passkey/", HTTP_X_REQUESTED_WITH="XMLHttpRequest")
    return asked.json()["request_options"]


def show(client: Client, credential: Any) -> str:
    """Sign in with what a browser says, and where that leads."""
    answer = client.post("/sign-in/passkey/", {"credential": json.dumps(credential)})
    return str(answer.headers["Location"])


def test_a_passkey_signs_in_alone(resident: User) -> None:
    key, added = add(resident)
    client = Client()

    assert added.headers["Location"] == "/sign-in/settings/recovery-codes/"
    assert show(client, key.shown(options_for(client))) == "/home/"
    assert client.get("/resident/").status_code == 200


WRONG: dict[str, dict[str, Any]] = {
    "another challenge": {"challenge": encoded(b"y" * 32)},
    "another key": {"key": ec.generate_private_key(ec.SECP256R1())},
    "without showing who it is": {"flags": PRESENT},
    "without anybody there": {"flags": VERIFIED},
    "of making one, not of using one": {"kind": "webauthn.create"},
    "for another user": {"user": b"00000000-0000-0000-0000-000000000000"},
    "for no user": {"user": b"\xff"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_an_answer_that_is_made_up_signs_nobody_in(changes: dict[str, Any], resident: User) -> None:
    key, _ = add(resident)
    client = Client()

    assert show(client, key.shown(options_for(client), **changes)) == "/sign-in/"
    assert client.get("/resident/").status_code == 302


@pytest.mark.parametrize(
    ("site", "origin"),
    [
        ("testserver", "https://evil.example"),
        ("testserver", "https://testserver.evil.example"),
        ("testserver", "http://testserver"),
        ("evil.example", "https://testserver"),
    ],
)
def test_an_answer_of_another_site_signs_nobody_in(site: str, origin: str, resident: User) -> None:
    key, _ = add(resident)
    key.site, key.origin = site, origin
    client = Client()

    assert show(client, key.shown(options_for(client))) == "/sign-in/"
    assert client.get("/resident/").status_code == 302


def test_an_answer_is_good_once_and_in_the_browser_that_asked(resident: User) -> None:
    key, _ = add(resident)
    first, second = Client(), Client()
    credential = key.shown(options_for(first))
    options_for(second)

    assert show(second, credential) == "/sign-in/"
    assert show(first, credential) == "/home/"
    first.post("/sign-in/sign-out/")
    options_for(first)
    assert show(first, credential) == "/sign-in/"


def test_a_passkey_that_was_removed_signs_nobody_in(resident: User) -> None:
    key, _ = add(resident)
    Authenticator.objects.all().delete()
    client = Client()

    assert show(client, key.shown(options_for(client))) == "/sign-in/"


def test_a_passkey_of_a_blocked_user_signs_nobody_in(resident: User) -> None:
    key, _ = add(resident)
    User.objects.filter(pk=resident.pk).update(is_active=False)
    client = Client()

    show(client, key.shown(options_for(client)))

    assert client.get("/resident/").status_code == 302


def test_a_passkey_for_signing_in_alone_has_shown_who_it_is(resident: User) -> None:
    _, added = add(resident, flags=PRESENT)

    assert added.status_code == 200
    assert not Authenticator.objects.exists()


def test_showing_a_passkey_is_slowed_for_an_address(resident: User) -> None:
    key, _ = add(resident)
    answers = []
    for _ in range(12):
        client = Client()
        wrong = key.shown(options_for(client), challenge=encoded(b"y" * 32))
        answers.append(client.post("/sign-in/passkey/", {"credential": json.dumps(wrong)}).status_code)

    assert answers == [302] * 10 + [429] * 2
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert show(elsewhere, key.shown(options_for(elsewhere))) == "/home/"


def test_showing_a_passkey_again_is_slowed_for_a_user(resident: User) -> None:
    add(resident)
    client = client_of(resident)
    answers = []
    for number in range(12):
        sent = {"credential": '{"id": 1}'}
        address = f"198.51.100.{number}"
        answers.append(client.post("/sign-in/again/passkey/", sent, REMOTE_ADDR=address).status_code)

    assert answers.count(429) == 2
