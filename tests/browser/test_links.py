"""Linked accounts in a real browser: what a resident is asked, the way out of the platform, and the end of a link."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from browser.signed_in import sign_in
from tanpuhui.access.hold import account_of
from tanpuhui.access.models import User
from tanpuhui.federation.models import Link, Peer
from tanpuhui.kit.moment import utc_now
from web.site import make_site
from web.test_links import ASKED, peer_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

Say = Callable[..., str]
Look = Callable[[Page, str], None]


def test_a_resident_agrees_and_ends_it(page: Page, say: Say, look: Look) -> None:
    resident = make_site()["resident"]
    assert isinstance(resident, User)
    account = account_of(resident)
    assert account is not None
    peer_of(Peer.DISTRICT)
    city = peer_of(Peer.CITY)
    page.goto("/")
    sign_in(page, resident)

    page.goto(f"/resident/link/authorize/?{urlencode(ASKED)}")
    look(page, "link-authorize")
    page.get_by_role("button", name=say("I agree")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(say("Back to the other platform"))
    look(page, "link-way")
    Link.objects.create(peer=city, account=account, pseudonym="p" * 43, at=utc_now())
    page.goto("/resident/link/")
    look(page, "links")
    page.get_by_role("button", name=say("End this link")).click()

    expect(page.get_by_role("main")).to_contain_text(say("ended"))
