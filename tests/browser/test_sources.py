"""A resident's decisions in a browser: a source from notice to receipt and back, a copy, a goal, a group; a counter."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from access.people import AT
from community.credits import KG, credit
from tanpuhui.access.membership import join
from tanpuhui.access.models import Membership, Organisation, User
from tanpuhui.access.organise import organise
from tanpuhui.community import group
from tanpuhui.community.challenge import Terms, announce
from tanpuhui.consent.models import Grant
from tanpuhui.consent.receipt import verify_receipt
from tanpuhui.consent.show import standings
from tanpuhui.kit.moment import utc_now
from web.residents import providers, resident
from web.site import client_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

Say = Callable[..., str]
Look = Callable[[Page, str], None]


@pytest.fixture()
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False


def sign_in(page: Page, client: Client, live_server: Any) -> None:
    """Carry the session of a test's client into the browser."""
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_server.url}])


def without_language(user: User) -> None:
    """The browser's language decides, not the user's."""
    User.objects.filter(pk=user.pk).update(language="")


def test_a_source_is_allowed_from_notice_to_receipt_and_withdrawn(
    page: Page, say: Say, look: Look, live_server: Any
) -> None:
    providers()
    client, account, user = resident()
    without_language(user)
    sign_in(page, client, live_server)
    page.goto("/resident/sources/")
    look(page, "sources-none")
    page.locator("a[href='/resident/sources/payments/']").click()
    look(page, "source-notice")

    page.get_by_role("button", name=say("Allow"), exact=True).click()
    expect(page.get_by_role("alert").first).to_contain_text(say("Tick at least one kind of act."))
    look(page, "source-nothing-ticked")
    page.locator("input[name=kinds][value=e_invoice]").check()
    page.locator("input[name=agrees]").check()
    page.get_by_role("button", name=say("Allow"), exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(say("Receipt of your decision"))
    look(page, "receipt")
    with page.expect_download() as download:
        page.get_by_role("link", name=say("Download, signed, for programs")).click()
    receipt = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    grant = Grant.objects.get()
    assert verify_receipt(receipt["token"])["header"]["record_id"] == f"grant:{grant.pk}"
    page.get_by_role("link", name=say("Back")).click()
    look(page, "source-allowed")
    page.get_by_role("button", name=say("Withdraw")).click()

    expect(page.get_by_role("status")).to_be_visible()
    look(page, "source-withdrawn")
    assert [one.state.value for one in standings(account, at=utc_now())] == ["Withdrawn"]


def test_an_identifier_is_linked_after_a_second_look(
    page: Page, say: Say, look: Look, live_server: Any
) -> None:
    providers()
    client, _, user = resident()
    without_language(user)
    sign_in(page, client, live_server)
    page.goto("/resident/sources/szt/identifier/")
    look(page, "identifier")
    page.get_by_role("textbox").fill("CARD-0001")
    page.get_by_role("button", name=say("Go on")).click()
    look(page, "identifier-second-look")
    page.get_by_role("button", name=say("Yes, this is mine: link it")).click()

    expect(page).to_have_url(f"{live_server.url}/resident/sources/szt/")


def test_a_copy_of_everything_is_taken_and_a_request_is_made(
    page: Page, say: Say, look: Look, live_server: Any
) -> None:
    client, account, user = resident()
    without_language(user)
    credit(account, 1_234_567_890)
    sign_in(page, client, live_server)
    page.goto("/resident/privacy/")
    look(page, "privacy-empty")
    with page.expect_download() as download:
        page.get_by_role("button", name=say("For programs (zip)")).click()
    with zipfile.ZipFile(BytesIO(Path(download.value.path()).read_bytes())) as found:
        assert json.loads(found.read("record.json"))["statement"]["pending_mg"] == 1_234_567_890
    page.get_by_role("link", name=say("To read")).click()
    look(page, "record")
    page.goto("/resident/privacy/ask/correction/")
    look(page, "request-new")
    page.get_by_role("textbox").fill("我的出生日期有误。 My date of birth is wrong.")
    page.get_by_role("button", name=say("Send")).click()
    look(page, "request")
    page.goto("/resident/privacy/")
    look(page, "privacy")
    page.goto("/resident/privacy/close/")
    look(page, "close")


def test_a_goal_is_set_a_group_founded_a_challenge_joined_and_the_board_agreed_to(
    page: Page, say: Say, look: Look, live_server: Any
) -> None:
    today = timezone.localdate()
    announce(Terms("now", "绿色出行月", "Green trips", "一起", "Together", today, today, 100 * KG), at=AT)
    client, account, user = resident()
    without_language(user)
    credit(account, 7_123_456, day=today)
    sign_in(page, client, live_server)
    page.goto("/resident/together/")
    look(page, "together-empty")
    page.get_by_role("link", name=say("Set a goal")).click()
    look(page, "goal")
    page.get_by_role("spinbutton").fill("10")
    page.get_by_role("button", name=say("Set the goal")).click()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "71")
    page.get_by_role("link", name=say("Found a group")).click()
    page.locator("input[name=kind][value=neighbourhood]").check()
    page.locator("input[name=name]").fill("福田小区 Futian")
    look(page, "group-new")
    page.get_by_role("button", name=say("Found the group")).click()
    look(page, "group-of-one")
    (founded,) = group.groups_of(account)
    _, code = group.group_of(account, founded.pk)
    for other in (8_001, 8_002):
        group.join(other, code, at=utc_now())
    page.reload()
    look(page, "group")
    page.goto("/resident/together/challenges/now/")
    page.get_by_role("button", name=say("Take part")).click()
    look(page, "challenge")
    page.goto("/resident/together/board/")
    page.locator("summary").click()
    look(page, "board-notice")
    page.locator("input[name=nickname]").fill("骑行者 7")
    page.locator("input[name=agrees]").check()
    page.get_by_role("button", name=say("Join the board")).click()
    expect(page.get_by_role("table")).to_contain_text("71 %")
    look(page, "board")
    page.goto("/resident/together/")
    page.locator("summary").click()
    look(page, "together")


