"""On the market: what is traded of a round's listings is sold of the round, once; the rest is the round's again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from ledger.bookings import in_parallel
from money.bank import bank_file, pay_in
from pooling.pond import (
    AT,
    DEMO,
    LATER,
    findings,
    has,
    joined,
    lot_of,
    money_of,
    new_company,
    new_pool,
    opened,
    people,
)
from registry.units_town import key
from tanpuhui.access.models import Organisation
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.market.expire import expire
from tanpuhui.market.listing import TakeOrder, take
from tanpuhui.market.member import MembershipOrder, admit, suspend
from tanpuhui.market.models import Trade
from tanpuhui.market.refusals import NotAMember, OutsideBand, Suspended
from tanpuhui.money.bank_statement import import_statement
from tanpuhui.pooling.close_round import close_round
from tanpuhui.pooling.models import Offering, Round, Sale
from tanpuhui.pooling.on_market import OfferOrder, offer, settle_round, take_back
from tanpuhui.pooling.pay_out import pay_out
from tanpuhui.pooling.refusals import KeyReused, NotForLess, NotSoMuchLeft, StillListed
from tanpuhui.pooling.rounds import kept_t
from tanpuhui.pooling.sell import SellOrder, sell
from tanpuhui.registry.annul import annul

pytestmark = pytest.mark.django_db


def admitted(organisation: Organisation) -> Organisation:
    admit(MembershipOrder(key(), organisation.code, "contract 1"), at=AT).accepted()
    return organisation


def on_offer(tonnes: int = 4, of: int = 6) -> tuple[Round, Offering, list[int]]:
    """A round of which some tonnes are listed at 70.00."""
    pool = new_pool()
    admitted(pool.organisation)
    accounts = [joined(pool, account) for account in people(2)]
    made = opened(pool, lot_of(dict.fromkeys(accounts, of * TONNE_MG // 2)), of, 6_500)
    return made, offer(OfferOrder(key(), made.pk, tonnes, "70.00"), at=AT), accounts


def taken(offering: Offering, tonnes: int, *, money: bool = True) -> Trade:
    buyer = admitted(new_company())
    if money:
        pay_in(buyer, f"{70 * tonnes}.00")
    said = take(TakeOrder(key(), offering.listing_id, buyer.code, tonnes), DEMO, at=AT).accepted()
    return Trade.objects.get(pk=int(said["trade"][4:]))


def test_what_is_taken_of_a_listing_is_sold_of_the_round_and_paid_out() -> None:
    made, offering, accounts = on_offer()
    assert kept_t(made) == 2
    assert findings() == []
    trade = taken(offering, 3)
    assert findings() == []

    settle_round(made.pk, at=LATER)
    settle_round(made.pk, at=LATER)

    sale = Sale.objects.get()
    assert (sale.via, sale.reference, sale.tonnes, sale.amount_minor) == (
        "market",
        trade.reference,
        3,
        21_000,
    )
    assert sum(one["tonnes"] for one in sale.ranges) == 3
    pay_out(sale.pk, key="p", at=LATER)
    assert [money_of(account) for account in accounts] == [10_500, 10_500]
    assert findings() == []


def test_a_round_is_not_closed_while_something_of_it_is_listed_and_what_is_taken_back_goes_back() -> None:
    made, offering, accounts = on_offer()
    taken(offering, 1)

    with pytest.raises(StillListed) as caught:
        close_round(made.pk, at=LATER)
    assert caught.value.facts["tonnes"] == 3
    take_back(made.pk, reason="enough", at=LATER)

    assert kept_t(made) == 5
    assert findings() == []
    assert close_round(made.pk, at=LATER).tonnes_back == 5
    assert [has(account, made.lot) for account in accounts] == [2_500_000_000] * 2
    assert findings() == []


def test_a_trade_that_waits_is_sold_when_its_money_comes_and_comes_back_when_it_does_not() -> None:
    made, offering, _ = on_offer()
    paid, unpaid = taken(offering, 1, money=False), taken(offering, 2, money=False)
    settle_round(made.pk, at=AT)
    assert Sale.objects.count() == 0
    assert findings() == []

    import_statement(bank_file((paid.reference, "70.00", "CRDT")), at=LATER)
    much_later = AT + timedelta(days=3)
    expire(DEMO, at=much_later)
    assert findings() == []
    take_back(made.pk, reason="enough", at=much_later)

    assert [sale.reference for sale in Sale.objects.all()] == [paid.reference]
    assert unpaid.reference != paid.reference
    assert kept_t(made) == 5
    assert close_round(made.pk, at=much_later).tonnes_back == 5
    assert findings() == []


def test_a_listing_whose_time_is_over_comes_back_whoever_notices_first() -> None:
    made, _, _ = on_offer()
    offer(OfferOrder(key(), made.pk, 1, "70.00", days=1), at=AT)
    assert kept_t(made) == 1

    expire(DEMO, at=AT + timedelta(days=2))
    settle_round(made.pk, at=AT + timedelta(days=2))
    assert kept_t(made) == 2
    take_back(made.pk, reason="over", at=AT + timedelta(days=40))

    assert kept_t(made) == 6
    assert findings() == []


def test_nothing_is_listed_for_less_than_the_round_asks_and_the_markets_own_rules_hold() -> None:
    made, _, _ = on_offer()
    order = OfferOrder(key(), made.pk, 1, "70.00")

    refused: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"price": "64.99"}, NotForLess),
        ({"tonnes": 0}, NotSoMuchLeft),
        ({"tonnes": 3}, NotSoMuchLeft),
        ({"price": "77.01"}, OutsideBand),
    ]
    for changes, refusal in refused:
        with pytest.raises(refusal), transaction.atomic():
            offer(replace(order, key=key(), **changes), at=AT)
    suspend(MembershipOrder(key(), "city_pool", "a reason"), at=AT).accepted()
    with pytest.raises(Suspended), transaction.atomic():
        offer(order, at=AT)
    assert (Offering.objects.count(), kept_t(made)) == (1, 2)
    assert findings() == []


def test_a_pool_that_was_never_admitted_lists_nothing() -> None:
    pool = new_pool()
    account = joined(pool, *people(1))
    made = opened(pool, lot_of({account: TONNE_MG}), 1, 6_500)

    with pytest.raises(NotAMember), transaction.atomic():
        offer(OfferOrder(key(), made.pk, 1, "70.00"), at=AT)

    assert kept_t(made) == 1


def test_a_suspended_member_buys_nothing_of_a_round_directly_either() -> None:
    made, _, _ = on_offer()
    buyer = admitted(new_company())
    suspend(MembershipOrder(key(), buyer.code, "a reason"), at=AT).accepted()
    pay_in(buyer, "70.00")

    with pytest.raises(Suspended), transaction.atomic():
        sell(SellOrder(key(), made.pk, buyer.code, 1, 7_000), at=AT)


def test_the_same_offer_again_is_answered_as_before_and_another_under_its_key_is_refused() -> None:
    made, _, _ = on_offer()
    order = OfferOrder("again", made.pk, 1, "70.00")

    assert offer(order, at=AT) == offer(order, at=LATER)
    with pytest.raises(KeyReused):
        offer(replace(order, price="71.00"), at=LATER)
    assert kept_t(made) == 1


def test_of_a_round_whose_lot_is_annulled_what_was_sold_before_stays_sold() -> None:
    made, offering, accounts = on_offer()
    taken(offering, 1)
    annul(made.lot, reason="wrong", at=LATER)
    expire(DEMO, at=LATER)

    closing = close_round(made.pk, at=LATER)

    assert (closing.annulled, closing.tonnes_back) == (True, 0)
    pay_out(Sale.objects.get().pk, key="p", at=LATER)
    assert [money_of(account) for account in accounts] == [3_500, 3_500]
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_taking_a_listing_and_settling_its_round_at_the_same_moment_never_wait_for_each_other() -> None:
    with transaction.atomic():
        made, offering, _ = on_offer()
        buyers = [admitted(new_company()) for _ in range(3)]
        for buyer in buyers:
            pay_in(buyer, "70.00")

    def act(number: int) -> object:
        with transaction.atomic():
            if number < 3:
                order = TakeOrder(f"t{number}", offering.listing_id, buyers[number].code, 1)
                return take(order, DEMO, at=AT).accepted()
            return settle_round(made.pk, at=AT).pk

    results = in_parallel(6, act)
    assert [one for one in results if isinstance(one, Exception)] == []
    with transaction.atomic():
        settle_round(made.pk, at=AT)
    assert Sale.objects.count() == 3
    assert findings() == []
