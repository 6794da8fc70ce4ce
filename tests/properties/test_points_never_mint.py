"""Random histories of the second book: points and reductions never mint into each other, and nothing is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from points.book import (
    AT,
    DAY,
    KG,
    certify,
    findings,
    new_key,
    new_offer,
    new_organisation,
    new_resident,
    new_sponsor,
    points_of,
    taking,
    wanting,
)
from tanpuhui.points.convert import ConvertOrder, convert
from tanpuhui.points.expire import expire
from tanpuhui.points.give import GiveOrder, give
from tanpuhui.points.models import Redemption
from tanpuhui.points.redeem import ReleaseOrder, capture, expire_redemptions, redeem, release
from tanpuhui.points.refund import RefundOrder, refund
from tanpuhui.points.rule import ConversionRule
from tanpuhui.points.settle import SettleOrder, settle
from tanpuhui.points.sponsor import liability

people = st.integers(0, 2)
some = st.integers(1, 12)
which = st.integers(0, 5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("certify"), people, st.integers(1, 9 * KG)),
        st.tuples(st.just("convert"), people, some, st.booleans()),
        st.tuples(st.just("give"), people, people, some, st.booleans()),
        st.tuples(st.just("redeem"), people, st.integers(1, 3)),
        st.tuples(st.just("capture"), which, st.integers(1, 3)),
        st.tuples(st.just("release"), which),
        st.tuples(st.just("refund"), which, some),
        st.tuples(st.just("settle")),
        st.tuples(st.just("wait"), st.integers(1, 200)),
    ),
    min_size=4,
    max_size=25,
)


def reductions_mg() -> tuple[int, int]:
    """Milligrams that were issued, and those that somebody has or that were used."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(-sum(p.amount) FILTER (WHERE p.account_id & 15 = 6), 0), "
            "coalesce(sum(p.amount) FILTER (WHERE p.account_id & 15 <> 6), 0) "
            "FROM ledger_posting p JOIN ledger_asset a ON a.id = p.asset_id WHERE a.unit = 'mg'"
        )
        issued, here = cursor.fetchone()
    return int(issued), int(here)


class History:
    """The same steps in the book and as plain numbers: what was certified, converted, captured, refunded, over."""

    def __init__(self) -> None:
        self.sponsor, self.merchant = new_sponsor("60.00", value_minor=100), new_organisation()
        self.offer = new_offer(
            self.sponsor,
            self.merchant,
            price_points=2,
            stock=9,
            per_person=5,
            ends_at=AT + timedelta(days=9999),
        )
        self.people = [new_resident() for _ in range(3)]
        self.at, self.redemptions = AT, list[int]()
        self.certified_mg = self.minted = self.used_mg = self.over = self.settled = 0

    def certify(self, person: int, amount_mg: int) -> None:
        certify(self.people[person], amount_mg)
        self.certified_mg += amount_mg

    def convert(self, person: int, points: int, keeps: bool) -> None:
        rule = ConversionRule("demo", KG, not keeps, 6, False, "illustrative", "test")
        order = ConvertOrder(new_key(), self.sponsor.code, self.people[person], points, DAY)
        answer = convert(order, rule, at=self.at)
        if answer.refusal is None:
            self.minted += points
            self.used_mg += 0 if keeps else points * KG

    def give(self, source: int, target: int, points: int, may: bool) -> None:
        rule = ConversionRule("demo", KG, True, 6, may, "illustrative", "test")
        order = GiveOrder(new_key(), self.sponsor.code, self.people[source], self.people[target], points, DAY)
        answer = give(order, rule, at=self.at)
        assert may or answer.refusal is not None

    def redeem(self, person: int, quantity: int) -> None:
        answer = redeem(wanting(self.offer, self.people[person], quantity), at=self.at)
        if answer.refusal is None:
            self.redemptions.append(answer.id)

    def capture(self, number: int, quantity: int) -> None:
        if number < len(self.redemptions):
            capture(taking(self.offer, self.redemptions[number], quantity), day=DAY, at=self.at)

    def release(self, number: int) -> None:
        if number < len(self.redemptions):
            release(
                ReleaseOrder(new_key(), self.redemptions[number], organisation=self.merchant.code), at=self.at
            )

    def refund(self, number: int, points: int) -> None:
        if number < len(self.redemptions):
            redemption = Redemption.objects.get(pk=self.redemptions[number])
            order = RefundOrder(new_key(), redemption.pk, self.merchant.code, points, "test")
            refund(order, day=DAY, at=self.at)

    def settle(self) -> None:
        order = SettleOrder(new_key(), self.merchant.code, self.sponsor.code, self.at)
        answer = settle(order, at=self.at)
        if answer.refusal is None:
            self.settled += answer.accepted()["points"]

    def wait(self, days: int) -> None:
        self.at += timedelta(days=days)
        expire_redemptions(at=self.at)
        self.over += expire(self.sponsor, at=self.at)


@pytest.mark.slow
@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_points_come_from_conversions_and_reductions_from_lots(
    steps: list[tuple[Any, ...]],
) -> None:
    history = History()
    before, _ = reductions_mg()

    for verb, *arguments in steps:
        getattr(history, verb)(*arguments)

    issued, here = reductions_mg()
    assert issued == here
    assert issued - before == history.certified_mg
    shown = liability(history.sponsor, at=history.at)
    assert shown.outstanding_points == history.minted - history.over - history.settled
    assert shown.residents_points == sum(sum(points_of(one, history.sponsor)) for one in history.people)
    assert shown.reserve_minor == shown.outstanding_points * 100
    assert shown.budget_minor + shown.reserve_minor + history.settled * 100 == 6_000
    assert findings() == []