def test_a_clerk_opens_an_account_and_records_a_signed_paper(
    page: Page, say: Say, look: Look, live_server: Any, without_second_factor: None
) -> None:
    providers()
    centre = organise(Organisation.OPERATOR, "centre", name_zh="市碳普惠中心", name_en="City centre", at=AT)
    clerk = User.objects.create_user("clerk@example.org")
    join(clerk, centre, Membership.COUNTER, at=AT)
    sign_in(page, client_of(clerk), live_server)
    page.goto("/home/")
    look(page, "counter")
    page.get_by_role("main").get_by_role("link", name=say("Open an account")).click()
    page.locator("input[name=number]").fill("11010119500517001X")
    page.locator("input[name=birth_on]").fill("1950-05-17")
    page.locator("input[name=agrees]").check()
    look(page, "counter-open")
    page.get_by_role("button", name=say("Open the account")).click()
    look(page, "counter-visit")
    page.locator("a[href$='/sources/szt/']").click()
    look(page, "counter-source")
    page.get_by_role("link", name=say("The notice with boxes and a line to sign")).click()
    look(page, "counter-paper")
    page.go_back()
    page.locator("input[name=agrees]").check()
    page.locator("input[name=paper]").set_input_files(
        {"name": "paper.jpg", "mimeType": "image/jpeg", "buffer": b"a scan"}
    )
    page.get_by_role("button", name=say("Record"), exact=True).click()
    expect(page.get_by_role("status")).to_be_visible()
    assert Grant.objects.get().events.get().method == "counter"
    page.get_by_role("button", name=say("End the visit")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(say("Who is at the counter?"))


def test_the_letter_page_is_for_those_who_are_not_signed_in(page: Page, look: Look) -> None:
    page.goto("/sign-in/letter/")

    look(page, "letter")
    expect(page.locator("input[name=code]")).to_be_visible()


def test_a_source_is_allowed_and_withdrawn_without_a_script(browser: Any, live_server: Any) -> None:
    providers()
    client, account, _ = resident()
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    sign_in(page, client, live_server)
    page.goto("/resident/sources/szt/")
    page.get_by_label("I have read the notice").check()
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("link", name="Back").click()
    page.get_by_role("button", name="Withdraw").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Demonstration metro")
    assert [one.state.value for one in standings(account, at=utc_now())] == ["Withdrawn"]
    context.close()
