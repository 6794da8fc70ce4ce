"""A company declares, sees its cap, reserves exactly it, is refused the milligram above, surrenders, and proves it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.db import transaction
from playwright.sync_api import Page, expect

from browser.conftest import last_code
from browser.signed_in import sign_in
from offsetting.filings import ask, declared
from registry.test_conflicts import HEAD, row
from registry.units_town import AT
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.surrender import surrender
from tanpuhui.registry.annul import annul
from tanpuhui.registry.conflicts import import_foreign
from tanpuhui.registry.exclusions import import_exclusions
from web.companies import holding, owner_of
from web.site import make_site, own_code

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.usefixtures("fresh_home"),
]

Say = Callable[..., str]
Look = Callable[[Page, str], None]
OWN = "/company/own-company/"


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    caches["default"].clear()


def show_again(page: Page, say: Say) -> None:
    """Whoever uses something for good shows first, by a code, who they are."""
    page.get_by_role("button", name=say("Send me a code")).click()
    page.get_by_role("textbox").fill(last_code())
    page.get_by_role("button", name=say("Confirm")).click()


def test_a_company_surrenders_exactly_its_cap_and_anybody_sees_the_certificate(
    page: Page, say: Say, look: Look, mailoutbox: Any
) -> None:
    people = make_site()
    with transaction.atomic():
        first = holding(60_000)
        holding(90_000)
        holding(500, status="illustrative")
        holding(200, jurisdiction="demo", status="illustrative")
    page.goto("/about/")
    sign_in(page, people["company"])
    page.goto(OWN)
    look(page, "company-holdings")
    page.get_by_role("link", name=say("Offset a year's emissions")).click()
    page.get_by_label(say("Jurisdiction")).select_option("guangdong")
    page.get_by_label(say("Compliance year")).fill("2022")
    page.get_by_label(say("Verified emissions, t CO₂e")).fill("1000000")
    page.get_by_role("button", name=say("Reckon")).click()
    look(page, "company-calculator")
    page.get_by_role("link", name=say("Declare these amounts")).click()
    page.get_by_label(say("Who says so")).fill("2022-0017")
    look(page, "company-declare")
    page.locator("main form button").click()
    expect(page.get_by_text("100,000").first).to_be_visible()
    look(page, "company-year")
    page.get_by_label(say("Tonnes to reserve")).fill("100000.000000001")
    page.get_by_role("button", name=say("Reserve"), exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("guangdong/offset_caps/2021-01-01")
    look(page, "company-refused")
    page.get_by_label(say("Tonnes to reserve")).fill("100000")
    page.get_by_role("button", name=say("Reserve"), exact=True).click()
    look(page, "company-reserved")
    page.get_by_role("link", name=say("Surrender"), exact=True).click()
    show_again(page, say)
    expect(page.get_by_text(say("This cannot be undone."))).to_be_visible()
    look(page, "company-surrender")
    page.get_by_role("button", name=say("Surrender for good")).click()
    expect(page).to_have_url(re.compile("/certificates/C000001-95/$"))
    look(page, "certificate")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="PDF").click()
    assert Path(downloading.value.path()).read_bytes().startswith(b"%PDF-")

    retires(page, say, look)
    with transaction.atomic():
        annul(first, reason="meter turned back", at=AT)
    looks_back(page, look)
    anybody_sees(page, look, first)


def retires(page: Page, say: Say, look: Look) -> None:
    """For an event, of its own will."""
    page.goto(f"{OWN}retire/")
    page.get_by_label(say("Tonnes to retire")).fill("12")
    page.get_by_label(say("Beneficiary")).fill("深圳马拉松 2026")
    page.get_by_label(say("Purpose")).fill("选手往返交通 travel of runners")
    page.get_by_role("checkbox").check()
    look(page, "company-retire")
    page.get_by_role("button", name=say("Retire for good")).click()
    expect(page).to_have_url(re.compile("/certificates/C000002-92/$"))
    look(page, "certificate-voluntary")


def looks_back(page: Page, look: Look) -> None:
    """What it has to replace, its certificates and the history of its units."""
    page.goto(OWN)
    look(page, "company-dues")
    page.goto(f"{OWN}certificates/")
    look(page, "company-certificates")
    page.goto(f"{OWN}history/")
    look(page, "company-history")


def anybody_sees(page: Page, look: Look, lot: str) -> None:
    """Without signing in: the list, the certificate, its lot, and one tonne."""
    page.context.clear_cookies()
    page.goto("/certificates/")
    look(page, "certificates")
    page.get_by_role("link", name="C000001-95").click()
    expect(page.locator(".message.error")).to_be_visible()
    look(page, "certificate-annulled")
    page.get_by_role("link", name=lot).first.click()
    look(page, "lot-used")
    page.locator("table a").first.click()
    expect(page.get_by_text("C000001-95")).to_be_visible()
    look(page, "serial")


def test_the_operator_and_the_public_see_units_filings_rules_and_double_counting(
    page: Page, say: Say, look: Look, tmp_path: Path
) -> None:
    people = make_site()
    with transaction.atomic():
        lot = holding(20, jurisdiction="demo", status="illustrative")
        owner = owner_of(own_code("company"))
        declared(100, company=owner)
        surrender(ask(4 * TONNE_MG, company=owner).pk, key="s", at=AT)
        file = tmp_path / "other.csv"
        file.write_text(HEAD + row(project="demo:shanghai/rooftop-pv@1") + row(), encoding="utf-8")
        import_foreign(file, at=AT)
        register = tmp_path / "register.csv"
        register.write_text(
            "kind,key,market,from,to,clause,source\nscope,energy.offshore_wind,ets,2026-01-01,,art. 3,notice 7\n"
        )
        import_exclusions(register, at=AT)
    page.goto("/about/")
    sign_in(page, people["operator"])
    for place in ("units", "moves", "obligations", "reservations", "certificates", "exclusions", "conflicts"):
        page.goto(f"/console/{place}/")
        look(page, f"console-{place}")
    page.get_by_role("link", name=say("Review"), exact=True).first.click()
    look(page, "console-review")
    page.goto(f"/console/lots/{lot}/")
    look(page, "console-lot-verbs")
    page.get_by_role("link", name=say("Annul this lot")).click()
    look(page, "console-annul")

    page.goto("/rules/guangdong/")
    look(page, "rules-guangdong")
    page.goto("/rules/shanghai/changes/?first=2025-03-31&second=2025-11-01")
    look(page, "rules-changes")
