"""Points of a reduction that is clawed back: they stay or go back, as the rule of their day says; never below zero."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from points.book import (
    AT,
    DAY,
    KG,
    RULE,
    captured,
    certify,
    findings,
    held,
    new_key,
    new_offer,
    new_resident,
    new_sponsor,
    points_of,
)
from tanpuhui.ledger.account import LEDGER_ITSELF, Kind, account_id
from tanpuhui.ledger.asset import get_or_create_asset
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.points.convert import ConvertOrder, convert
from tanpuhui.points.models import Sponsor, TakeBack
from tanpuhui.points.rule import ConversionRule
from tanpuhui.points.sponsor import liability
from tanpuhui.points.take_back import take_back
from unjudged import unjudged

#: Reductions stay with the resident and can be sold; whoever loses them loses the points.
STRICT = replace(RULE, consumes_claim=False, on_clawback="take_back")
MILD = replace(RULE, consumes_claim=False)


def claw_back(resident: int, asset: int, amount_mg: int) -> None:
    legs = move(
        source=account_id(Kind.RESIDENT_CERTIFIED, resident),
        target=account_id(Kind.CANCELLED, resident),
        asset_id=asset,
        amount=amount_mg,
    )
    transfer(connection, TransferOrder(new_key(), "claw_back", DAY, legs), at=AT).accepted()


def converted(
    sponsor: Sponsor, points: int, rule: ConversionRule = STRICT, resident: int | None = None
) -> tuple[int, int]:
    """A resident who converted a lot of just so many points; the lot's number in the ledger."""
    who = resident if resident is not None else new_resident()
    asset = certify(who, points * KG)
    convert(ConvertOrder(new_key(), sponsor.code, who, points, DAY), rule, at=AT).accepted()
    return who, asset


def answer(resident: int) -> tuple[int, int]:
    done = take_back(resident, day=DAY, at=AT)
    return done.points, done.lost_points


@pytest.fixture()
def sponsor() -> Sponsor:
    return new_sponsor("1000.00", value_minor=100)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("gone_mg", "left"), [(0, 10), (1, 10), (KG - 1, 10), (KG, 9), (4 * KG + 1, 6), (10 * KG, 0)]
)
def test_whole_points_of_what_is_gone_go_back_with_the_money_behind_them(
    sponsor: Sponsor, gone_mg: int, left: int
) -> None:
    resident, asset = converted(sponsor, 10)
    if gone_mg:
        claw_back(resident, asset, gone_mg)

    done = [answer(resident), answer(resident)]

    assert done == [(10 - left, 0), (0, 0)]
    assert points_of(resident, sponsor) == (left, 0)
    owed = liability(sponsor, at=AT)
    assert (owed.outstanding_points, owed.reserve_minor, owed.budget_minor) == (
        left,
        left * 100,
        100_000 - left * 100,
    )
    assert findings() == []


def credit(resident: int, amount_mg: int, *, back: bool = False) -> None:
    """A household's saving that a close credited, or corrected downwards: pending for good."""
    outside = account_id(Kind.ISSUANCE, LEDGER_ITSELF)
    mine = account_id(Kind.RESIDENT_PENDING, resident)
    legs = move(
        source=mine if back else outside,
        target=outside if back else mine,
        asset_id=get_or_create_asset(connection, "pending:shenzhen/household-electricity@1:2026").id,
        amount=amount_mg,
    )
    with unjudged():
        transfer(connection, TransferOrder(new_key(), "close", DAY, legs), at=AT).accepted()


@pytest.mark.django_db
def test_what_a_household_saved_keeps_its_points_when_something_else_is_clawed_back(sponsor: Sponsor) -> None:
    resident = new_resident()
    credit(resident, 5 * KG)
    convert(ConvertOrder(new_key(), sponsor.code, resident, 5, DAY), STRICT, at=AT).accepted()
    _, asset = converted(sponsor, 4, resident=resident)
    claw_back(resident, asset, 3 * KG)

    done = [answer(resident), answer(resident)]
    credit(resident, 2 * KG, back=True)
    corrected = answer(resident)

    assert (done, corrected) == ([(3, 0), (0, 0)], (2, 0))
    assert points_of(resident, sponsor) == (9 - 3 - 2, 0)
    assert findings() == []


