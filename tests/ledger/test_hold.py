"""Holds: set aside at once, captured in whole or part, released or expired, and closed only once."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from django.db import connection

from ledger.bookings import (
    AT,
    DAY,
    available,
    fund,
    held,
    in_parallel,
    moving,
    new_asset,
    new_key,
    new_pool,
    new_resident,
)
from tanpuhui.ledger.capture import CaptureOrder, Take, capture
from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.ledger.invariants import check
from tanpuhui.ledger.refusals import (
    CaptureExceedsHold,
    HoldClosed,
    Insufficient,
    KeyReused,
    UnknownHold,
)
from tanpuhui.ledger.release import expire_holds, release
from tanpuhui.ledger.transfer import transfer

pytestmark = pytest.mark.django_db


@pytest.fixture()
def asset() -> int:
    return new_asset()


@pytest.fixture()
def resident(asset: int) -> int:
    account = new_resident()
    fund(account, asset, 100)
    return account


def holding(account: int, asset: int, amount: int, *, minutes: int | None = None, key: str = "") -> HoldOrder:
    expires_at = AT + timedelta(minutes=minutes) if minutes else None
    return HoldOrder(key or new_key(), "redeem", (HoldLine(account, asset, amount),), expires_at)


def taking(hold_id: int, target: int, amount: int, line: int = 1) -> CaptureOrder:
    return CaptureOrder(new_key(), hold_id, "redeemed", DAY, (Take(line, target, amount),))


@pytest.mark.parametrize("amount", [1, 100])
def test_what_is_held_cannot_be_spent(resident: int, asset: int, amount: int) -> None:
    hold(connection, holding(resident, asset, amount), at=AT).accepted()

    answer = transfer(connection, moving(resident, new_pool(), asset, 101 - amount), at=AT)

    assert isinstance(answer.refusal, Insufficient)
    assert (available(resident), held(resident)) == (100 - amount, amount)


def test_more_than_there_is_cannot_be_held(resident: int, asset: int) -> None:
    answer = hold(connection, holding(resident, asset, 101), at=AT)

    assert isinstance(answer.refusal, Insufficient)
    assert (available(resident), held(resident)) == (100, 0)


def test_six_holds_of_a_fifth_are_five(resident: int, asset: int) -> None:
    answers = [hold(connection, holding(resident, asset, 20), at=AT) for _ in range(6)]

    assert [answer.state for answer in answers] == ["open"] * 5 + ["refused"]


def test_a_repeated_hold_holds_once(resident: int, asset: int) -> None:
    order = holding(resident, asset, 60)

    first = hold(connection, order, at=AT)
    again = hold(connection, order, at=AT)

    assert again == dataclasses.replace(first, repeated=True)
    assert held(resident) == 60


def test_a_hold_key_with_other_content_is_refused(resident: int, asset: int) -> None:
    order = holding(resident, asset, 60)
    hold(connection, order, at=AT)

    with pytest.raises(KeyReused):
        hold(connection, holding(resident, asset, 61, key=order.key), at=AT)


def test_a_refused_hold_stays_refused(asset: int) -> None:
    poor = new_resident()
    order = holding(poor, asset, 60)
    hold(connection, order, at=AT)
    fund(poor, asset, 100)

    assert isinstance(hold(connection, order, at=AT).refusal, Insufficient)
    assert (available(poor), held(poor)) == (100, 0)


@pytest.mark.parametrize("amount", [1, 59, 60])
def test_a_capture_takes_its_part_and_frees_the_rest(resident: int, asset: int, amount: int) -> None:
    pool = new_pool()
    hold_id = hold(connection, holding(resident, asset, 60), at=AT).accepted()

    capture(connection, taking(hold_id, pool, amount), at=AT).accepted()

    assert (available(resident), held(resident), available(pool)) == (100 - amount, 0, amount)


def test_a_capture_of_more_than_is_held_is_refused_though_more_is_available(
    resident: int, asset: int
) -> None:
    hold_id = hold(connection, holding(resident, asset, 60), at=AT).accepted()

    answer = capture(connection, taking(hold_id, new_pool(), 61), at=AT)

    assert isinstance(answer.refusal, CaptureExceedsHold)
    assert (available(resident), held(resident)) == (40, 60)


def test_a_line_that_a_hold_does_not_have_holds_nothing(resident: int, asset: int) -> None:
    hold_id = hold(connection, holding(resident, asset, 60), at=AT).accepted()

    answer = capture(connection, taking(hold_id, new_pool(), 1, line=2), at=AT)

    assert isinstance(answer.refusal, CaptureExceedsHold)


def test_a_repeated_capture_takes_once(resident: int, asset: int) -> None:
    pool = new_pool()
    hold_id = hold(connection, holding(resident, asset, 60), at=AT).accepted()
    order = taking(hold_id, pool, 50)

    first = capture(connection, order, at=AT)
    again = capture(connection, order, at=AT)

    assert again == dataclasses.replace(first, repeated=True)
    assert available(pool) == 50


def test_a_captured_hold_is_closed_for_capture_and_release(resident: int, asset: int) -> None:
    hold_id = hold(connection, holding(resident, asset, 60), at=AT).accepted()
    capture(connection, taking(hold_id, new_pool(), 60), at=AT).accepted()

    answer = capture(connection, taking(hold_id, new_pool(), 1), at=AT)

    assert isinstance(answer.refusal, HoldClosed)
    with pytest.raises(HoldClosed):
        release(connection, hold_id, at=AT)


def test_a_refused_hold_cannot_be_captured(asset: int) -> None:
    answer = hold(connection, holding(new_resident(), asset, 1), at=AT)

    assert isinstance(capture(connection, taking(answer.id, new_pool(), 1), at=AT).refusal, HoldClosed)


def test_a_release_gives_everything_back_and_says_whether_it_did(resident: int, asset: int) -> None:
    hold_id = hold(connection, holding(resident, asset, 60), at=AT).accepted()

    assert release(connection, hold_id, at=AT) is True
    assert release(connection, hold_id, at=AT) is False
    assert (available(resident), held(resident)) == (100, 0)


def test_a_released_hold_cannot_be_captured(resident: int, asset: int) -> None:
    hold_id = hold(connection, holding(resident, asset, 60), at=AT).accepted()
    release(connection, hold_id, at=AT)

    answer = capture(connection, taking(hold_id, new_pool(), 60), at=AT)

    assert isinstance(answer.refusal, HoldClosed)
    assert answer.refusal.facts["state"] == "released"


def test_a_hold_nobody_opened_is_unknown() -> None:
    with pytest.raises(UnknownHold):
        release(connection, 2**62, at=AT)
    assert isinstance(capture(connection, taking(2**62, new_pool(), 1), at=AT).refusal, UnknownHold)


def test_a_hold_can_be_captured_until_its_time_and_not_at_it(resident: int, asset: int) -> None:
    orders = [holding(resident, asset, 10, minutes=15) for _ in range(2)]
    early, late = (hold(connection, order, at=AT).accepted() for order in orders)
    over = AT + timedelta(minutes=15)

    taken = capture(connection, taking(early, new_pool(), 10), at=over - timedelta(microseconds=1))
    refused = capture(connection, taking(late, new_pool(), 10), at=over)

    assert taken.state == "posted"
    assert isinstance(refused.refusal, HoldClosed)
    assert refused.refusal.facts["state"] == "expired"


def test_expiry_frees_what_is_over_and_leaves_the_rest(resident: int, asset: int) -> None:
    hold(connection, holding(resident, asset, 10, minutes=15), at=AT)
    hold(connection, holding(resident, asset, 20, minutes=30), at=AT)
    hold(connection, holding(resident, asset, 40), at=AT)

    count = expire_holds(connection, at=AT + timedelta(minutes=15))

    assert count == 1
    assert (available(resident), held(resident)) == (40, 60)


def test_a_hold_over_two_accounts_is_all_or_nothing_and_is_captured_together(
    resident: int, asset: int
) -> None:
    points, shopper, shop = new_asset("points"), new_resident(), new_pool()
    fund(shopper, points, 5)
    both = (HoldLine(resident, asset, 60), HoldLine(shopper, points, 5))
    too_much = (HoldLine(resident, asset, 60), HoldLine(shopper, points, 6))

    refused = hold(connection, HoldOrder(new_key(), "pair", too_much), at=AT)
    hold_id = hold(connection, HoldOrder(new_key(), "pair", both), at=AT).accepted()
    takes = (Take(1, shop, 50), Take(2, shop, 5))
    capture(connection, CaptureOrder(new_key(), hold_id, "pair", DAY, takes), at=AT).accepted()

    assert refused.state == "refused"
    assert (available(resident), available(shopper), available(shop)) == (50, 0, 55)
    assert check(connection) == []


@pytest.mark.django_db(transaction=True)
def test_of_captures_and_releases_at_once_exactly_one_wins(resident: int, asset: int) -> None:
    pool = new_pool()
    hold_id = hold(connection, holding(resident, asset, 60), at=AT).accepted()

    def close(number: int) -> object:
        if number % 2:
            return release(connection, hold_id, at=AT)
        return capture(connection, taking(hold_id, pool, 60), at=AT).accepted()

    results = in_parallel(8, close)

    won = [result for result in results if not isinstance(result, Exception) and result is not False]
    assert len(won) == 1
    assert (available(resident), available(pool)) in ((100, 0), (40, 60))
    assert held(resident) == 0


@pytest.mark.django_db(transaction=True)
def test_holds_and_transfers_at_once_never_promise_a_milligram_twice(resident: int, asset: int) -> None:
    def want(number: int) -> object:
        if number % 2:
            return hold(connection, holding(resident, asset, 30), at=AT).state
        return transfer(connection, moving(resident, new_pool(), asset, 30), at=AT).state

    states = in_parallel(8, want)

    assert sorted(states).count("refused") == 5
    assert available(resident) == 10
    assert check(connection) == []
