"""What time alone makes due is done by whoever works, again and again, and one failure keeps nothing else."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction

from ledger.bookings import in_parallel
from ledger.bookings import new_key as ledger_key
from points.book import AT, findings, held, new_offer, new_sponsor, points_of, with_points
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.periodic.rounds import Periodic, Rounds, verbs
from tanpuhui.points.models import Closing
from tanpuhui.points.sponsor import liability

NAMES = {"points.expire_redemptions", "ledger.expire_holds", "points.expire", "points.deliver"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.django_db(transaction=True)
def test_redemptions_holds_and_points_that_are_over_end_without_anybody_asking() -> None:
    sponsor = new_sponsor("1000.00", value_minor=100)
    resident, offer = with_points(sponsor, 10), new_offer(sponsor, stock=5, code_s=60)
    redemption = held(offer, resident)
    line = HoldLine(account_id(Kind.RESIDENT_POINTS, resident), sponsor.points_asset, 2)
    over = AT + timedelta(seconds=60)
    hold(connection, HoldOrder(ledger_key(), "test", (line,), over), at=AT).accepted()
    clock = Clock()
    rounds = Rounds(clock=clock)

    first = rounds.tend(at=AT)
    before = points_of(resident, sponsor)
    clock.now = 31
    second = rounds.tend(at=over)
    clock.now = 3_601
    third = rounds.tend(at=AT + timedelta(days=400))

    assert first == dict.fromkeys(NAMES, 0)
    assert before == (5, 5)
    assert {name: count for name, count in second.items() if count} == {
        "points.expire_redemptions": 1,
        "ledger.expire_holds": 1,
    }
    assert Closing.objects.get(pk=redemption).state == "expired"
    assert third["points.expire"] == 10
    assert points_of(resident, sponsor) == (0, 0)
    assert liability(sponsor, at=AT + timedelta(days=400)).as_json()["outstanding_points"] == 0
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_nothing_is_done_before_it_is_due_again() -> None:
    clock, done = Clock(), []
    rounds = Rounds((Periodic("a", 10, lambda _at: len(done.append("a") or done)),), clock)

    counts = []
    for clock.now in (0.0, 9.9, 10.0, 15.0, 20.0):
        counts.append(rounds.tend(at=AT))

    assert counts == [{"a": 1}, {}, {"a": 2}, {}, {"a": 3}]


@pytest.mark.django_db(transaction=True)
def test_a_verb_that_fails_is_logged_tried_again_and_keeps_no_other_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_at: datetime) -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
        raise AssertionError

    rounds = Rounds((Periodic("bad", 10, fail), Periodic("good", 10, lambda _at: 1)), Clock())

    with caplog.at_level(logging.ERROR, "tanpuhui.periodic"):
        counts = [rounds.tend(at=AT), rounds.tend(at=AT)]

    assert counts == [{"bad": None, "good": 1}, {"bad": None}]
    assert [record.message for record in caplog.records] == ["bad", "bad"]


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_do_each_thing_once() -> None:
    sponsor = new_sponsor("1000.00", value_minor=100)
    offer = new_offer(sponsor, stock=50, code_s=60)
    for _ in range(5):
        held(offer, with_points(sponsor, 3))
    over = AT + timedelta(seconds=60)

    results = in_parallel(4, lambda _number: Rounds().tend(at=over))

    counts = [result.get("points.expire_redemptions", 0) for result in results]
    assert sum(counts) == 5
    assert findings() == []


@pytest.mark.django_db
def test_every_verb_has_a_name_of_its_own() -> None:
    assert {one.name for one in verbs()} >= NAMES
    assert len({one.name for one in verbs()}) == len(verbs())
