"""Passkeys, with the browser's own authenticator: a new account by passkey, signing in by it alone, a second one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Page, expect

from browser.conftest import last_code
from tanpuhui.access.models import Holder

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

Say = Callable[..., str]
Look = Callable[[Page, str], None]


@pytest.fixture()
def device() -> str:
    """A phone is enough here: passkeys do not know how wide a page is."""
    return "phone"


def give_passkeys(page: Page) -> None:
    """A device with a fingerprint reader that always agrees."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def test_an_account_is_opened_with_a_passkey_which_then_signs_in_alone(
    page: Page, say: Say, look: Look, mailoutbox: Any
) -> None:
    give_passkeys(page)
    page.goto("/sign-in/new/")
    page.get_by_role("link", name=say("With a passkey")).click()
    look(page, "sign-up-passkey")
    page.get_by_role("textbox").fill("key@example.org")
    page.get_by_role("button", name=say("Send me a code")).click()
    page.get_by_role("textbox").fill(last_code())
    page.get_by_role("button", name=say("Confirm")).click()
    look(page, "make-passkey")
    page.get_by_role("button", name=say("Make the passkey")).click()
    page.get_by_label(say("Date of birth"), exact=True).fill("1990-05-17")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name=say("Open the account")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(say("What you avoided"))
    page.goto("/sign-in/settings/passkeys/")
    look(page, "passkeys")
    page.goto("/sign-in/settings/")
    page.get_by_role("main").get_by_role("button", name=say("Sign out")).click()

    page.goto("/sign-in/")
    page.get_by_role("button", name=say("Sign in with a passkey")).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(say("What you avoided"))
    assert Holder.objects.count() == 1
    assert Authenticator.objects.filter(type="webauthn").count() == 1


def test_an_authenticator_app_is_added_and_its_codes_are_shown_once(
    page: Page, say: Say, look: Look, mailoutbox: Any
) -> None:
    from web.test_sign_in import code_now

    page.goto("/sign-in/new/")
    page.get_by_role("textbox").fill("app@example.org")
    page.get_by_role("button", name=say("Send me a code")).click()
    page.get_by_role("textbox").fill(last_code())
    page.get_by_role("button", name=say("Confirm")).click()
    page.goto("/sign-in/settings/second/")
    look(page, "second-step")
    page.get_by_role("link", name=say("Add an authenticator app")).click()
    look(page, "add-app")
    page.get_by_role("textbox").fill(code_now(page.locator("code").inner_text()))
    page.get_by_role("button", name=say("Add it")).click()

    expect(page.locator(".codes li")).to_have_count(10)
    look(page, "recovery-codes")
    page.reload()
    expect(page.locator(".codes li")).to_have_count(0)
