"""The operator's day in a browser: look, close a day, certify with two people, find an account, see who it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from playwright.sync_api import Browser, Page, expect

from access.people import AT
from browser.conftest import LANGUAGES, SCREENS
from close.town import DAY, OPENED_AT, PROVIDER, Town, act, metro
from tanpuhui.access.membership import join
from tanpuhui.access.models import Approval, Membership, Organisation, User
from tanpuhui.access.organise import organise
from tanpuhui.close.models import Manifest
from tanpuhui.consent.open_account import open_account
from tanpuhui.console.work import drain
from tanpuhui.evidence.models import QuarantinedRow
from tanpuhui.kit.files import write_bytes
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.models import Lot
from web.site import client_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

Say = Callable[..., str]
Look = Callable[[Page, str], None]
WHY = "ticket 12"


@pytest.fixture()
def town(transactional_db: None, fresh_home: Path, settings: Any) -> Town:
    """A day of acts that is not closed, a refused row, and a child with a guardian."""
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    caches["worker"].clear()
    town = Town(fresh_home, load_library(), load_jurisdiction("demo"), buckets=1)
    write_bytes(town.places.lake / "layout.json", json.dumps({"buckets": 1}).encode())
    people = town.settle("ab")
    open_account(at=OPENED_AT, birth_on=date(2015, 6, 1), guardian=people["a"])
    town.take(
        act("rooftop_pv_output", "1", "a", day=DAY, energy_wh=5_000_000),
        metro("2", "b", 10_000),
        act("rooftop_pv_output", "3", "b", day=DAY, energy_wh=-1),
    )
    return town


@pytest.fixture()
def operator(town: Town) -> Organisation:
    return organise(Organisation.OPERATOR, "centre", name_zh="市碳普惠中心", name_en="City centre", at=AT)


def signed_in(page: Page, operator: Organisation, name: str, address: str) -> None:
    """Give a browser the session of one of the staff."""
    user = User.objects.create_user(f"{name}@operator.example", is_staff=True)
    join(user, operator, Membership.ADMIN, at=AT)
    client = client_of(user)
    cookie = next(iter(client.cookies.values()))
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": address}])


@pytest.fixture()
def asker(page: Page, operator: Organisation, live_server: Any) -> Page:
    signed_in(page, operator, "an", live_server.url)
    return page


@pytest.fixture()
def decider(
    browser: Browser, device: str, language: str, operator: Organisation, live_server: Any
) -> Iterator[Page]:
    """A colleague's browser."""
    width, height = SCREENS[device]
    context = browser.new_context(
        base_url=live_server.url,
        viewport={"width": width, "height": height},
        locale=LANGUAGES[language][0],
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    signed_in(page, operator, "bo", live_server.url)
    yield page
    context.close()


def agree(decider: Page, say: Say, approval: Approval) -> None:
    decider.goto(f"/console/approvals/{approval.pk}/")
    decider.get_by_role("link", name=say("Agree"), exact=True).click()
    decider.get_by_label(say("Reason")).fill("looked at it")
    decider.get_by_role("button", name=say("Agree"), exact=True).click()


def test_the_operators_day(asker: Page, decider: Page, say: Say, look: Look, town: Town) -> None:
    asker.goto("/console/")
    expect(asker.get_by_role("heading", level=1)).to_have_text(say("Today at a glance"))
    look(asker, "console-today-before")

    close_a_due_day(asker, say, look)
    certify_with_two_people(asker, decider, say, look)
    find_and_freeze_an_account(asker, say, look)
    see_who_somebody_is(asker, decider, say, look)

    for name in (
        "",
        "approvals/",
        "jobs/",
        "audit/",
        "due/",
        "closes/",
        "challenges/",
        "challenges/announce",
    ):
        asker.goto(f"/console/{name}")
        look(asker, f"console-{name.strip('/').replace('/', '-') or 'today'}")


def close_a_due_day(page: Page, say: Say, look: Look) -> None:
    page.get_by_role("link", name=say("Close %(day)s", day=DAY.isoformat())).click()
    look(page, "console-close-day")
    page.get_by_role("button", name=say("Close the day")).click()
    expect(page.get_by_text(say("Look again"))).to_be_visible()
    look(page, "console-job-waiting")
    drain()
    # The page looks again by itself.
    expect(page.get_by_text(say("How records ended"))).to_be_visible()
    look(page, "console-job-done")
    page.goto(f"/console/closes/{Manifest.objects.get().digest}/")
    look(page, "console-manifest")


def certify_with_two_people(page: Page, decider: Page, say: Say, look: Look) -> None:
    page.goto("/console/lots/")
    look(page, "console-lots-empty")
    page.get_by_role("link", name=say("Certify a lot")).click()
    page.get_by_label(say("Methodology")).select_option("shanghai/rooftop-pv@1")
    page.get_by_label(say("Through")).fill(DAY.isoformat())
    page.get_by_label(say("Verifier")).fill("Green Audit Ltd")
    page.get_by_label(say("Reason")).fill(WHY)
    look(page, "console-certify")
    page.get_by_role("button", name=say("Ask a colleague")).click()
    look(page, "console-approval-mine")
    agree(decider, say, Approval.objects.get())
    drain()
    assert Lot.objects.get().tonnes == 2
    page.goto("/console/lots/")
    page.get_by_role("link", name="DEMO-000001").click()
    look(page, "console-lot")


def find_and_freeze_an_account(page: Page, say: Say, look: Look) -> None:
    page.goto("/console/accounts/")
    page.get_by_role("link", name=say("Find by pseudonym")).click()
    page.get_by_label(say("Provider")).select_option(PROVIDER)
    page.get_by_label(say("Pseudonym")).fill("a")
    page.get_by_label(say("Reason")).fill(WHY)
    look(page, "console-find")
    page.get_by_role("button", name=say("Find"), exact=True).click()
    look(page, "console-account")
    page.get_by_role("link", name=say("Freeze"), exact=True).click()
    page.get_by_label(say("Reason")).fill(WHY)
    page.get_by_role("button", name=say("Freeze"), exact=True).click()
    expect(page.get_by_text(say("What was available is frozen."))).to_be_visible()


def see_who_somebody_is(page: Page, decider: Page, say: Say, look: Look) -> None:
    page.goto("/console/accounts/?q=3")
    look(page, "console-accounts")
    page.get_by_role("link", name="3", exact=True).click()
    page.get_by_role("link", name=say("Ask who this is")).click()
    page.get_by_label(say("Reason")).fill(WHY)
    page.get_by_role("button", name=say("Ask a colleague")).click()
    agree(decider, say, Approval.objects.get(verb="account.reveal_identity"))
    page.reload()
    page.get_by_role("link", name=say("See who it is")).click()
    page.get_by_role("button", name=say("Show"), exact=True).click()
    expect(page.get_by_text("2015-06-01")).to_be_visible()
    look(page, "console-identity")


def test_what_is_only_looked_at_is_accessible_too(asker: Page, say: Say, look: Look, town: Town) -> None:
    row = QuarantinedRow.objects.get()
    for name in (
        "providers/",
        f"providers/{PROVIDER}/",
        f"providers/{PROVIDER}/disable",
        "batches/",
        f"batches/{row.batch_id}/",
        "rows/",
        f"rows/{row.pk}/",
        f"rows/{row.pk}/open",
        "scenes/",
        "methodologies/",
        "methodologies/shenzhen/metro/1/",
        "methodologies/shenzhen/metro/1/compare",
        "methodologies/shenzhen/metro/1/effect",
        "grants/",
    ):
        asker.goto(f"/console/{name}")
        look(asker, f"console-{name.strip('/').replace('/', '-')}")
    asker.goto("/console/rows/")
    asker.get_by_text(say("Filters"), exact=True).click()
    look(asker, "console-rows-filters")
    asker.goto(f"/console/rows/{row.pk}/open")
    asker.get_by_role("button", name=say("Show the content")).click()
    asker.get_by_label(say("Reason")).fill(WHY)
    asker.get_by_role("button", name=say("Show the content")).click()
    look(asker, "console-row-content")
