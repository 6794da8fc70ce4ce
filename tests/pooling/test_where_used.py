"""Where used: a resident sees which company used what; no company, and nothing for companies, ever sees an account."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from pooling.pond import DEMO, LATER, joined, lot_of, new_company, new_pool, opened, owner, people, sold
from registry.units_town import key
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.cap import YearOf
from tanpuhui.offsetting.declare import declare
from tanpuhui.offsetting.reserve import ReserveOrder, reserve
from tanpuhui.offsetting.surrender import surrender
from tanpuhui.pooling.close_round import close_round
from tanpuhui.pooling.join import leave
from tanpuhui.pooling.mine import shares_of
from tanpuhui.pooling.pay_out import pay_out
from tanpuhui.pooling.report import pool_as_json, round_as_json, supply_of
from tanpuhui.pooling.where_used import uses_of
from tanpuhui.registry.annul import annul
from tanpuhui.registry.cadtrust import export
from tanpuhui.registry.history import history_of
from tanpuhui.registry.lookup import find
from tanpuhui.registry.retire import retire
from tanpuhui.registry.transfer import transfer_units
from tanpuhui.registry.units import Part, UnitOrder

pytestmark = pytest.mark.django_db
#: A number of accounts that no tonne, price or serial here has: residents are found by it.
FIRST_ACCOUNT = 777_000_001


def four_sold() -> tuple[Any, list[int], Any, Any]:
    """A round of 6 t of two residents, of which a company bought 4 t; numbers of accounts are telling."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('consent_resident', 'id'), %s, false)", [FIRST_ACCOUNT]
        )
    pool = new_pool()
    accounts = [joined(pool, account) for account in people(2)]
    lot = lot_of(dict.fromkeys(accounts, 3 * TONNE_MG))
    made = opened(pool, lot, 6)
    acme = new_company()
    return made, accounts, acme, sold(made, acme, 4)


def test_a_resident_sees_who_bought_at_which_price_and_what_each_tonne_was_used_for() -> None:
    made, (a, b), acme, sale = four_sold()
    bolt = new_company()
    pay_out(sale.pk, key="p", at=LATER)
    on = date(2026, 11, 24)

    def units(holder: Any, tonnes: int, **said: str) -> UnitOrder:
        return UnitOrder(key(), owner(holder), (Part(made.lot, tonnes),), on, said)

    retire(units(acme, 1, beneficiary="Green Fair", purpose="event"), at=LATER)
    transfer_units(units(acme, 1), to=owner(bolt), at=LATER)
    declare(owner(acme), DEMO, YearOf(2026, 10 * TONNE_MG), source="report", at=LATER)
    reservation = reserve(ReserveOrder(key(), owner(acme), 2026, TONNE_MG), DEMO, at=LATER)
    reserved = shares_of(a)[0].sold[0].uses
    assert [(use.first, use.state, use.company.code if use.company else "") for use in reserved] == [
        (1, "retired", acme.code),
        (2, "held", bolt.code),
        (3, "locked", acme.code),
        (4, "held", acme.code),
    ]
    surrender(reservation.pk, key="s", at=LATER)

    (share,) = shares_of(a)

    (found,) = share.sold
    assert (found.buyer, found.tonnes, found.price_minor, found.amount_mg) == (acme, 4, 6_000, 2 * TONNE_MG)
    assert (found.amount_minor, found.money_minor, found.points, found.paid_at) == (12_000, 12_000, 0, LATER)
    assert (share.amount_mg, share.sold_mg, share.on_sale_mg, share.back_mg) == (
        3 * TONNE_MG,
        2 * TONNE_MG,
        TONNE_MG,
        0,
    )
    assert [(use.first, use.last) for use in found.uses] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    given_up, resold, surrendered, kept = found.uses
    assert given_up.is_retired
    assert dict(given_up.said) == {"beneficiary": "Green Fair", "purpose": "event"}
    assert resold.company == bolt
    assert surrendered.is_surrendered
    assert (surrendered.said["year"], surrendered.said["jurisdiction"]) == ("2026", "demo")
    assert (kept.state, kept.company) == ("held", acme)
    assert json.dumps(share.as_json())
    assert shares_of(b)[0].sold_mg == 2 * TONNE_MG


def test_a_closed_round_shows_what_came_back_and_an_annulled_lot_that_nothing_did() -> None:
    made, (a, b), _, _ = four_sold()
    close_round(made.pk, at=LATER)
    assert [(one.sold_mg, one.on_sale_mg, one.back_mg) for one in shares_of(a)] == [
        (2 * TONNE_MG, 0, TONNE_MG)
    ]

    second = opened(made.pool, made.lot, 2)
    annul(made.lot, reason="wrong", at=LATER)
    close_round(second.pk, at=LATER)

    newest, before = shares_of(b)
    assert (newest.is_annulled, newest.back_mg) == (True, 0)
    assert before.sold[0].uses[0].is_cancelled


def test_somebody_who_lent_nothing_sees_nothing() -> None:
    made, _, _, _ = four_sold()
    (other,) = people(1)

    assert shares_of(other) == []
    assert shares_of(other, pool=made.pool_id) == []


def test_nothing_that_a_company_the_pool_or_the_public_sees_has_an_account_in_it() -> None:
    made, accounts, _, sale = four_sold()
    pay_out(sale.pk, key="p", at=LATER)
    leave(accounts[0], made.pool, at=LATER, method="test")

    seen = [
        pool_as_json(made.pool),
        supply_of(made.pool, at=LATER),
        round_as_json(made),
        [use.as_json() for use in uses_of([sale])[sale.pk]],
        history_of(find(made.lot)).as_json(),
        history_of(find("1")).as_json(),
        export(1, site="https://carbon.example"),
        export(2, site="https://carbon.example"),
    ]

    text = json.dumps(seen, default=str)
    assert "city_pool" in text
    assert [account for account in accounts if re.search(rf"(?<!\d){account}(?!\d)", text)] == []
    assert min(accounts) == FIRST_ACCOUNT


def test_what_would_be_lent_is_added_up_by_price_for_whoever_opens_a_round() -> None:
    pool = new_pool()
    low, high, outside = people(3)
    joined(pool, low, 5_000)
    joined(pool, high, 6_000, (2026,))
    lot = lot_of({low: 400, high: 100, outside: 7})
    other = lot_of({high: 9, low: 1}, vintage=2025)

    said = supply_of(pool, at=datetime(2026, 11, 25, tzinfo=UTC))

    assert said["residents"] == 2
    steps = {
        one["lot"]: [(step["price"], step["residents"], step["available_mg"]) for step in one["steps"]]
        for one in said["lots"]
    }
    assert steps == {lot: [("50.00", 1, 400), ("60.00", 2, 500)], other: [("50.00", 1, 1)]}
