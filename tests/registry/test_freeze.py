"""Freeze and claw back: what is set aside cannot be used or certified, and what is cancelled is gone for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from django.db import connection, transaction

from close.town import PV_MG_PER_WH, SHANGHAI, Town, act, certified_mg, pending_mg
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.asset import find_asset, lot_code
from tanpuhui.ledger.balance import balances
from tanpuhui.ledger.invariants import check
from tanpuhui.ledger.refusals import KeyReused
from tanpuhui.registry.certify import Order, certify
from tanpuhui.registry.claw_back import ClawBackOrder, claw_back
from tanpuhui.registry.freeze import freeze, frozen_of, unfreeze
from tanpuhui.registry.models import Lot
from tanpuhui.registry.reconcile import reconcile
from tanpuhui.registry.refusals import CannotClawBack, LotUnknown, NotFrozen, NothingToFreeze

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 12, 9, 0, tzinfo=SHANGHAI)
#: Two roofs: 3 MWh and 2 MWh of 0.42 t are 2.1 t, of which two are certified: 1.2 and 0.8.
SHARES = {"a": 1_200_000_000, "b": 800_000_000}


@pytest.fixture()
def people(town: Town) -> dict[str, int]:
    people = town.settle("ab")
    town.take(
        act("rooftop_pv_output", "1", "a", day=DAY, energy_wh=3_000_000),
        act("rooftop_pv_output", "2", "b", day=DAY, energy_wh=2_000_000),
    )
    town.close(DAY)
    return people


def lot_of(town: Town) -> Lot:
    order = Order("shanghai/rooftop-pv", 1, 2026, DAY, "platform operator", "Green Audit Ltd", AT)
    with transaction.atomic():
        return certify(order, places=town.places, jurisdiction=town.jurisdiction, library=town.library)


@pytest.fixture()
def lot(town: Town, people: dict[str, int]) -> Lot:
    return lot_of(town)


def order(account: int, lot: Lot, amount_mg: int, key: str = "claw:1") -> ClawBackOrder:
    return ClawBackOrder(key, account, lot.code, amount_mg, DAY)


def cancelled_mg(account: int) -> int:
    return sum(row.available for row in balances(connection, [account_id(Kind.CANCELLED, account)]))


def held_mg(account: int, kind: Kind) -> int:
    return sum(row.held for row in balances(connection, [account_id(kind, account)]))


def sound() -> bool:
    return not check(connection) and not reconcile(connection)


def test_all_that_is_available_is_set_aside_and_given_back(people: dict[str, int], lot: Lot) -> None:
    account = people["a"]
    before = pending_mg(account)

    freeze(account, key="1", at=AT)

    assert (certified_mg(account), pending_mg(account)) == (0, 0)
    assert held_mg(account, Kind.RESIDENT_CERTIFIED) == SHARES["a"]
    assert certified_mg(people["b"]) == SHARES["b"]
    assert sum(line.amount for line in frozen_of(account)) == SHARES["a"] + before
    assert unfreeze(account, at=AT) == 1
    assert (certified_mg(account), pending_mg(account)) == (SHARES["a"], before)
    assert sound()


def test_freezing_again_adds_what_came_since_and_nothing_to_freeze_is_said(people: dict[str, int]) -> None:
    freeze(people["a"], key="1", at=AT)

    with pytest.raises(NothingToFreeze):
        freeze(people["a"], key="2", at=AT)
    assert len({line.hold_id for line in frozen_of(people["a"])}) == 1
    unfreeze(people["a"], at=AT)
    with pytest.raises(NotFrozen):
        unfreeze(people["a"], at=AT)
    with pytest.raises(NothingToFreeze):
        freeze(people["a"] + 99, key="1", at=AT)


def test_the_same_freeze_again_is_answered_as_before(people: dict[str, int]) -> None:
    number = freeze(people["a"], key="1", at=AT)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_hold WHERE id = %s", [number])
        assert cursor.fetchone() == (1,)
    unfreeze(people["a"], at=AT)

    # A key is good for once: the hold it opened is free, and no second one is opened under it.
    assert freeze(people["a"], key="1", at=AT) == number
    assert frozen_of(people["a"]) == []


def test_what_is_frozen_stays_pending_when_a_lot_is_certified(town: Town, people: dict[str, int]) -> None:
    freeze(people["b"], key="1", at=AT)

    lot = lot_of(town)

    # 1.26 t of the other resident are pending: one whole tonne, all of it theirs.
    assert (lot.tonnes, lot.residents) == (1, 1)
    assert certified_mg(people["a"]) == 1_000_000_000
    assert held_mg(people["b"], Kind.RESIDENT_PENDING) == 2_000_000 * PV_MG_PER_WH
    unfreeze(people["b"], at=AT)
    assert pending_mg(people["b"]) == 840_000_000
    assert lot_of(town).tonnes == 1
    assert sound()


@pytest.mark.parametrize("amount_mg", [1, SHARES["a"] - 1, SHARES["a"]])
def test_certified_reductions_are_clawed_back_to_the_milligram(
    amount_mg: int, people: dict[str, int], lot: Lot
) -> None:
    claw_back(order(people["a"], lot, amount_mg), at=AT)

    assert certified_mg(people["a"]) == SHARES["a"] - amount_mg
    assert cancelled_mg(people["a"]) == amount_mg
    assert sound()


@pytest.mark.parametrize("amount_mg", [-1, 0, SHARES["a"] + 1])
def test_nothing_and_more_than_there_is_are_refused(amount_mg: int, people: dict[str, int], lot: Lot) -> None:
    with pytest.raises(CannotClawBack) as caught:
        claw_back(order(people["a"], lot, amount_mg), at=AT)

    assert caught.value.facts["available_mg"] == SHARES["a"]
    assert certified_mg(people["a"]) == SHARES["a"]


@pytest.mark.parametrize("amount_mg", [1, SHARES["a"] - 1, SHARES["a"]])
def test_what_is_frozen_can_be_clawed_back_and_the_rest_stays_frozen(
    amount_mg: int, people: dict[str, int], lot: Lot
) -> None:
    pending = pending_mg(people["a"])
    freeze(people["a"], key="1", at=AT)

    claw_back(order(people["a"], lot, amount_mg), at=AT)

    assert held_mg(people["a"], Kind.RESIDENT_CERTIFIED) == SHARES["a"] - amount_mg
    assert held_mg(people["a"], Kind.RESIDENT_PENDING) == pending
    assert (certified_mg(people["a"]), pending_mg(people["a"])) == (0, 0)
    assert cancelled_mg(people["a"]) == amount_mg
    assert sound()


def test_what_is_set_aside_for_something_else_is_not_touched(people: dict[str, int], lot: Lot) -> None:
    from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold

    asset = find_asset(connection, lot_code(lot.code))
    assert asset is not None
    source = account_id(Kind.RESIDENT_CERTIFIED, people["a"])
    hold(connection, HoldOrder("sale:1", "sale", (HoldLine(source, asset.id, 500_000_000),)), at=AT)

    with pytest.raises(CannotClawBack) as caught:
        claw_back(order(people["a"], lot, SHARES["a"]), at=AT)

    assert caught.value.facts["available_mg"] == SHARES["a"] - 500_000_000


def test_the_same_order_twice_takes_once_and_another_under_its_key_is_refused(
    people: dict[str, int], lot: Lot
) -> None:
    first = claw_back(order(people["a"], lot, SHARES["a"]), at=AT)

    assert claw_back(order(people["a"], lot, SHARES["a"]), at=AT) == first
    assert cancelled_mg(people["a"]) == SHARES["a"]
    with pytest.raises(KeyReused):
        claw_back(order(people["a"], lot, 1), at=AT)


def test_a_lot_that_is_not_there_is_said_so(people: dict[str, int], lot: Lot) -> None:
    with pytest.raises(LotUnknown):
        claw_back(replace(order(people["a"], lot, 1), lot="DEMO-000009"), at=AT)