@pytest.mark.django_db
def test_what_is_spent_or_held_is_the_sponsors_loss_and_is_written_down(sponsor: Sponsor) -> None:
    resident, asset = converted(sponsor, 10)
    offer = new_offer(sponsor)
    captured(offer, resident)
    held(offer, resident)
    claw_back(resident, asset, 7 * KG)

    assert answer(resident) == (4, 3)

    assert points_of(resident, sponsor) == (0, 3)
    row = TakeBack.objects.get()
    assert (row.points, row.lost_points, row.clawed_back_mg) == (4, 3, 7 * KG)
    assert findings() == []


@pytest.mark.django_db
def test_what_was_lost_once_is_not_asked_for_again_when_points_come_in(sponsor: Sponsor) -> None:
    resident, asset = converted(sponsor, 3)
    captured(new_offer(sponsor), resident)
    claw_back(resident, asset, 3 * KG)
    first = answer(resident)
    converted(sponsor, 5, resident=resident)

    assert (first, answer(resident)) == ((0, 3), (0, 0))

    assert points_of(resident, sponsor) == (5, 0)


@pytest.mark.django_db
def test_the_rule_of_the_day_of_conversion_counts_and_where_it_is_silent_points_stay(
    sponsor: Sponsor,
) -> None:
    resident, asset = converted(sponsor, 10, MILD)
    claw_back(resident, asset, 10 * KG)

    assert answer(resident) == (0, 0)

    assert points_of(resident, sponsor) == (10, 0)
    assert "on_clawback" not in MILD.as_json()
    assert findings() == []


@pytest.mark.django_db
def test_what_was_converted_last_is_gone_first(sponsor: Sponsor) -> None:
    resident = new_resident()
    asset = certify(resident, 10 * KG)
    for rule, points in ((MILD, 4), (STRICT, 6)):
        convert(ConvertOrder(new_key(), sponsor.code, resident, points, DAY), rule, at=AT).accepted()
    claw_back(resident, asset, 8 * KG)

    assert answer(resident) == (6, 0)

    assert points_of(resident, sponsor) == (4, 0)


@pytest.mark.slow
class TestAnyHistory(TestCase):
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        steps=st.lists(
            st.tuples(st.sampled_from(["convert", "claw", "spend", "answer"]), st.integers(1, 9)), max_size=12
        )
    )
    def test_nothing_goes_below_zero_and_every_whole_point_is_answered_once(
        self, steps: list[tuple[str, int]]
    ) -> None:
        sponsor, resident = new_sponsor("1000.00", value_minor=100), new_resident()
        offer = new_offer(sponsor, price_points=1)
        lots: dict[int, int] = {}
        spent = 0
        for step, size in [*steps, ("answer", 1)]:
            if step == "convert":
                _, asset = converted(sponsor, size, resident=resident)
                lots[asset] = size * KG
            elif step == "claw" and lots:
                asset = min(lots)
                amount = min(lots[asset], size * KG // 2 + 1)
                claw_back(resident, asset, amount)
                lots[asset] -= amount
                lots = {one: left for one, left in lots.items() if left}
            elif step == "spend" and points_of(resident, sponsor)[0] >= size:
                captured(offer, resident, size)
                spent += size
            elif step == "answer":
                answer(resident)

        rows = TakeBack.objects.filter(account=resident)
        assert all(row.points + row.lost_points >= 1 for row in rows)
        earned = sum(size for step, size in steps if step == "convert")
        back = sum(row.points for row in rows)
        assert points_of(resident, sponsor)[0] == earned - back - spent >= 0
        assert answer(resident) == (0, 0)
        assert findings() == []
