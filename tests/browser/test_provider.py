"""A provider: a file with a bad row is checked, sent, looked at, and the row corrected."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browser.signed_in import sign_in
from tanpuhui.evidence.models import Batch
from web.provider_site import HOME, contract_of, csv_of, row
from web.site import make_site, own_code

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

Say = Callable[..., str]
Look = Callable[[Page, str], None]


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False


def test_a_provider_sends_a_file_with_a_bad_row_and_corrects_it(
    page: Page, say: Say, look: Look, fresh_home: Path
) -> None:
    people = make_site()
    contract_of(own_code("provider"))
    file = fresh_home / "monday.csv"
    file.write_bytes(csv_of(row("1"), row("2", distance_m="far", hour=12)))
    page.goto("/about/")
    sign_in(page, people["provider"])
    page.goto(f"{HOME}/")
    look(page, "provider-home-empty")
    page.get_by_role("main").get_by_role("link", name=say("Send a file")).first.click()
    look(page, "provider-send")
    page.get_by_label(say("File")).set_input_files(str(file))
    page.get_by_role("button", name=say("Check without sending")).click()
    expect(page.get_by_role("heading", name=say("Checked, and nothing was kept"))).to_be_visible()
    look(page, "provider-checked")
    assert Batch.objects.count() == 0
    page.get_by_label(say("File")).set_input_files(str(file))
    page.get_by_role("button", name=say("Send"), exact=True).click()
    expect(page.get_by_role("heading", name=say("Refused rows"))).to_be_visible()
    look(page, "provider-batch")
    page.locator("section[aria-labelledby=rows] a").click()
    look(page, "provider-row")
    page.get_by_label("distance_m").fill("5000")
    page.get_by_role("button", name=say("Send the row again")).click()

    expect(page.get_by_text(say("The row was sent again and taken."))).to_be_visible()
    look(page, "provider-corrected")
    assert Batch.objects.latest("id").accepted == 1
    for name, address in (
        ("provider-home", HOME),
        ("quarantine", f"{HOME}/quarantine"),
        ("keys", f"{HOME}/keys"),
    ):
        page.goto(f"{address}/")
        look(page, name)
    page.goto(f"{HOME}/retract/")
    look(page, "retract")
    page.goto(f"{HOME}/batches/")
    look(page, "batches")
    expect(page).to_have_url(re.compile("/batches/$"))
