"""Sell and pay out: tonnes against money, at the price or more; residents get all of it, pro rata, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from ledger.bookings import in_parallel
from money.bank import money_has, pay_in
from points.book import new_sponsor, points_of
from pooling.pond import (
    AT,
    LATER,
    blocks,
    findings,
    has,
    joined,
    lot_of,
    money_of,
    new_company,
    new_pool,
    opened,
    owner,
    people,
    shares,
    sold,
)
from registry.units_town import key
from tanpuhui.access.models import Organisation
from tanpuhui.access.organise import organise
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.market.member import MembershipOrder, admit
from tanpuhui.money.deposit import deposit_reference
from tanpuhui.points.models import Earning, Purchase
from tanpuhui.points.refusals import BudgetShort
from tanpuhui.points.sponsor import liability
from tanpuhui.pooling.close_round import close_round
from tanpuhui.pooling.join import leave
from tanpuhui.pooling.models import PayOut, Round, Sale, SaleShare
from tanpuhui.pooling.pay_out import pay_out
from tanpuhui.pooling.refusals import (
    BuyerLacksMoney,
    KeyReused,
    NoBuyer,
    NotForLess,
    NotSoMuchLeft,
    PaidOutBefore,
    PoolBuysNothing,
    PoolLacksMoney,
    RoundClosed,
    UnknownRound,
    UnknownSale,
)
from tanpuhui.pooling.sell import SellOrder, sell
from tanpuhui.pooling.share import decide_dues
from tanpuhui.registry.annul import annul
from tanpuhui.registry.refusals import LotAnnulled, NotEnoughUnits
from tanpuhui.registry.retire import retire
from tanpuhui.registry.units import Part, UnitOrder

pytestmark = pytest.mark.django_db
MG = 1_000_000


def round_of(
    *amounts_kg: int, tonnes: int, price_minor: int = 6_000, **changes: object
) -> tuple[Round, list[int]]:
    """A round from residents who lend so many kilograms each."""
    pool = new_pool(**changes)
    accounts = [joined(pool, account) for account in people(len(amounts_kg))]
    lot = lot_of({account: kg * MG for account, kg in zip(accounts, amounts_kg, strict=True)})
    return opened(pool, lot, tonnes, price_minor), accounts


def taken(sale: Sale) -> list[tuple[int, int]]:
    return list(sale.shares.order_by("account").values_list("amount_mg", "amount_minor"))


def test_a_sale_gives_tonnes_for_money_and_its_pay_out_sums_to_the_last_fen() -> None:
    made, accounts = round_of(600, 300, 100, tonnes=1)
    buyer = new_company()

    sale = sold(made, buyer, 1, 6_001)
    paid = pay_out(sale.pk, key="p", at=AT)

    # 60.01 by 600, 300 and 100 kg: 36.006, 18.003 and 6.001; one fen is over, and the largest remainder gets it.
    assert [money_of(account) for account in accounts] == [3_601, 1_800, 600]
    assert (paid.money_minor, paid.points, paid.residents) == (6_001, 0, 3)
    assert (money_has(buyer), money_has(made.pool.organisation)) == ((0, 0), (0, 0))
    assert blocks(made.lot) == [(1, 1, "held", owner(buyer))]
    assert [(one["serial_first"], one["serial_last"]) for one in sale.ranges] == [(1, 1)]
    assert findings() == []


def test_of_a_partial_sale_everybody_gives_their_part_and_gets_the_rest_back() -> None:
    made, accounts = round_of(1_500, 1_000, 500, tonnes=3)

    sale = sold(made, new_company(), 1)
    closing = close_round(made.pk, at=LATER)

    # 1 t of 3 t: 500 kg, 333.333 333 3.. kg and 166.666 666 6.. kg; the milligram over goes to the last.
    assert [mg for mg, _ in taken(sale)] == [500_000_000, 333_333_333, 166_666_667]
    assert [minor for _, minor in taken(sale)] == [3_000, 2_000, 1_000]
    assert closing.tonnes_back == 2
    assert [has(account, made.lot) for account in accounts] == [1_000_000_000, 666_666_667, 333_333_333]
    assert findings() == []


def test_several_sales_take_from_what_is_left_and_never_more_than_was_lent() -> None:
    made, accounts = round_of(1, 1_999, tonnes=2)
    first, second = sold(made, new_company(), 1), sold(made, new_company(), 1, 7_000)

    assert [mg for mg, _ in taken(first)] == [500_000, 999_500_000]
    assert [mg for mg, _ in taken(second)] == [500_000, 999_500_000]
    pay_out(first.pk, key="1", at=AT)
    pay_out(second.pk, key="2", at=AT)
    # 60.00 and 70.00 by 0.5 and 999.5 kg: 3 and 5,997 fen; 3.5 and 6,996.5 fen, where one of the two gets the odd fen.
    assert money_of(accounts[0]) in (6, 7)
    assert sum(money_of(account) for account in accounts) == 13_000
    with pytest.raises(NotSoMuchLeft):
        sold(made, new_company(), 1)
    assert close_round(made.pk, at=LATER).tonnes_back == 0
    assert findings() == []


def test_whoever_left_meanwhile_is_paid_for_what_was_sold() -> None:
    made, accounts = round_of(500, 500, tonnes=1)
    leave(accounts[0], made.pool, at=LATER, method="test")

    pay_out(sold(made, new_company(), 1).pk, key="p", at=LATER)

    assert [money_of(account) for account in accounts] == [3_000, 3_000]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"tonnes": 0}, NotSoMuchLeft),
        ({"tonnes": 3}, NotSoMuchLeft),
        ({"price_minor": 5_999}, NotForLess),
        ({"tonnes": 2}, BuyerLacksMoney),
        ({"buyer": "city_pool"}, PoolBuysNothing),
        ({"buyer": "the-shop"}, NoBuyer),
        ({"round": 999}, UnknownRound),
    ],
)
def test_what_cannot_be_sold_is_refused_and_nothing_changes(
    changes: dict[str, object], refusal: type[Refusal]
) -> None:
    made, _ = round_of(2_000, tonnes=2)
    buyer = new_company()
    organise(Organisation.MERCHANT, "the-shop", name_zh="店", name_en="Shop", at=AT)
    pay_in(buyer, "60.00")
    order = replace(SellOrder(key(), made.pk, buyer.code, 1, 6_000), **changes)  # type: ignore[arg-type]

    with pytest.raises(refusal), transaction.atomic():
        sell(order, at=AT)

    assert Sale.objects.count() == 0
    assert money_has(buyer) == (6_000, 0)
    assert findings() == []


def test_a_company_of_the_pools_own_group_buys_nothing_of_a_round_directly_either() -> None:
    made, _ = round_of(2_000, tonnes=2)
    buyer = new_company()
    for code, group in (("city_pool", "City Holding"), (buyer.code, "city  holding")):
        admit(MembershipOrder(key(), code, "contract", group), at=AT).accepted()

    with pytest.raises(PoolBuysNothing), transaction.atomic():
        sold(made, buyer, 1)


def test_the_same_sale_again_is_answered_as_before_also_when_the_round_is_closed() -> None:
    made, _ = round_of(2_000, tonnes=2)
    buyer = new_company()
    pay_in(buyer, "180.00")
    order = SellOrder("once", made.pk, buyer.code, 1, 6_000)

    first = sell(order, at=AT)
    assert sell(order, at=LATER).pk == first.pk
    with pytest.raises(KeyReused):
        sell(replace(order, tonnes=2), at=LATER)
    close_round(made.pk, at=LATER)
    assert sell(order, at=LATER).pk == first.pk
    with pytest.raises(RoundClosed):
        sell(replace(order, key="other"), at=LATER)
    assert money_has(buyer) == (12_000, 0)


def test_a_sale_is_paid_out_once() -> None:
    made, accounts = round_of(1_000, tonnes=1)
    sale = sold(made, new_company(), 1)

    pay_out(sale.pk, key="one", at=AT)

    assert pay_out(sale.pk, key="one", at=LATER).paid_at == AT
    with pytest.raises(PaidOutBefore):
        pay_out(sale.pk, key="two", at=LATER)
    with pytest.raises(UnknownSale):
        pay_out(sale.pk + 1, key="three", at=LATER)
    assert money_of(accounts[0]) == 6_000
    assert findings() == []


def test_what_the_pool_has_not_is_not_paid_out_and_the_refusal_says_how_to_pay_it_in() -> None:
    made, accounts = round_of(1_000, tonnes=1)
    sale = sold(made, new_company(), 1)
    elsewhere = new_company()
    from tanpuhui.ledger.transfer import TransferOrder, move, transfer
    from tanpuhui.money.account import money_account, money_asset

    legs = move(
        source=money_account(made.pool_id),
        target=money_account(elsewhere.pk),
        asset_id=money_asset("CNY"),
        amount=1,
    )
    transfer(connection, TransferOrder(key(), "test", AT.date(), legs), at=AT).accepted()

    with pytest.raises(PoolLacksMoney) as caught, transaction.atomic():
        pay_out(sale.pk, key="one", at=AT)
    assert deposit_reference(made.pool.organisation) in str(caught.value)
    pay_in(made.pool.organisation, "0.01")
    pay_out(sale.pk, key="one", at=AT)
    assert money_of(accounts[0]) == 6_000


def test_a_pool_that_pays_in_points_buys_them_and_pays_the_rest_in_money() -> None:
    sponsor = new_sponsor("100.00", value_minor=200)
    made, accounts = round_of(600, 300, 100, tonnes=1, pays="points", sponsor=sponsor.code)

    sale = sold(made, new_company(), 1, 6_001)
    paid = pay_out(sale.pk, key="p", at=AT)

    # 36.01, 18.00 and 6.00 at 2.00 a point.
    assert [points_of(account, sponsor) for account in accounts] == [(18, 0), (9, 0), (3, 0)]
    assert [money_of(account) for account in accounts] == [1, 0, 0]
    assert (paid.points, paid.points_minor, paid.money_minor) == (30, 6_000, 1)
    owed = liability(sponsor, at=LATER + timedelta(days=2))
    assert (owed.budget_minor, owed.reserve_minor, owed.outstanding_points) == (4_000, 6_000, 30)
    assert money_has(sponsor.organisation) == (6_000, 0)
    assert Purchase.objects.get().points == 30
    assert set(Earning.objects.values_list("via", flat=True)) == {"purchase"}
    assert findings() == []


def test_points_that_the_budget_does_not_cover_are_not_made_and_nothing_is_paid() -> None:
    sponsor = new_sponsor("59.99", value_minor=200)
    made, accounts = round_of(1_000, tonnes=1, pays="points", sponsor=sponsor.code)
    sale = sold(made, new_company(), 1, 6_001)

    with pytest.raises(BudgetShort), transaction.atomic():
        pay_out(sale.pk, key="p", at=AT)

    assert (money_of(accounts[0]), points_of(accounts[0], sponsor)) == (0, (0, 0))
    assert PayOut.objects.count() == 0
    assert findings() == []


def test_what_a_round_keeps_is_used_in_no_other_way() -> None:
    made, _ = round_of(1_000, tonnes=1)
    own = UnitOrder(key(), owner(made.pool.organisation), (Part(made.lot, 1),), AT.date())

    with pytest.raises(NotEnoughUnits):
        retire(own, at=AT)


def test_of_an_annulled_lot_nothing_is_sold() -> None:
    made, _ = round_of(1_000, tonnes=1)
    annul(made.lot, reason="wrong", at=AT)

    with pytest.raises(LotAnnulled):
        sold(made, new_company(), 1)


def test_the_odd_fen_goes_by_turns_and_the_same_key_always_gives_it_to_the_same() -> None:
    left = {1: TONNE_MG, 2: TONNE_MG, 3: TONNE_MG}

    def first(sale: str) -> int:
        (due,) = [
            one for one in decide_dues(left, tonnes=3, amount_minor=100, key=sale) if one.amount_minor == 34
        ]
        return due.account

    assert {first(f"sale-{number}") for number in range(20)} == {1, 2, 3}
    assert first("sale-1") == first("sale-1")


def test_the_database_refuses_a_sale_too_much_for_less_or_that_takes_other_than_it_owes() -> None:
    made, (a,) = round_of(2_000, tonnes=2)
    sale = sold(made, new_company(), 1)

    def again(**changes: object) -> None:
        values = {**{one.name: getattr(sale, one.name) for one in Sale._meta.concrete_fields}, **changes}
        values.pop("id")
        with transaction.atomic():
            Sale.objects.create(**{"key": key(), "reference": key(), **values})
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    fresh = {"key": "k", "reference": "r"}
    for changes in (
        {"tonnes": 2, "amount_minor": 12_000},
        {"price_minor": 5_999},
        {"amount_minor": 5_999},
        {"currency": "EUR"},
    ):
        with pytest.raises(DatabaseError):
            again(**fresh, **changes)
    with pytest.raises(DatabaseError, match="takes 0 mg"):
        again(**fresh)
    with pytest.raises(DatabaseError), transaction.atomic():
        SaleShare.objects.create(sale=sale, account=a + 99, amount_mg=1, amount_minor=0, money_minor=0)
    with pytest.raises(DatabaseError, match="owes 6000"), transaction.atomic():
        PayOut.objects.create(
            sale=sale, key="k", money_minor=5_999, points=0, points_minor=0, residents=1, paid_at=AT
        )


@pytest.mark.django_db(transaction=True)
def test_two_buyers_at_the_same_moment_and_two_pay_outs_get_what_there_is_once() -> None:
    with transaction.atomic():
        made, accounts = round_of(1_500, 1_500, tonnes=3)
    buyers = [new_company() for _ in range(2)]
    for buyer in buyers:
        pay_in(buyer, "120.00")

    def buy(number: int) -> object:
        with transaction.atomic():
            return sell(SellOrder(f"s{number}", made.pk, buyers[number].code, 2, 6_000), at=AT)

    results = in_parallel(2, buy)
    (sale,) = [one for one in results if isinstance(one, Sale)]
    (refused,) = [one for one in results if not isinstance(one, Sale)]
    assert isinstance(refused, NotSoMuchLeft)

    def pay(number: int) -> object:
        with transaction.atomic():
            return pay_out(sale.pk, key=f"p{number}", at=AT)

    paid = in_parallel(3, pay)
    assert [type(one) for one in paid].count(PayOut) == 1
    assert [type(one) for one in paid].count(PaidOutBefore) == 2
    assert [money_of(account) for account in accounts] == [6_000, 6_000]
    assert sum(shares(made).values()) == 3 * TONNE_MG
    assert findings() == []
