"""What a resident has and when it is over; how an offer stands; and codes that are read out."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from points.book import (
    AT,
    DAY,
    RULE,
    captured,
    certify,
    held,
    new_key,
    new_offer,
    new_resident,
    new_sponsor,
    with_points,
)
from tanpuhui.points import code
from tanpuhui.points.balance import Batch, balances_of, expiring, left_of
from tanpuhui.points.convert import ConvertOrder, convert
from tanpuhui.points.models import Redemption, Sponsor
from tanpuhui.points.offer import stop
from tanpuhui.points.sponsor import FundOrder, fund, fundings
from tanpuhui.points.standing import standing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
ZONE = "Asia/Shanghai"


def on(month: int) -> datetime:
    return datetime(2027, month, 15, tzinfo=ZoneInfo(ZONE))


@pytest.mark.parametrize(
    ("has", "left"),
    [
        (0, []),
        (1, [(1, 9)]),
        (4, [(4, 9)]),
        (5, [(1, 6), (4, 9)]),
        (9, [(2, 3), (3, 6), (4, 9)]),
        (10, [(3, 3), (3, 6), (4, 9)]),
        (11, [(3, 3), (3, 6), (4, 9)]),
    ],
)
def test_the_oldest_points_are_used_first(has: int, left: list[tuple[int, int]]) -> None:
    earned = [Batch(4, on(9)), Batch(3, on(3)), Batch(3, on(6))]

    assert left_of(earned, has, at=AT) == tuple(Batch(points, on(month)) for points, month in left)


def test_what_is_over_is_not_left_and_what_ends_together_is_one() -> None:
    earned = [Batch(4, on(3)), Batch(2, on(6)), Batch(2, on(6))]

    assert left_of(earned, 8, at=on(3)) == (Batch(4, on(6)),)


def test_a_balance_says_what_is_free_and_what_is_held() -> None:
    sponsor = new_sponsor()
    account = with_points(sponsor, 10)
    held(new_offer(sponsor), account)

    [found] = balances_of(account, at=AT)

    assert (found.sponsor, found.available, found.held, found.points) == (sponsor, 7, 3, 10)
    assert [one.points for one in found.batches] == [10]
    assert balances_of(new_resident(), at=AT) == []


def test_what_will_be_over_is_summed_by_month_over_everybody() -> None:
    sponsor, other = new_sponsor(), new_sponsor()
    first, second = with_points(sponsor, 10), with_points(sponsor, 5)
    with_points(other, 50)
    later = AT + timedelta(days=40)
    certify(first, 7 * RULE.mg_per_point)
    order = ConvertOrder(new_key(), sponsor.code, first, 7, DAY)
    convert(order, RULE, at=later).accepted()
    captured(new_offer(sponsor), first)
    held(new_offer(sponsor), second)

    found = expiring(sponsor, at=later, zone=ZONE)

    assert found == [("2027-11", 7 + 5), ("2028-01", 7)]
    assert expiring(sponsor, at=later + timedelta(days=365 * 2), zone=ZONE) == []


def test_fundings_are_what_came_in_newest_first() -> None:
    sponsor = new_sponsor("10.00")
    fund(FundOrder(new_key(), sponsor.code, "2.50", "CNY", "B-2"), at=AT).accepted()
    with_points(sponsor, 1)

    assert [one.amount_minor for one in fundings(sponsor)] == [250, 1_000]


def test_an_offer_is_soon_then_open_then_over() -> None:
    offer = new_offer(new_sponsor())
    day = timezone.localdate(AT)

    states = [
        standing(offer, at=at, day=day).state
        for at in (
            offer.starts_at - timedelta(microseconds=1),
            offer.starts_at,
            offer.ends_at - timedelta(microseconds=1),
            offer.ends_at,
        )
    ]

    assert states == ["soon", "open", "open", "over"]


def test_an_offer_is_sold_out_for_the_day_or_for_good_and_stopped_is_stopped() -> None:
    sponsor: Sponsor = new_sponsor()
    account = with_points(sponsor, 30)
    daily, last = new_offer(sponsor, per_day=1, stock=5), new_offer(sponsor, stock=1)
    fresh = standing(daily, at=AT, day=DAY)
    held(daily, account)
    held(last, account)
    stop(last.code, reason="x", at=AT + timedelta(hours=1))

    today, tomorrow = (standing(daily, at=AT, day=DAY + timedelta(days=one)) for one in (0, 1))

    assert (fresh.left, fresh.left_today) == (5, 1)
    assert (today.state, today.left, today.left_today) == ("day_full", 4, 0)
    assert (tomorrow.state, tomorrow.left_today) == ("open", 1)
    assert standing(last, at=AT, day=DAY).state == "sold_out"
    assert standing(last, at=AT + timedelta(hours=1), day=DAY).state == "stopped"


def test_a_code_that_is_read_out_is_the_same_each_time_and_forgives_how_it_is_typed() -> None:
    sponsor = new_sponsor()
    offer = new_offer(sponsor)
    found = Redemption.objects.get(pk=held(offer, with_points(sponsor, 10)))
    token = code.sign(found, offer)

    spoken = code.spoken(token, found.pk)

    assert spoken == code.spoken(code.sign(found, offer), found.pk)
    assert code.number_of(spoken) == found.pk
    assert code.as_spoken(f"  {spoken.lower().replace('-', ' ')} ") == spoken
    assert code.as_spoken("7-OIL000") == "7-011000"
    assert spoken != code.spoken(token + "x", found.pk)


@pytest.mark.parametrize(
    "text", ["", "7", "7-", "7-ABCDE", "7-ABCDEFG", "x-ABCDEF", "a.b.c", "1" * 19 + "-ABCDEF"]
)
def test_what_is_not_read_out_has_no_number(text: str) -> None:
    assert code.number_of(text) is None
