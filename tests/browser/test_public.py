"""A citizen: from the first page to a lot by its serial number, to its methodology, to an act of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.cache import caches
from playwright.sync_api import Page, expect

from tanpuhui.methodology.load import load_library
from web.town import Closed, closed_town

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

Say = Callable[..., str]
Look = Callable[[Page, str], None]


@pytest.fixture()
def closed(transactional_db: None, fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Closed:
    monkeypatch.setenv("TANPUHUI_BUCKETS", "1")
    caches["worker"].clear()
    return closed_town(fresh_home, load_library())


def test_a_citizen_finds_a_lot_by_serial_and_reads_its_methodology(
    closed: Closed, page: Page, say: Say, look: Look
) -> None:
    page.goto("/")
    look(page, "public-home")
    page.get_by_label(say("Serial number or code of a lot")).fill("99")
    page.get_by_role("button", name=say("Look up")).click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page, "look-up-refused")
    page.get_by_label(say("Serial number or code of a lot")).fill("3")
    page.get_by_role("button", name=say("Look up")).click()

    expect(page.locator("p.lead code")).to_have_text("DEMO-SHANGHAI.ROOFTOP-PV.1-2026-000000003-000000003")
    look(page, "tonne")
    page.get_by_role("main").get_by_role("link", name="DEMO-000001").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("DEMO-000001")
    look(page, "lot")
    page.get_by_role("main").get_by_role("link", name="v1").click()
    expect(page).to_have_url("/methodologies/shanghai/rooftop-pv/v1/", timeout=10_000)
    expect(page.locator("img.formula").first).to_be_visible()
    look(page, "methodology")
    page.locator("#id_energy_wh").fill("1000000")
    page.get_by_role("button", name=say("Work it out")).click()

    expect(page.get_by_role("status").filter(has_text="420")).to_be_visible()
    look(page, "calculator")


@pytest.mark.parametrize(
    "name",
    [
        "statistics",
        "methodologies",
        "lots",
        "open-data",
        "rules",
        "rules/demo",
        "glossary",
        "about",
        "privacy",
    ],
)
def test_public_pages_are_accessible_and_fit(closed: Closed, page: Page, look: Look, name: str) -> None:
    page.goto(f"/{name}/")

    look(page, f"public-{name.replace('/', '-')}")


def test_pictures_are_drawn(closed: Closed, page: Page, say: Say, look: Look) -> None:
    page.goto("/statistics/")

    picture = page.get_by_role(
        "img", name=say("Bars of credited reductions by kind of act; the table below has the same numbers.")
    )
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("one => one.naturalWidth") > 100
    page.goto("/accessibility/")
    look(page, "accessibility")


def test_the_first_page_is_small(closed: Closed, page: Page) -> None:
    sizes: list[int] = []
    page.on("response", lambda answer: sizes.append(len(answer.body())))

    page.goto("/", wait_until="networkidle")

    assert 0 < sum(sizes) < 100_000
