"""Trades: delivery versus payment; a trade without money waits, and a bank's statement or the clock ends it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import transaction

from ledger.bookings import in_parallel
from market.exchange import (
    AT,
    DAY,
    HOUR,
    PLACE,
    findings,
    has,
    listed,
    member,
    new_key,
    paid,
    refusal_of,
    seller,
    taken,
    units_for,
)
from money.bank import bank_file, money_has, pay_in
from tanpuhui.ledger.account import organisation as owner_of
from tanpuhui.market import trade as trades
from tanpuhui.market.expire import expire
from tanpuhui.market.listing import TakeOrder, take
from tanpuhui.market.models import Trade, TradeEnding
from tanpuhui.market.negotiate import ProposeOrder, ReplyOrder, accept, decline, propose
from tanpuhui.money.bank_statement import import_statement
from tanpuhui.money.withdraw import WithdrawOrder, withdraw
from tanpuhui.registry.annul import annul
from tanpuhui.registry.lock import lock
from tanpuhui.registry.units import Part, UnitOrder

pytestmark = pytest.mark.django_db


def waiting(money: str | None = None) -> tuple[Any, Any, str, Trade]:
    """Ten tonnes at 70.00, four of them bought without the money for it."""
    acme, lot = seller(10)
    bolt = member("bolt", money)
    assert taken(listed("seller", lot, 10), "bolt", 4)["state"] == "waiting"
    return acme, bolt, lot, Trade.objects.get()


def test_a_trade_without_money_waits_and_settles_with_the_banks_line() -> None:
    acme, bolt, lot, trade = waiting("279.99")
    assert (has(acme, lot), has(bolt, lot), money_has(bolt)) == ({"locked": 10}, {}, (27_999, 0))
    assert findings() == []

    shown = paid(trade, "280.00", at=AT + HOUR)

    assert (shown["matched"], shown["unmatched"]) == (["TPM-" + f"{trade.pk:09d}"], [])
    assert (has(acme, lot), has(bolt, lot)) == ({"locked": 6}, {"held": 4})
    assert (money_has(acme), money_has(bolt)) == ((28_000, 0), (27_999, 0))
    assert Trade.objects.get().settled_at == AT + HOUR
    assert findings() == []


@pytest.mark.parametrize(
    ("amount", "side", "change", "why"),
    [
        ("279.99", "CRDT", None, "amount_differs"),
        ("280.01", "CRDT", None, "amount_differs"),
        ("280.00", "DBIT", None, "money_out"),
        ("280.00", "CRDT", (b"'CNY'", b"'HKD'"), "currency_differs"),
    ],
)
def test_what_is_not_exactly_the_payment_is_kept_and_moves_nothing(
    amount: str, side: str, change: tuple[bytes, bytes] | None, why: str
) -> None:
    acme, bolt, lot, trade = waiting()
    body = bank_file((trade.reference, amount, side))

    shown = import_statement(body.replace(*change) if change else body, at=AT)

    assert [line["why"] for line in shown["unmatched"]] == [why]
    assert (has(acme, lot), has(bolt, lot), money_has(bolt)) == ({"locked": 10}, {}, (0, 0))
    assert not TradeEnding.objects.exists()
    assert findings() == []


def test_a_trade_is_paid_once() -> None:
    _, bolt, lot, trade = waiting()

    paid(trade, "280.00")
    second = paid(trade, "280.00")
    unknown = import_statement(bank_file(("TPM-000000999", "1.00", "CRDT")), at=AT)

    assert [line["why"] for line in second["unmatched"]] == ["paid_before"]
    assert [line["why"] for line in unknown["unmatched"]] == ["no_such_trade"]
    assert (has(bolt, lot), money_has(bolt)) == ({"held": 4}, (0, 0))
    assert findings() == []


def test_a_trade_that_is_not_paid_in_time_gives_its_units_back() -> None:
    acme, bolt, lot, trade = waiting()

    early = expire(PLACE, at=AT + 2 * DAY - HOUR)
    ended = expire(PLACE, at=AT + 2 * DAY)
    late = paid(trade, "280.00", at=AT + 3 * DAY)

    assert (early["trades"], ended["trades"]) == (0, 1)
    assert has(acme, lot) == {"held": 4, "locked": 6}
    assert [line["why"] for line in late["unmatched"]] == ["trade_over"]
    assert (money_has(bolt), Trade.objects.get().ending.outcome) == ((0, 0), "expired")
    assert findings() == []


def test_a_payment_for_units_that_were_annulled_is_kept() -> None:
    _, bolt, lot, trade = waiting()
    annul(lot, reason="double counted", at=AT)

    shown = paid(trade, "280.00")
    ended = expire(PLACE, at=AT)

    assert [line["why"] for line in shown["unmatched"]] == ["units_gone"]
    assert (ended["trades"], Trade.objects.get().ending.outcome) == (1, "lost")
    assert (money_has(bolt), has(bolt, lot)) == ((0, 0), {})
    assert findings() == []


@pytest.mark.parametrize("breaks", ["transfer", "transfer_locked", "ranges_as_json"])
def test_neither_side_moves_without_the_other(breaks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    acme, lot = seller(10)
    bolt = member("bolt", "700.00")
    number = listed("seller", lot, 10)

    def fail(*given: Any, **named: Any) -> Any:
        raise RuntimeError("the power is gone")

    monkeypatch.setattr(trades, breaks, fail)
    with pytest.raises(RuntimeError), transaction.atomic():
        take(TakeOrder("k", number, "bolt", 4), PLACE, at=AT)
    monkeypatch.undo()

    assert (has(acme, lot), has(bolt, lot)) == ({"locked": 10}, {})
    assert (money_has(acme), money_has(bolt)) == ((0, 0), (70_000, 0))
    assert not Trade.objects.exists()
    assert take(TakeOrder("k", number, "bolt", 4), PLACE, at=AT).accepted()["state"] == "settled"
    assert findings() == []


def proposing(lot: str, tonnes: int = 4, price: str = "70.00") -> ProposeOrder:
    return ProposeOrder(new_key(), "seller", "bolt", lot, tonnes, price, "CNY")


def test_a_proposal_is_for_one_buyer_who_accepts_it_once() -> None:
    acme, lot = seller(10)
    bolt = member("bolt", "280.00")
    member("other", "280.00")
    number = propose(proposing(lot), PLACE, at=AT).accepted()["proposal"]
    assert has(acme, lot) == {"held": 6, "locked": 4}

    other = accept(ReplyOrder(new_key(), number, "other"), PLACE, at=AT)
    first, again = (accept(ReplyOrder("a", number, "bolt"), PLACE, at=AT) for _ in "12")
    late = decline(ReplyOrder("b", number, "bolt"), PLACE, at=AT)

    assert refusal_of(other)[0] == "market.not_yours"
    assert first.accepted() == again.accepted()
    assert first.accepted()["state"] == "settled"
    assert refusal_of(late)[1]["outcome"] == "accepted"
    assert (has(acme, lot), has(bolt, lot), money_has(acme)) == ({"held": 6}, {"held": 4}, (28_000, 0))
    assert findings() == []


def test_a_declined_or_forgotten_proposal_frees_its_units() -> None:
    acme, lot = seller(10)
    member("bolt")
    first = propose(proposing(lot), PLACE, at=AT).accepted()["proposal"]
    second = propose(proposing(lot, 6), PLACE, at=AT).accepted()["proposal"]

    assert decline(ReplyOrder(new_key(), first, "bolt"), PLACE, at=AT).accepted()["state"] == "declined"
    over = accept(ReplyOrder(new_key(), second, "bolt"), PLACE, at=AT + 30 * DAY)
    ended = expire(PLACE, at=AT + 30 * DAY)

    assert refusal_of(over)[1]["outcome"] == "expired"
    assert (ended["proposals"], has(acme, lot)) == (1, {"held": 10})
    assert findings() == []


def test_nobody_proposes_to_itself() -> None:
    _, lot = seller(1)
    order = ProposeOrder(new_key(), "seller", "seller", lot, 1, "70.00", "CNY")

    assert refusal_of(propose(order, PLACE, at=AT))[0] == "market.self_trade"


@pytest.mark.django_db(transaction=True)
def test_a_payment_and_the_clock_at_once_end_a_trade_in_one_way() -> None:
    with transaction.atomic():
        acme, bolt, lot, trade = waiting()
    body = bank_file((trade.reference, "280.00", "CRDT"))

    def work(n: int) -> Any:
        with transaction.atomic():
            if n % 2:
                return expire(PLACE, at=AT + 3 * DAY)["trades"]
            return len(import_statement(body, at=AT + 3 * DAY)["matched"])

    results = in_parallel(4, work)

    outcome = Trade.objects.get().ending.outcome
    assert sorted(results) in ([0, 0, 0, 1], [0, 0, 1, 1]), results
    assert has(bolt, lot) == ({"held": 4} if outcome == "settled" else {})
    assert money_has(acme) == ((28_000, 0) if outcome == "settled" else (0, 0))
    assert findings() == []


def test_money_that_is_held_elsewhere_pays_nothing() -> None:
    _, lot = seller(10)
    bolt = member("bolt", "280.00")
    withdraw(WithdrawOrder(new_key(), "bolt", "0.01", "CNY"), at=AT).accepted()

    made = taken(listed("seller", lot, 10), "bolt", 4)

    assert made["state"] == "waiting"
    pay_in(bolt, "1.00")
    assert money_has(bolt) == (28_099, 1)
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_statements_and_other_verbs_over_two_lots_never_wait_for_each_other_for_ever() -> None:
    with transaction.atomic():
        acme, first = seller(10)
        second = units_for(acme, 10)
        member("bolt")
        made = [taken(listed("seller", lot, 5), "bolt", 2) for lot in (first, second)]
    lines = [(one["trade"], "140.00", "CRDT") for one in made]
    bodies = [bank_file(*lines), bank_file(*lines[::-1], opening="1.00")]

    def work(n: int) -> Any:
        with transaction.atomic():
            if n < 2:
                return import_statement(bodies[n], at=AT)["matched"]
            parts = (Part(second, 1), Part(first, 1))
            return lock(UnitOrder(f"u{n}", owner_of(acme.pk), parts, AT.date()), at=AT).hold

    results = in_parallel(4, work)

    assert [result for result in results if isinstance(result, Exception)] == []
    assert sorted([*results[0], *results[1]]) == sorted(one["trade"] for one in made)
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_the_database_sells_no_tonne_twice_to_two_connections() -> None:
    with transaction.atomic():
        acme, lot = seller(10)
        bolt = member("bolt")
        number = listed("seller", lot, 10)
    said = {"way": "listing", "product": "demo", "tonnes": 6, "price_minor": 7_000, "amount_minor": 42_000}

    def sell(_: int) -> Any:
        with transaction.atomic():
            made = Trade.objects.create(
                **said,
                seller=acme,
                buyer=bolt,
                lot_id=lot,
                currency="CNY",
                listing_id=number,
                pay_by=AT,
                at=AT,
            )
            # Long enough for the other one to be at the same place.
            time.sleep(0.5)
            return made

    results = in_parallel(2, sell)

    assert sorted(type(one).__name__ for one in results) == ["IntegrityError", "Trade"], results
    assert Trade.objects.count() == 1
