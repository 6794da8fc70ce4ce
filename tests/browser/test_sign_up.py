"""From the public page to one's own account: an address, a code, a birth date."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import last_code
from tanpuhui.access.models import AuditEntry, Holder, User
from tanpuhui.consent.models import Resident

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

Say = Callable[..., str]
Look = Callable[[Page, str], None]


def test_a_resident_opens_an_account_with_a_code_by_e_mail_and_comes_back(
    page: Page, say: Say, look: Look, mailoutbox: Any
) -> None:
    page.goto("/")
    look(page, "public-home")
    page.get_by_role("link", name=say("Open an account")).click()
    look(page, "sign-up")
    page.get_by_role("textbox").fill("Ming@Example.org")
    page.get_by_role("button", name=say("Send me a code")).click()
    look(page, "sign-up-code")
    page.get_by_role("textbox").fill(last_code())
    page.get_by_role("button", name=say("Confirm")).click()
    look(page, "open-account")
    page.get_by_label(say("Date of birth"), exact=True).fill("1990-05-17")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name=say("Open the account")).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(say("What you avoided"))
    look(page, "resident-home")
    user = User.objects.get(email="ming@example.org")
    assert Holder.objects.get(user=user).account == Resident.objects.get().pk
    assert AuditEntry.objects.get(who=user).verb == "open_account"

    page.goto("/sign-in/settings/")
    look(page, "sign-in-settings")
    page.get_by_role("main").get_by_role("button", name=say("Sign out")).click()
    page.get_by_role("link", name=say("Sign in")).first.click()
    look(page, "sign-in")
    page.get_by_role("textbox").fill("ming@example.org")
    page.get_by_role("button", name=say("Send me a code")).click()
    page.get_by_role("textbox").fill(last_code())
    page.get_by_role("button", name=say("Confirm")).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(say("What you avoided"))
    assert Holder.objects.count() == 1


def test_a_wrong_code_and_a_child_without_a_guardian_are_told_so_and_keep_what_was_typed(
    page: Page, say: Say, look: Look, mailoutbox: Any
) -> None:
    page.goto("/sign-in/new/")
    page.get_by_role("textbox").fill("child@example.org")
    page.get_by_role("button", name=say("Send me a code")).click()
    page.get_by_role("textbox").fill("WRONGCODE")
    page.get_by_role("button", name=say("Confirm")).click()
    expect(page.get_by_role("alert").first).to_contain_text(
        say("This code is not right. Look at the latest e-mail.")
    )
    look(page, "wrong-code")
    page.get_by_role("textbox").fill(last_code())
    page.get_by_role("button", name=say("Confirm")).click()
    page.get_by_label(say("Date of birth"), exact=True).fill("2020-05-17")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name=say("Open the account")).click()

    expect(page.get_by_role("alert").first).to_contain_text(
        say("Somebody under 14 needs a guardian's code: ask them for it, then come back.")
    )
    expect(page.get_by_label(say("Date of birth"), exact=True)).to_have_value("2020-05-17")
    look(page, "child-without-guardian")
    assert Holder.objects.count() == 0


def test_without_a_script_everything_works_too(browser: Any, live_server: Any, mailoutbox: Any) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto("/sign-in/new/")
    page.get_by_role("textbox").fill("plain@example.org")
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_role("textbox").fill(last_code())
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Date of birth", exact=True).fill("1990-05-17")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Open the account").click()
    page.get_by_role("button", name="中文").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("我的减排")
    assert User.objects.get(email="plain@example.org").language == "zh-hans"
    context.close()
