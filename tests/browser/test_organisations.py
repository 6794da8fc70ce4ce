"""A company brings a colleague in; a resident lets a bank see a statement; a verifier computes again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from playwright.sync_api import Page, expect

from browser.conftest import last_code
from browser.signed_in import sign_in
from tanpuhui.access.membership import join
from tanpuhui.access.models import Membership, Organisation
from tanpuhui.access.organise import organise
from tanpuhui.kit.moment import utc_now
from tanpuhui.methodology.load import load_library
from web.site import make_site
from web.town import closed_town

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

Say = Callable[..., str]
Look = Callable[[Page, str], None]


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    caches["default"].clear()


def test_an_administrator_of_a_company_invites_a_member_who_signs_up_by_the_link(
    page: Page, say: Say, look: Look, mailoutbox: Any
) -> None:
    people = make_site()
    page.goto("/about/")
    sign_in(page, people["company"])
    page.goto("/company/own-company/")
    look(page, "company-home")
    page.get_by_role("link", name=say("Members")).click()
    look(page, "members")
    page.get_by_role("link", name=say("Invite somebody")).click()
    page.get_by_label(say("E-mail address")).fill("company@example.org")
    page.get_by_role("button", name=say("Send the invitation")).click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page, "invite-refused")
    page.get_by_label(say("E-mail address")).fill("guest@example.org")
    page.get_by_role("button", name=say("Send the invitation")).click()
    expect(page.get_by_text("guest@example.org", exact=True).first).to_be_visible()
    look(page, "members-invited")
    [link] = re.findall(r"http://\S+/invitations/\S+", str(mailoutbox[-1].body))

    page.context.clear_cookies()
    page.goto(link)
    page.get_by_role("textbox").fill("guest@example.org")
    page.get_by_role("link", name=say("Open an account")).click()
    page.get_by_role("textbox").fill("guest@example.org")
    page.get_by_role("button", name=say("Send me a code")).click()
    page.get_by_role("textbox").fill(last_code())
    page.get_by_role("button", name=say("Confirm")).click()
    expect(page.get_by_role("button", name=say("Accept"))).to_be_visible()
    look(page, "invitation")
    page.get_by_role("button", name=say("Accept")).click()

    expect(page).to_have_url(re.compile("/company/own-company/$"))
    assert Membership.objects.get(user__email="guest@example.org").role == "member"


def test_a_bank_fetches_a_statement_that_a_resident_consented_to(
    page: Page, say: Say, look: Look, fresh_home: Path
) -> None:
    people = make_site()
    bank = organise(Organisation.BANK, "bank", name_zh="演示银行", name_en="Demonstration bank", at=utc_now())
    join(people["bank"], bank, Membership.MEMBER, at=utc_now())  # type: ignore[arg-type]
    page.goto("/about/")
    sign_in(page, people["resident"])
    page.goto("/resident/statements/")
    look(page, "statements-empty")
    page.get_by_role("main").locator("a.card").click()
    look(page, "bank-consent")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name=say("Allow"), exact=True).click()
    page.goto("/resident/statements/")
    page.get_by_role("button", name=say("Make a code")).click()
    code = page.locator(".message code").inner_text()
    look(page, "statements-code")

    sign_in(page, people["bank"])
    page.goto("/bank/bank/")
    page.get_by_label(say("Reference code")).fill("00000-00000")
    page.get_by_role("button", name=say("Fetch the statement")).click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page, "bank-refused")
    page.get_by_label(say("Reference code")).fill(code)
    page.get_by_role("button", name=say("Fetch the statement")).click()
    expect(page.get_by_text(say("Certified, held"))).to_be_visible()
    look(page, "bank-statement")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="PDF").click()
    assert Path(downloading.value.path()).read_bytes().startswith(b"%PDF-")

    sign_in(page, people["resident"])
    page.goto("/resident/statements/")
    expect(page.get_by_text("PDF")).to_be_visible()
    look(page, "statements-looks")
    page.get_by_role("link", name=say("Withdraw or pause")).click()
    page.get_by_role("button", name=say("Withdraw"), exact=True).click()
    sign_in(page, people["bank"])
    page.goto("/bank/bank/")
    page.get_by_role("main").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(say("This is not possible"))
    look(page, "bank-withdrawn")


def test_a_verifier_computes_a_close_again(
    page: Page, say: Say, look: Look, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANPUHUI_BUCKETS", "1")
    closed_town(fresh_home, load_library())
    people = make_site()
    page.goto("/about/")
    sign_in(page, people["verifier"])
    page.goto("/verifier/own-verifier/")
    look(page, "verifier-home")
    page.get_by_role("link", name="DEMO-000001").click()
    look(page, "verifier-lot")
    page.get_by_role("main").locator("a.card").first.click()
    look(page, "verifier-manifest")
    page.get_by_role("button", name=say("Compute it again now")).click()

    expect(page.locator(".message.success")).to_be_visible(timeout=30_000)
    look(page, "verifier-agrees")


def test_a_shop_sees_todays_numbers(page: Page, look: Look) -> None:
    people = make_site()
    page.goto("/about/")
    sign_in(page, people["merchant"])
    page.goto("/merchant/own-merchant/")

    look(page, "merchant-home")
