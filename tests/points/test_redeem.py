"""Redeeming: held, then captured or released, once; refusals change nothing and stay what they were."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from django.db import connection, transaction

from ledger.bookings import in_parallel
from points.book import (
    AT,
    DAY,
    code_of,
    findings,
    held,
    new_key,
    new_offer,
    new_organisation,
    new_sponsor,
    points_of,
    taking,
    wanting,
    with_points,
)
from tanpuhui.ledger.release import expire_holds
from tanpuhui.points.models import Closing, Redemption, Sponsor, Stripe, Use
from tanpuhui.points.offer import left_of, stop
from tanpuhui.points.redeem import (
    ReleaseOrder,
    capture,
    expire_redemptions,
    redeem,
    release,
)
from tanpuhui.points.refusals import KeyReused, MayBeAccepted, UnknownRedemption
from tanpuhui.points.sponsor import liability

pytestmark = pytest.mark.django_db


@pytest.fixture()
def sponsor() -> Sponsor:
    return new_sponsor()


def test_what_is_held_is_captured_and_the_merchant_has_it(sponsor: Sponsor) -> None:
    resident, offer = with_points(sponsor, 10), new_offer(sponsor)

    redemption = held(offer, resident, quantity=2)
    during = points_of(resident, sponsor)
    answer = capture(taking(offer, redemption), day=DAY, at=AT)

    assert during == (4, 6)
    assert (answer.accepted(), answer.state) == (redemption, "captured")
    assert points_of(resident, sponsor) == (4, 0)
    shown = liability(sponsor, at=AT)
    assert (shown.outstanding_points, shown.residents_points, shown.merchants_points) == (10, 4, 6)
    assert findings() == []


def test_too_few_points_hold_nothing_and_the_same_key_stays_refused(sponsor: Sponsor) -> None:
    resident, offer = with_points(sponsor, 2), new_offer(sponsor, stock=5, per_person=5)
    order = wanting(offer, resident)

    first = redeem(order, at=AT)
    from points.book import RULE, certify
    from tanpuhui.points.convert import ConvertOrder, convert

    certify(resident, 5 * RULE.mg_per_point)
    convert(ConvertOrder(new_key(), sponsor.code, resident, 5, DAY), RULE, at=AT).accepted()
    again = redeem(order, at=AT)

    assert code_of(first) == "points.too_few"
    assert first.refusal is not None
    assert first.refusal.facts == {"offer": offer.code, "wanted": 3, "available": 2}
    assert (code_of(again), again.id, again.repeated) == ("points.too_few", first.id, True)
    assert points_of(resident, sponsor) == (7, 0)
    assert left_of([offer.pk]) == {offer.pk: 5}
    assert not Use.objects.filter(offer_id=offer.pk, total__gt=0).exists()
    assert findings() == []


def test_a_repeat_holds_once_and_captures_once(sponsor: Sponsor) -> None:
    resident, offer = with_points(sponsor, 10), new_offer(sponsor, stock=5)
    order = wanting(offer, resident)

    first, again = redeem(order, at=AT), redeem(order, at=AT + timedelta(days=30))
    taken = taking(offer, first.accepted())
    captures = [capture(taken, day=DAY, at=AT), capture(taken, day=DAY, at=AT + timedelta(days=30))]

    assert again == dataclasses.replace(first, repeated=True)
    assert [(one.accepted(), one.state) for one in captures] == [(first.id, "captured")] * 2
    assert points_of(resident, sponsor) == (7, 0)
    assert left_of([offer.pk]) == {offer.pk: 4}


def test_a_key_with_other_content_is_refused(sponsor: Sponsor) -> None:
    resident, offer = with_points(sponsor, 10), new_offer(sponsor)
    order = wanting(offer, resident)
    redemption = redeem(order, at=AT).accepted()
    taken = taking(offer, redemption)

    with pytest.raises(KeyReused):
        redeem(dataclasses.replace(order, quantity=2), at=AT)
    capture(taken, day=DAY, at=AT).accepted()
    with pytest.raises(KeyReused):
        capture(dataclasses.replace(taken, quantity=2), day=DAY, at=AT)


@pytest.mark.parametrize(
    ("minutes", "code"),
    [(-1_441, "points.offer_not_yet"), (6 * 1440, "points.offer_over"), (6 * 1440 + 1, "points.offer_over")],
)
def test_an_offer_is_had_on_its_dates_alone(sponsor: Sponsor, minutes: int, code: str) -> None:
    resident, offer = with_points(sponsor, 10), new_offer(sponsor)

    answer = redeem(wanting(offer, resident), at=AT + timedelta(minutes=minutes))

    assert code_of(answer) == code
    assert points_of(resident, sponsor) == (10, 0)


def test_a_stopped_offer_begins_nothing_new_and_keeps_its_word(sponsor: Sponsor) -> None:
    resident, offer = with_points(sponsor, 10), new_offer(sponsor)
    redemption = held(offer, resident)

    stop(offer.code, reason="sold out", at=AT)

    assert code_of(redeem(wanting(offer, resident), at=AT)) == "points.offer_stopped"
    assert capture(taking(offer, redemption), day=DAY, at=AT).accepted() == redemption


def test_stock_is_had_to_the_last_one_whoever_comes(sponsor: Sponsor) -> None:
    offer = new_offer(sponsor, stock=70)
    resident = with_points(sponsor, 300)

    states = [redeem(wanting(offer, resident), at=AT).state for _ in range(71)]
    refused = redeem(wanting(offer, resident), at=AT)

    assert states == ["held"] * 70 + ["refused"]
    assert code_of(refused) == "points.stock_gone"
    assert refused.refusal is not None
    assert refused.refusal.facts["left"] == 0
    assert findings() == []


def test_many_at_once_are_gathered_from_what_is_left_everywhere(sponsor: Sponsor) -> None:
    offer, resident = new_offer(sponsor, stock=70), with_points(sponsor, 300)

    assert code_of(redeem(wanting(offer, resident, 71), at=AT)) == "points.stock_gone"
    held(offer, resident, 69)
    assert code_of(redeem(wanting(offer, resident, 2), at=AT)) == "points.stock_gone"
    held(offer, resident, 1)

    assert left_of([offer.pk]) == {offer.pk: 0}
    assert findings() == []


def test_a_budget_pays_for_what_it_pays_for(sponsor: Sponsor) -> None:
    offer, resident = new_offer(sponsor, budget_points=8), with_points(sponsor, 30)
    held(offer, resident, 2)

    assert code_of(redeem(wanting(offer, resident), at=AT)) == "points.budget_gone"
    assert points_of(resident, sponsor) == (24, 6)


def test_limits_are_each_persons_own_in_all_and_a_day(sponsor: Sponsor) -> None:
    offer = new_offer(sponsor, per_person=3, per_person_day=2)
    one, other = with_points(sponsor, 30), with_points(sponsor, 30)
    held(offer, one, 2)

    today = redeem(wanting(offer, one), at=AT)
    held(offer, other, 2)
    tomorrow = dataclasses.replace(wanting(offer, one), day=DAY + timedelta(days=1))
    third = redeem(tomorrow, at=AT)
    fourth = redeem(dataclasses.replace(tomorrow, key=new_key()), at=AT)

    assert (code_of(today), third.state, code_of(fourth)) == (
        "points.limit_reached",
        "held",
        "points.limit_reached",
    )
    assert today.refusal is not None
    assert (today.refusal.facts["had"], today.refusal.facts["had_today"]) == (2, 2)
    assert findings() == []


def test_a_request_that_is_overtaken_at_midnight_counts_for_the_day_that_has_begun(sponsor: Sponsor) -> None:
    offer, resident = new_offer(sponsor, per_person_day=1), with_points(sponsor, 30)
    days = [DAY, DAY + timedelta(days=1), DAY, DAY + timedelta(days=1), DAY, DAY + timedelta(days=2)]

    answers = [redeem(dataclasses.replace(wanting(offer, resident), day=day), at=AT) for day in days]

    assert [answer.state for answer in answers] == ["held", "held", "refused", "refused", "refused", "held"]
    assert findings() == []


def test_an_offer_that_gives_so_many_a_day_gives_more_the_next(sponsor: Sponsor) -> None:
    offer, resident = new_offer(sponsor, per_day=2), with_points(sponsor, 30)
    held(offer, resident, 2)

    full = redeem(wanting(offer, resident), at=AT)
    next_day = redeem(dataclasses.replace(wanting(offer, resident), day=DAY + timedelta(days=1)), at=AT)

    assert (code_of(full), next_day.state) == ("points.day_full", "held")


@pytest.mark.parametrize("quantity", [1, 2, 3])
def test_a_capture_takes_its_part_and_frees_the_rest(sponsor: Sponsor, quantity: int) -> None:
    resident, offer = with_points(sponsor, 10), new_offer(sponsor, stock=5, per_person=3)
    redemption = held(offer, resident, 3)

    capture(taking(offer, redemption, quantity), day=DAY, at=AT).accepted()

    assert points_of(resident, sponsor) == (10 - 3 * quantity, 0)
    assert left_of([offer.pk]) == {offer.pk: 5 - quantity}
    assert Use.objects.get(offer_id=offer.pk, account=resident).total == quantity
    assert findings() == []


def test_more_than_is_held_is_not_captured_and_what_is_held_stays(sponsor: Sponsor) -> None:
    resident, offer = with_points(sponsor, 10), new_offer(sponsor)
    redemption = held(offer, resident, 2)

    answers = [capture(taking(offer, redemption, 3, key="too-many"), day=DAY, at=AT) for _ in range(2)]

    assert [code_of(answer) for answer in answers] == ["points.more_than_held"] * 2
    assert points_of(resident, sponsor) == (4, 6)
    capture(taking(offer, redemption, 2), day=DAY, at=AT).accepted()


def test_a_redemption_ends_once(sponsor: Sponsor) -> None:
    resident, offer = with_points(sponsor, 10), new_offer(sponsor, stock=5)
    redemption = held(offer, resident)
    released = ReleaseOrder(new_key(), redemption, account=resident)
    release(released, at=AT).accepted()

    again = release(released, at=AT)
    late = capture(taking(offer, redemption), day=DAY, at=AT)

    assert (again.accepted(), again.repeated) == (redemption, True)
    assert code_of(late) == "points.redemption_closed"
    assert late.refusal is not None
    assert late.refusal.facts["state"] == "released"
    assert points_of(resident, sponsor) == (10, 0)
    assert left_of([offer.pk]) == {offer.pk: 5}
    assert findings() == []


def test_what_nobody_captured_in_time_comes_back(sponsor: Sponsor) -> None:
    resident, offer = with_points(sponsor, 10), new_offer(sponsor, stock=5, code_s=60)
    redemption = held(offer, resident)
    over = AT + timedelta(seconds=60)

    late = capture(taking(offer, redemption), day=DAY, at=over)
    counts = [expire_redemptions(at=over), expire_redemptions(at=over)]

    assert code_of(late) == "points.redemption_over"
    assert counts == [1, 0]
    assert points_of(resident, sponsor) == (10, 0)
    assert left_of([offer.pk]) == {offer.pk: 5}
    assert Closing.objects.get(pk=redemption).state == "expired"
    assert findings() == []


def test_the_ledgers_own_job_may_come_first(sponsor: Sponsor) -> None:
    resident, offer = with_points(sponsor, 10), new_offer(sponsor, stock=5, code_s=60)
    held(offer, resident)
    over = AT + timedelta(seconds=60)

    expire_holds(connection, at=over)
    between = findings()
    expire_redemptions(at=over)

    assert (between, findings()) == ([], [])
    assert left_of([offer.pk]) == {offer.pk: 5}


def test_another_merchant_finds_nothing(sponsor: Sponsor) -> None:
    resident, offer, other = with_points(sponsor, 10), new_offer(sponsor), new_organisation()
    redemption = held(offer, resident)
    order = dataclasses.replace(taking(offer, redemption), organisation=other.code)

    before = capture(order, day=DAY, at=AT)
    capture(taking(offer, redemption), day=DAY, at=AT).accepted()
    after = capture(order, day=DAY, at=AT)

    assert [code_of(before), code_of(after)] == ["points.unknown_redemption"] * 2
    with pytest.raises(UnknownRedemption):
        release(ReleaseOrder(new_key(), redemption, organisation=other.code), at=AT)
    with pytest.raises(UnknownRedemption):
        release(ReleaseOrder(new_key(), redemption, account=resident + 1), at=AT)


def test_what_may_have_been_accepted_offline_is_not_taken_back_by_the_person(sponsor: Sponsor) -> None:
    resident = with_points(sponsor, 10)
    offer = new_offer(sponsor, code_s=60, offline_s=3_600, offline_points=3)
    small, large = held(offer, resident), held(offer, resident, 2)

    with pytest.raises(MayBeAccepted):
        release(ReleaseOrder(new_key(), small, account=resident), at=AT)

    release(ReleaseOrder(new_key(), large, account=resident), at=AT).accepted()
    arrives = AT + timedelta(seconds=60 + 3_599)
    assert capture(taking(offer, small), day=DAY, at=arrives).accepted() == small


@pytest.mark.parametrize(
    "order",
    [
        "UPDATE points_redemption SET points = 0",
        "INSERT INTO points_closing (redemption_id, key, content_digest, state, organisation_id, quantity, points, at)"
        " VALUES (1, '', '', 'captured', 1, 1, 0, now())",
        'UPDATE points_stripe SET "left" = 9',
        "DELETE FROM points_use",
        "UPDATE points_offer SET price_points = 1",
        "SELECT points_take(1, '9999-12-31', 1, 1, 1, true)",
    ],
)
def test_the_application_cannot_write_round_the_verbs(sponsor: Sponsor, order: str) -> None:
    from django.db.utils import ProgrammingError

    with connection.cursor() as cursor:
        cursor.execute("SET ROLE tanpuhui_app")
        try:
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                cursor.execute(order)
        finally:
            cursor.execute("RESET ROLE")


def test_the_application_redeems(sponsor: Sponsor) -> None:
    resident, offer = with_points(sponsor, 10), new_offer(sponsor, stock=5, per_person=2, per_day=3)
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE tanpuhui_app")

        redemption = held(offer, resident, 2)
        capture(taking(offer, redemption, 1), day=DAY, at=AT).accepted()

        cursor.execute("RESET ROLE")
    assert points_of(resident, sponsor) == (7, 0)


@pytest.mark.django_db(transaction=True)
def test_one_code_at_many_tills_at_once_is_captured_once() -> None:
    sponsor = new_sponsor()
    resident, offer = with_points(sponsor, 10), new_offer(sponsor)
    redemption = held(offer, resident)

    def work(number: int) -> str:
        with transaction.atomic():
            if number % 4 == 3:
                return release(ReleaseOrder(new_key(), redemption, account=resident), at=AT).state
            return capture(taking(offer, redemption), day=DAY, at=AT).state

    results = in_parallel(12, work)

    assert sorted(results, key=str) in (
        ["captured"] + ["refused"] * 11,
        ["refused"] * 11 + ["released"],
    )
    assert Closing.objects.filter(pk=redemption).count() == 1
    assert points_of(resident, sponsor) in ((7, 0), (10, 0))
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_one_key_sent_many_times_at_once_holds_once() -> None:
    sponsor = new_sponsor()
    resident, offer = with_points(sponsor, 100), new_offer(sponsor, stock=50, per_person=20)
    order = wanting(offer, resident)

    def work(number: int) -> int:
        with transaction.atomic():
            return redeem(order, at=AT).accepted()

    results = in_parallel(12, work)

    assert len(set(results)) == 1
    assert all(isinstance(one, int) for one in results)
    assert points_of(resident, sponsor) == (97, 3)
    assert left_of([offer.pk]) == {offer.pk: 49}
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_a_crowd_gets_the_stock_and_no_more() -> None:
    sponsor = new_sponsor("100000.00")
    offer = new_offer(sponsor, stock=25, per_person=2, per_day=23)
    residents = [with_points(sponsor, 12) for _ in range(10)]

    def work(number: int) -> list[str]:
        states = []
        for _ in range(4):
            with transaction.atomic():
                answer = redeem(wanting(offer, residents[number]), at=AT)
            states.append(answer.refusal.code if answer.refusal else "held")
            if answer.refusal is None and number % 3 == 0:
                with transaction.atomic():
                    capture(taking(offer, answer.id), day=DAY, at=AT).accepted()
        return states

    results = in_parallel(10, work)

    states = [state for one in results for state in one]
    assert states.count("held") == 20
    assert states.count("points.limit_reached") == 20
    assert left_of([offer.pk]) == {offer.pk: 5}
    assert Redemption.objects.filter(offer_id=offer.pk, state="held").count() == 20
    assert Stripe.objects.filter(offer_id=offer.pk, day=DAY).count() == 23
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_more_people_than_stock_at_the_same_moment() -> None:
    sponsor = new_sponsor("100000.00")
    offer = new_offer(sponsor, stock=7)
    residents = [with_points(sponsor, 6) for _ in range(12)]

    def work(number: int) -> list[str]:
        states = []
        for _ in range(2):
            with transaction.atomic():
                answer = redeem(wanting(offer, residents[number]), at=AT)
            states.append(answer.refusal.code if answer.refusal else "held")
        return states

    results = in_parallel(12, work)

    states = [state for one in results for state in one]
    assert (states.count("held"), states.count("points.stock_gone")) == (7, 17)
    assert left_of([offer.pk]) == {offer.pk: 0}
    assert findings() == []


def test_a_count_against_ones_limit_that_was_touched_is_found(sponsor: Sponsor) -> None:
    resident, offer = with_points(sponsor, 30), new_offer(sponsor, per_person=3, per_person_day=3)
    held(offer, resident)
    assert findings() == []

    for change in ({"total": 0}, {"day_total": 0}, {"total": 2}):
        with transaction.atomic():
            Use.objects.filter(account=resident).update(**change)
            assert [one.invariant for one in findings()] == ["use_is_what_people_have"], change
            transaction.set_rollback(True)
