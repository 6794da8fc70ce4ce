"""What time alone makes due is done by whoever works, again and again, and one failure keeps nothing else."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from threading import Event

import pytest
from django.db import connection, transaction

from ledger.bookings import in_parallel
from ledger.bookings import new_key as ledger_key
from market.exchange import new_key as exchange_key
from money.bank import pay_in
from points.book import AT, findings, held, new_offer, new_sponsor, points_of, with_points
from pooling.pond import DEMO, joined, lot_of, new_company, new_pool, opened, people
from pooling.pond import findings as pool_findings
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.market.listing import TakeOrder, take
from tanpuhui.market.member import MembershipOrder, admit
from tanpuhui.periodic.rounds import Periodic, Rounds, verbs
from tanpuhui.points.models import Closing
from tanpuhui.points.sponsor import liability
from tanpuhui.pooling.on_market import OfferOrder, offer
from tanpuhui.pooling.rounds import kept_t, sold_t

NAMES = {
    "points.expire_redemptions",
    "ledger.expire_holds",
    "points.expire",
    "points.deliver",
    "market.expire",
    "pooling.settle",
    "credentials.status_lists",
    "integrity.hold",
    "erasure.retain",
    "federation.send",
}


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


@pytest.mark.django_db(transaction=True)
def test_a_round_that_falls_due_while_another_process_is_in_one_is_not_done_beside_it() -> None:
    """As on a slow disk, where a round takes longer than the time between two."""
    begun, go_on, clock, done = Event(), Event(), Clock(), list[str]()

    def stand(_at: datetime) -> int:
        begun.set()
        assert go_on.wait(30)
        done.append("first")
        return 1

    def first(_number: int) -> dict[str, int | None]:
        return Rounds((Periodic("a", 10, stand),)).tend()

    def second(_number: int) -> list[dict[str, int | None]]:
        assert begun.wait(30)
        rounds = Rounds((Periodic("a", 10, lambda _at: len(done.append("second") or done)),), clock)
        beside = [rounds.tend(), rounds.tend()]
        go_on.set()
        while "first" not in done or not (after := rounds.tend()):
            time.sleep(0.01)
        return [*beside, after]

    results = in_parallel(2, lambda number: (first, second)[number](number))

    assert results == [{"a": 1}, [{}, {}, {"a": 2}]]
    assert done == ["first", "second"]


@pytest.mark.django_db(transaction=True)
def test_what_is_not_paid_in_time_ends_and_a_pool_has_what_the_market_sold() -> None:
    pool = new_pool()
    buyer = new_company("acme")
    for code in (pool.code, buyer.code):
        admit(MembershipOrder(exchange_key(), code, "contract"), at=AT).accepted()
    (account,) = people(1)
    lot = lot_of({account: 10 * TONNE_MG})
    joined(pool, account)
    with transaction.atomic():
        of_round = opened(pool, lot, 10, at=AT)
    with transaction.atomic():
        listing = offer(OfferOrder("offer", of_round.pk, 10, "65.00", 30), at=AT).listing_id
        take(TakeOrder("unpaid", listing, buyer.code, 4), DEMO, at=AT).accepted()
    with transaction.atomic():
        pay_in(buyer, "130.00")
        take(TakeOrder("paid", listing, buyer.code, 2), DEMO, at=AT).accepted()
    clock = Clock()
    rounds = Rounds(clock=clock)

    first = rounds.tend(at=AT)
    clock.now = 301
    second = rounds.tend(at=AT + timedelta(hours=48))

    assert (first["market.expire"], first["pooling.settle"]) == (0, 1)
    assert (second["market.expire"], second["pooling.settle"]) == (1, 0)
    # 2 t are sold and 4 t still listed; the 4 t that nobody paid are kept again.
    assert (sold_t(of_round), kept_t(of_round)) == (2, 4)
    assert pool_findings() == []


@pytest.mark.django_db(transaction=True)
def test_a_place_without_a_market_has_nothing_that_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANPUHUI_JURISDICTION", "shenzhen")

    assert Rounds(clock=Clock()).tend(at=AT)["market.expire"] == 0


@pytest.mark.django_db
def test_every_verb_has_a_name_of_its_own() -> None:
    assert {one.name for one in verbs()} >= NAMES
    assert len({one.name for one in verbs()}) == len(verbs())
