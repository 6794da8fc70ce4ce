"""Random histories of a pool: every milligram and every fen is somewhere, once, after every step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from money.bank import money_has, pay_in
from pooling.pond import AT, DEMO, findings, has, lot_of, money_of, new_company, new_pool, people
from registry.units_town import key
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.market.expire import expire
from tanpuhui.market.listing import TakeOrder, take
from tanpuhui.market.member import MembershipOrder, admit
from tanpuhui.money.amounts import to_text
from tanpuhui.pooling.close_round import close_round
from tanpuhui.pooling.join import Wish, change_terms, join, leave, membership
from tanpuhui.pooling.models import Offering, Returned, Round, Sale, SaleShare, Share, Withdrawal
from tanpuhui.pooling.on_market import OfferOrder, offer, settle_round, take_back
from tanpuhui.pooling.open_round import RoundOrder, open_round
from tanpuhui.pooling.pay_out import pay_out
from tanpuhui.pooling.sell import SellOrder, sell
from tanpuhui.pooling.withdraw import WithdrawOrder, cancel_withdrawal, say_payee, withdraw
from tanpuhui.registry.annul import annul

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
#: The market's band in the demonstration is 63.00 to 77.00.
PRICES = st.sampled_from([6_300, 6_500, 7_000])
WHO = st.integers(0, 3)
WHICH = st.integers(0, 5)
TONNES = st.integers(1, 4)


class Pools(RuleBasedStateMachine):
    """Four residents, two lots, two companies; what is refused changes nothing."""

    @initialize(amounts=st.lists(st.integers(1, 3 * TONNE_MG), min_size=4, max_size=4))
    def begin(self, amounts: list[int]) -> None:
        self.savepoint = transaction.savepoint()
        self.at = AT
        self.pool = new_pool()
        self.people = people(4)
        (self.outside,) = people(1)
        self.buyers = [new_company() for _ in range(2)]
        for one in (self.pool.organisation, *self.buyers):
            admit(MembershipOrder(key(), one.code, "contract"), at=AT).accepted()
        self.lots = [
            lot_of(dict(zip(self.people, amounts, strict=True)), rest=self.outside),
            lot_of(dict.fromkeys(self.people[:2], TONNE_MG), vintage=2025),
        ]
        self.certified = {(account, lot): has(account, lot) for account in self.people for lot in self.lots}
        self.paid_in = 0
        for account in self.people[:3]:
            join(account, self.pool, Wish(0), at=AT, lang="zh", method="test")
            say_payee(account, f"token-{account:04d}", at=AT)
        self.annulled: set[str] = set()

    def attempt(self, verb: Any) -> Any:
        self.at += timedelta(minutes=1)
        try:
            with transaction.atomic():
                return verb()
        except Refusal:
            return None

    def round(self, which: int) -> int:
        rounds = list(Round.objects.order_by("pk").values_list("pk", flat=True))
        return rounds[which % len(rounds)] if rounds else 0

    def sale(self, which: int) -> int:
        sales = list(Sale.objects.order_by("pk").values_list("pk", flat=True))
        return sales[which % len(sales)] if sales else 0

    @rule(who=WHO, price=PRICES, years=st.sampled_from([None, (2025,), (2025, 2026)]))
    def join_or_change(self, who: int, price: int, years: tuple[int, ...] | None) -> None:
        account, wish = self.people[who], Wish(price, years)
        if membership(account, self.pool, at=self.at):
            self.attempt(lambda: change_terms(account, self.pool, wish, at=self.at))
        else:
            self.attempt(lambda: join(account, self.pool, wish, at=self.at, lang="zh", method="test"))

    @rule(who=WHO)
    def leave(self, who: int) -> None:
        self.attempt(lambda: leave(self.people[who], self.pool, at=self.at, method="test"))

    @rule(which=WHICH, tonnes=TONNES, price=PRICES)
    def open(self, which: int, tonnes: int, price: int) -> None:
        order = RoundOrder(key(), self.pool.code, self.lots[which % 2], tonnes, price)
        self.attempt(lambda: open_round(order, at=self.at))

    @rule(which=WHICH, tonnes=TONNES, price=st.integers(6_299, 7_001), buyer=st.integers(0, 1))
    def sell(self, which: int, tonnes: int, price: int, buyer: int) -> None:
        company = self.buyers[buyer]
        pay_in(company, to_text(tonnes * price, "CNY"))
        self.paid_in += tonnes * price
        order = SellOrder(key(), self.round(which), company.code, tonnes, price)
        self.attempt(lambda: sell(order, at=self.at))

    @rule(which=WHICH, tonnes=TONNES, price=PRICES)
    def offer(self, which: int, tonnes: int, price: int) -> None:
        order = OfferOrder(key(), self.round(which), tonnes, to_text(price, "CNY"))
        self.attempt(lambda: offer(order, at=self.at))

    @rule(which=WHICH, tonnes=TONNES, buyer=st.integers(0, 1))
    def take(self, which: int, tonnes: int, buyer: int) -> None:
        listings = list(Offering.objects.order_by("pk").values_list("listing_id", flat=True))
        if listings:
            order = TakeOrder(key(), listings[which % len(listings)], self.buyers[buyer].code, tonnes)
            self.attempt(lambda: take(order, DEMO, at=self.at).accepted())

    @rule(which=WHICH)
    def settle(self, which: int) -> None:
        self.attempt(lambda: settle_round(self.round(which), at=self.at))

    @rule(which=WHICH)
    def take_back(self, which: int) -> None:
        self.attempt(lambda: take_back(self.round(which), reason="enough", at=self.at))

    @rule()
    def days_go_by(self) -> None:
        self.at += timedelta(days=3)
        self.attempt(lambda: expire(DEMO, at=self.at))

    @rule(which=WHICH)
    def pay_out(self, which: int) -> None:
        self.attempt(lambda: pay_out(self.sale(which), key=key(), at=self.at))

    @rule(which=WHICH)
    def close(self, which: int) -> None:
        self.attempt(lambda: close_round(self.round(which), at=self.at))

    @rule(who=WHO, fen=st.integers(1, 9_000), kept=st.booleans())
    def withdraw(self, who: int, fen: int, kept: bool) -> None:
        account = self.people[who]
        order = WithdrawOrder(key(), account, to_text(fen, "CNY"), "CNY")
        made = self.attempt(lambda: withdraw(order, at=self.at))
        if made and not kept:
            self.attempt(lambda: cancel_withdrawal(account, made.pk, at=self.at))

    @rule(which=WHICH, sure=st.integers(0, 19))
    def annul(self, which: int, sure: int) -> None:
        if sure == 0:
            self.attempt(lambda: annul(self.lots[which % 2], reason="wrong", at=self.at))
            self.annulled.add(self.lots[which % 2])

    @invariant()
    def everything_adds_up(self) -> None:
        if not hasattr(self, "people"):
            return
        assert findings() == []
        for account in self.people:
            paid = _sum(
                SaleShare.objects.filter(account=account, sale__pay_out__isnull=False), "amount_minor"
            )
            held = _sum(Withdrawal.objects.filter(account=account, ending__isnull=True), "amount_minor")
            assert money_of(account) + held == paid
            for lot in set(self.lots) - self.annulled:
                lent = _sum(Share.objects.filter(account=account, round__lot=lot), "amount_mg")
                back = _sum(Returned.objects.filter(account=account, closing__round__lot=lot), "amount_mg")
                assert has(account, lot) == self.certified[account, lot] - lent + back
        due = _sum(SaleShare.objects.all(), "amount_minor")
        assert due == _sum(Sale.objects.all(), "amount_minor")
        companies = [self.pool.organisation, *self.buyers]
        assert sum(money_has(one)[0] for one in companies) == self.paid_in - _sum(
            SaleShare.objects.filter(sale__pay_out__isnull=False), "amount_minor"
        )

    def teardown(self) -> None:
        if hasattr(self, "savepoint"):
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            transaction.savepoint_rollback(self.savepoint)


def _sum(found: Any, field: str) -> int:
    return sum(found.values_list(field, flat=True))


def test_whatever_happens_to_a_pool_milligrams_and_fen_add_up() -> None:
    run_state_machine_as_test(
        Pools,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
