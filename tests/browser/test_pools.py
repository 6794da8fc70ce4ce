"""A resident sells in a pool, in a browser: from the notice to who used what, the money, and the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from playwright.sync_api import Page, expect

from browser.test_sources import sign_in, without_language
from pooling.pond import AT, DEMO, lot_of, new_pool, opened, owner, people, sold
from registry.units_town import key
from tanpuhui.access.organise import organise
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.cap import YearOf
from tanpuhui.offsetting.declare import declare
from tanpuhui.offsetting.reserve import ReserveOrder, reserve
from tanpuhui.offsetting.surrender import surrender
from tanpuhui.pooling.join import Wish, join
from tanpuhui.pooling.models import Round, Withdrawal
from tanpuhui.pooling.pay_out import pay_out
from tanpuhui.registry.retire import retire
from tanpuhui.registry.units import Part, UnitOrder
from web.residents import resident

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

Say = Callable[..., str]
Look = Callable[[Page, str], None]


def some_years_of_a_pool(account: int) -> Round:
    """A round of three tonnes: one surrendered, one retired for an event, one on sale."""
    with transaction.atomic():
        pool = new_pool()
        (other,) = people(1)
        join(other, pool, Wish(0), at=AT, lang="zh", method="test")
        made = opened(pool, lot_of({account: 1_234_567_890, other: 3 * TONNE_MG}), 3, 6_250, utc_now())
        steel = organise(
            "company", "steel", name_zh="演示钢铁公司", name_en="Demonstration steel works", at=AT
        )
        sale = sold(made, steel, 2, 6_400)
        pay_out(sale.pk, key="p", at=AT)
        declare(owner(steel), DEMO, YearOf(2026, 10 * TONNE_MG), source="report", at=AT)
        reservation = reserve(ReserveOrder(key(), owner(steel), 2026, TONNE_MG), DEMO, at=AT)
        surrender(reservation.pk, key="s", at=AT)
        said = {"beneficiary": "绿色马拉松 Green Marathon", "purpose": "赛事碳中和 carbon-neutral race"}
        retire(UnitOrder(key(), owner(steel), (Part(made.lot, 1),), AT.date(), said), at=AT)
        return made


def test_a_resident_joins_a_pool_sees_who_used_what_takes_the_money_and_leaves(
    page: Page, say: Say, look: Look, live_server: Any
) -> None:
    new_pool()
    client, account, user = resident()
    without_language(user)
    sign_in(page, client, live_server)
    page.goto("/resident/pools/")
    look(page, "pools-none")
    page.locator("a[href='/resident/pools/city_pool/']").click()
    look(page, "pool-notice")

    page.locator("input[name=min_price]").fill("62.50")
    page.get_by_role("button", name=say("Join"), exact=True).click()
    expect(page.get_by_role("alert").first).to_contain_text(
        say("Tick this if you agree; if not, nothing changes.")
    )
    page.locator("input[name=agrees]").check()
    page.get_by_role("button", name=say("Join"), exact=True).click()
    expect(page.locator(".badge.good").first).to_have_text(say("you are in it"))
    look(page, "pool-joined")

    some_years_of_a_pool(account)
    page.goto("/resident/pools/")
    expect(page.locator(".uses").first).to_contain_text("2026")
    look(page, "pools-sold")
    page.locator("a[href='/resident/money/']").click()
    look(page, "money-without-payee")
    page.locator("input[name=token]").fill("a1b2-c3d4-e5f6")
    page.get_by_role("button", name=say("Keep this token")).click()
    page.get_by_role("button", name=say("Have it paid out")).click()
    look(page, "money-on-its-way")
    assert Withdrawal.objects.get().account == account
    page.get_by_role("button", name=say("Cancel")).first.click()
    expect(page.locator("body")).to_contain_text(say("It is cancelled, and the money is yours to use again."))

    page.goto("/resident/pools/city_pool/")
    page.get_by_role("button", name=say("Leave the pool")).click()
    expect(page.get_by_role("button", name=say("Join"), exact=True)).to_be_visible()
    look(page, "pool-left")
