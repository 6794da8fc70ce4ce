"""Points end: first in, first out; and go to somebody else only where a rule says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from points.book import (
    AT,
    DAY,
    RULE,
    captured,
    certify,
    code_of,
    findings,
    held,
    new_key,
    new_offer,
    new_resident,
    new_sponsor,
    points_of,
    with_points,
)
from tanpuhui.points.convert import ConvertOrder, convert
from tanpuhui.points.expire import expire
from tanpuhui.points.give import GiveOrder, give
from tanpuhui.points.models import Earning, Sponsor
from tanpuhui.points.redeem import expire_redemptions
from tanpuhui.points.rule import ConversionRule
from tanpuhui.points.sponsor import liability

pytestmark = pytest.mark.django_db
YEAR = datetime(2027, 11, 25, 4, 0, tzinfo=UTC)
OPEN = replace(RULE, transferable=True)


@pytest.fixture()
def sponsor() -> Sponsor:
    return new_sponsor("1000.00", value_minor=100)


def convert_more(
    sponsor: Sponsor, resident: int, points: int, at: datetime, rule: ConversionRule = RULE
) -> None:
    certify(resident, points * rule.mg_per_point)
    convert(ConvertOrder(new_key(), sponsor.code, resident, points, DAY), rule, at=at).accepted()


def test_points_are_good_for_the_months_of_their_rule_and_a_last_day_stays_one() -> None:
    assert RULE.expires_at(AT) == YEAR
    end = datetime(2027, 8, 31, tzinfo=UTC)
    assert replace(RULE, validity_months=6).expires_at(end) == datetime(2028, 2, 29, tzinfo=UTC)
    assert replace(RULE, validity_months=None).expires_at(end).year == 9999


def test_points_end_when_their_time_is_over_and_the_money_is_free_again(sponsor: Sponsor) -> None:
    resident = with_points(sponsor, 10)

    before = expire(sponsor, at=YEAR - timedelta(microseconds=1))
    counts = [expire(sponsor, at=YEAR), expire(sponsor, at=YEAR)]

    assert (before, counts) == (0, [10, 0])
    assert points_of(resident, sponsor) == (0, 0)
    shown = liability(sponsor, at=YEAR)
    assert (shown.outstanding_points, shown.reserve_minor, shown.budget_minor) == (0, 0, 100_000)
    assert findings() == []


def test_the_oldest_points_are_used_first(sponsor: Sponsor) -> None:
    resident, offer = with_points(sponsor, 10), new_offer(sponsor)
    convert_more(sponsor, resident, 5, AT + timedelta(days=30))
    captured(offer, resident, 2)

    over = expire(sponsor, at=YEAR)

    assert over == 10 - 6
    assert points_of(resident, sponsor) == (5, 0)
    assert findings() == []


def test_a_rule_that_is_shorter_later_takes_nothing_from_what_was_earned(sponsor: Sponsor) -> None:
    resident = with_points(sponsor, 10)
    convert_more(sponsor, resident, 5, AT, replace(RULE, validity_months=1))

    assert expire(sponsor, at=YEAR - timedelta(days=1)) == 0
    assert expire(sponsor, at=YEAR) == 15


def test_what_is_held_waits_for_its_end(sponsor: Sponsor) -> None:
    resident, offer = with_points(sponsor, 10), new_offer(sponsor, code_s=60)
    held(offer, resident, 2)

    first = expire(sponsor, at=YEAR)
    expire_redemptions(at=YEAR)
    second = expire(sponsor, at=YEAR)

    assert (first, second) == (4, 6)
    assert findings() == []


def test_points_are_not_given_where_no_rule_says_so(sponsor: Sponsor) -> None:
    one, other = with_points(sponsor, 10), new_resident()

    answer = give(GiveOrder(new_key(), sponsor.code, one, other, 4, DAY), RULE, at=AT)

    assert code_of(answer) == "points.not_transferable"
    assert (points_of(one, sponsor), points_of(other, sponsor)) == ((10, 0), (0, 0))


@pytest.mark.parametrize("points", [0, -1, 11, 2**63, 10**30])
def test_more_than_there_is_is_not_given(sponsor: Sponsor, points: int) -> None:
    one, other = with_points(sponsor, 10), new_resident()

    answer = give(GiveOrder(new_key(), sponsor.code, one, other, points, DAY), OPEN, at=AT)

    assert code_of(answer) == "points.too_few_to_give"
    assert points_of(one, sponsor) == (10, 0)


def test_what_is_given_is_over_when_it_would_have_been(sponsor: Sponsor) -> None:
    one, other = with_points(sponsor, 10), new_resident()
    order = GiveOrder(new_key(), sponsor.code, one, other, 10, DAY)

    give(order, OPEN, at=AT + timedelta(days=100)).accepted()
    give(order, OPEN, at=AT + timedelta(days=200)).accepted()

    assert Earning.objects.get(account=other).expires_at == YEAR
    assert points_of(other, sponsor) == (10, 0)
    assert expire(sponsor, at=YEAR) == 10
    assert findings() == []
