"""A verifier's pages from the list of engagements to the signed statement, as people see them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.cache import caches
from playwright.sync_api import Page, expect

from browser.signed_in import sign_in
from tanpuhui.access.models import Organisation
from tanpuhui.methodology.load import load_library
from tanpuhui.verification.keys import register_key
from tanpuhui.verification.models import Engagement, Statement
from verification.desk import METHODOLOGY, Desk
from web.site import make_site
from web.town import DAY, closed_town

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

Say = Callable[..., str]
Look = Callable[[Page, str], None]


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANPUHUI_BUCKETS", "1")
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    caches["default"].clear()


def test_a_verifier_examines_an_act_raises_a_finding_and_signs(
    page: Page, say: Say, look: Look, fresh_home: Path
) -> None:
    people = make_site()
    engagement, desk = drawn_engagement(fresh_home)
    home = f"/verifier/own-verifier/engagements/{engagement.pk}"
    page.goto("/about/")
    sign_in(page, people["verifier"])
    page.goto("/verifier/own-verifier/engagements/")
    look(page, "verifications")
    page.goto(f"{home}/declaration/?conflicts=-")
    look(page, "verification-declaration")
    page.goto(f"{home}/plan/")
    look(page, "verification-plan")
    page.goto(f"{home}/sample/")
    look(page, "verification-sample")
    page.get_by_role("rowheader").first.get_by_role("link").click()
    page.get_by_role("button", name=say("Keep")).click()
    look(page, "verification-act")
    page.get_by_label(say("agrees with the evidence")).check()
    page.get_by_label(say("Evidence"), exact=True).fill("photo 7")
    page.get_by_role("button", name=say("Keep")).click()
    expect(page.get_by_text(say("%(left)s acts are left to examine.", left=11))).to_be_visible()
    page.goto(f"{home}/findings/")
    page.get_by_label(say("Severity")).select_option("observation")
    page.get_by_label(say("What is wrong")).fill("Two meters stand still.")
    page.get_by_label(say("Corrective action asked for")).fill("Read them again.")
    page.get_by_role("button", name=say("Raise it")).click()
    look(page, "verification-findings")
    desk.examine(engagement)
    page.goto(f"{home}/conclusion/")
    look(page, "verification-conclusion")
    page.goto(f"{home}/")
    look(page, "verification-engagement")

    desk.conclude(engagement)
    page.goto(f"{home}/conclusion/")

    look(page, "verification-statement")
    assert Statement.objects.get().conclusion == "accept"


def drawn_engagement(folder: Path) -> tuple[Engagement, Desk]:
    """An engagement of the site's own verifier, whose sample is drawn."""
    closed = closed_town(folder, load_library())
    verifier = Organisation.objects.get(code="own-verifier")
    private = Ed25519PrivateKey.generate()
    desk = Desk(closed.town, verifier, private, closed.accounts)
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    register_key(verifier, raw, at=desk.now())
    return desk.drawn("95/5", methodology=METHODOLOGY, through=DAY), desk
