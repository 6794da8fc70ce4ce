"""Where one is signed in: another browser is seen and ended, after showing again who one is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from browser.conftest import last_code
from tanpuhui.access.models import Session, User
from web.site import client_of, make_site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

Say = Callable[..., str]
Look = Callable[[Page, str], None]


def test_another_browser_is_seen_and_signed_out_by_a_code(
    page: Page, say: Say, look: Look, mailoutbox: Any
) -> None:
    people = make_site()
    resident = people["resident"]
    assert isinstance(resident, User)
    here, elsewhere = client_of(resident, since_s=3_600), client_of(resident)
    Session.objects.filter(user=resident).update(browser="Firefox, Windows")
    page.goto("/")
    page.context.add_cookies(
        [
            {
                "name": settings.SESSION_COOKIE_NAME,
                "value": str(here.session.session_key),
                "url": page.url,
            }
        ]
    )

    page.goto("/sign-in/settings/")
    look(page, "sign-in-settings-two")
    page.get_by_role("main").locator("a[href='/sign-in/settings/browsers/']").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(say("Where you are signed in"))
    look(page, "browsers")
    page.get_by_role("button", name=say("Sign out everywhere else")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(say("Is it really you?"))
    look(page, "show-again")
    page.get_by_role("button", name=say("Send me a code")).click()
    page.get_by_role("textbox").fill("WRONG")
    page.get_by_role("button", name=say("Confirm")).click()
    look(page, "show-again-wrong")
    page.get_by_role("textbox").fill(last_code())
    page.get_by_role("button", name=say("Confirm")).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(say("Where you are signed in"))
    expect(page.get_by_role("button", name=say("Sign out everywhere else"))).to_have_count(0)
    assert elsewhere.get("/sign-in/settings/").status_code == 302
