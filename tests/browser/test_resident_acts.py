"""A resident's main job: home, activities, one act with its trace, an appeal; phone and desk, Chinese and English."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import BrowserContext, Page, expect

from close.town import DAY, TAKEN_AT, Town, act, metro, ride
from tanpuhui.access.hold import hold
from tanpuhui.access.models import ApiToken, User
from tanpuhui.integrity.answer import answer
from tanpuhui.integrity.look import appeals_of
from tanpuhui.kit.moment import utc_now
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.web.resident.models import Visit
from web.site import client_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

Say = Callable[..., str]
Look = Callable[[Page, str], None]
library = cache(load_library)
#: How wide an image is, once it is there.
WIDTH = "image => image.decode().then(() => image.naturalWidth)"


@pytest.fixture()
def town(db: None, fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.setenv("TANPUHUI_BUCKETS", "2")
    yield Town(fresh_home, library(), load_jurisdiction("demo"), buckets=2)


@pytest.fixture()
def ming(town: Town) -> User:
    """A resident with two weeks of trips, rides beyond the limit, and one trip that was lost to another."""
    account = town.settle("a")["a"]
    days = [DAY - timedelta(days=number) for number in range(1, 13)]
    town.take(
        *(metro(f"m{day}", "a", 7_300, day=day) for day in days),
        *(ride(hour, 25_000) for hour in (9, 11, 13)),
        metro("m1", "a", 10_000, hour=13),
        act("second_hand_sale", "s1", "a", hour=19, pieces=1, product=1),
    )
    for day in (*days, DAY):
        town.close(day)
    user = User.objects.create_user("ming@example.org")
    hold(user, account, at=TAKEN_AT)
    return user


def sign_in(context: BrowserContext, user: User, address: str) -> None:
    """Give the browser a session of this user."""
    client = client_of(user)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])


def test_from_home_to_an_appeal_and_its_answer(
    page: Page, live_server: Any, ming: User, say: Say, look: Look
) -> None:
    sign_in(page.context, ming, live_server.url)
    Visit.objects.create(user=ming, seen_at=TAKEN_AT - timedelta(days=1))

    page.goto("/resident/")
    expect(page.get_by_role("heading", level=1)).to_have_text(say("What you avoided"))
    expect(page.locator(".news li")).to_have_count(1)
    page.get_by_text(say("The figures as a table")).click()
    expect(page.get_by_role("table")).to_be_visible()
    drawn = page.locator(".chart img")
    drawn.scroll_into_view_if_needed()
    assert drawn.evaluate(WIDTH) > 100
    look(page, "resident-home-filled")

    page.get_by_role("link", name=say("See every act")).click()
    expect(page.locator("section.day")).to_have_count(10)
    look(page, "resident-activities")
    page.get_by_role("link", name=say("Earlier days")).click()
    expect(page.locator("section.day")).to_have_count(13)
    assert page.url.endswith("/resident/acts/"), "htmx put the days in below"

    page.get_by_label(say("How it ended")).select_option("overlapping")
    page.get_by_role("button", name=say("Show"), exact=True).click()
    expect(page.locator("section.day")).to_have_count(1)
    page.locator("section.day a").click()
    expect(page.locator(".badge.bad").first).to_be_visible()
    look(page, "resident-act-lost")
    page.get_by_role("link", name=say("Appeal"), exact=True).click()
    page.get_by_role("button", name=say("File the appeal")).click()
    expect(page.get_by_role("alert").first).to_be_visible()
    page.get_by_role("textbox").fill("我两次都坐了。")
    look(page, "resident-appeal")
    page.get_by_role("button", name=say("File the appeal")).click()
    expect(page.get_by_role("status")).to_contain_text(
        say("Your appeal is filed. The answer comes to this page.")
    )
    expect(page.get_by_text(say("waits for an answer"))).to_be_visible()

    (waiting,) = appeals_of(ming.holder.account)
    assert waiting.words == "我两次都坐了。"
    answer(waiting.id, uphold=True, reason="记录已更正。", by=ming, at=utc_now())
    page.reload()
    expect(page.get_by_text("记录已更正。")).to_be_visible()
    look(page, "resident-appeal-answered")


def test_a_trace_shows_its_formulas_and_fits_the_screen(
    page: Page, live_server: Any, ming: User, say: Say, look: Look
) -> None:
    sign_in(page.context, ming, live_server.url)

    page.goto("/resident/acts/?outcome=capped")
    page.locator("section.day a").click()

    expect(page.get_by_role("heading", name=say("How it was worked out"))).to_be_visible()
    formula = page.locator("img.formula")
    expect(formula).to_have_count(1)
    assert "×" in (formula.get_attribute("alt") or "")
    formula.scroll_into_view_if_needed()
    assert formula.evaluate(WIDTH) > 50
    expect(page.get_by_text("= 25000 m × 48.7 gCO2e/(person*km)")).to_be_visible()
    look(page, "resident-act-capped")


def test_a_token_is_made_shown_once_and_revoked(
    page: Page, live_server: Any, ming: User, say: Say, look: Look
) -> None:
    sign_in(page.context, ming, live_server.url)

    page.goto("/resident/tokens/")
    look(page, "resident-tokens-empty")
    page.get_by_label(say("What is it for?")).fill("小程序")
    page.get_by_label(say("see acts and how they were worked out")).check()
    page.get_by_role("button", name=say("Make a token")).click()
    assert page.locator("#token").input_value().startswith("tph_")
    look(page, "resident-token-made")
    page.get_by_role("link", name=say("I have copied it")).click()
    look(page, "resident-tokens")
    page.get_by_role("button", name=say("Revoke")).click()

    expect(page.get_by_role("status")).to_contain_text(
        say("The token is revoked: from now on it opens nothing.")
    )
    assert ApiToken.objects.get(user=ming).revoked_at is not None


def test_the_statement_is_downloaded_and_an_empty_account_says_what_will_be_there(
    page: Page, live_server: Any, ming: User, say: Say, look: Look
) -> None:
    sign_in(page.context, ming, live_server.url)
    page.goto("/resident/certificates/")
    look(page, "resident-certificates")

    with page.expect_download() as waited:
        page.locator("a[download]").first.click()

    assert Path(waited.value.path()).read_bytes().startswith(b"%PDF")
    newcomer = User.objects.create_user("new@example.org")
    from tanpuhui.consent.open_account import open_account

    hold(newcomer, open_account(at=TAKEN_AT), at=TAKEN_AT)
    sign_in(page.context, newcomer, live_server.url)
    for address, name in (
        ("", "home"),
        ("acts/", "activities"),
        ("appeals/", "appeals"),
        ("certificates/", "certificates"),
    ):
        page.goto(f"/resident/{address}")
        look(page, f"resident-{name}-empty")


def test_without_a_script_the_earlier_days_come_as_a_page(browser: Any, live_server: Any, ming: User) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False, locale="en-GB")
    sign_in(context, ming, live_server.url)
    page = context.new_page()
    page.goto("/resident/acts/")
    page.get_by_role("link", name="Earlier days").click()

    expect(page.locator("section.day")).to_have_count(3)
    expect(page.get_by_role("heading", level=1)).to_have_text("Activities")
    context.close()


def test_a_first_look_is_below_a_hundred_kilobytes(browser: Any, live_server: Any, ming: User) -> None:
    context = browser.new_context(
        base_url=live_server.url, locale="zh-CN", viewport={"width": 390, "height": 844}
    )
    sign_in(context, ming, live_server.url)
    page = context.new_page()
    sizes: list[int] = []
    page.on("response", lambda response: sizes.append(len(response.body())))
    for address in ("/resident/", "/resident/acts/"):
        sizes.clear()
        page.goto(address, wait_until="load")
        page.wait_for_timeout(300)
        scripts = 55_000
        assert sum(sizes) < 100_000 + scripts, "uncompressed; htmx is 50 kB so, and 17 kB on its way"
    context.close()
