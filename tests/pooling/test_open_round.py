"""Open a round: exactly so many tonnes, from those who agreed to its price and year, pro rata to the milligram."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from ledger.bookings import in_parallel
from pooling.pond import (
    AT,
    LATER,
    blocks,
    findings,
    has,
    joined,
    lot_of,
    new_pool,
    opened,
    owner,
    people,
    shares,
)
from registry.units_town import key
from tanpuhui.consent.withdraw import pause, resume, withdraw
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.pooling.join import Wish, change_terms, leave, membership
from tanpuhui.pooling.models import Round, Share
from tanpuhui.pooling.open_round import RoundOrder, open_round
from tanpuhui.pooling.refusals import BadRound, KeyReused, OtherPlace, TooLittleLent, UnknownPool
from tanpuhui.registry.annul import annul
from tanpuhui.registry.refusals import LotAnnulled, LotUnknown

pytestmark = pytest.mark.django_db
HALF = TONNE_MG // 2


def test_a_round_takes_exactly_its_tonnes_in_proportion_to_what_each_has() -> None:
    pool = new_pool()
    a, b, c = people(3)
    for account in (a, b, c):
        joined(pool, account)
    lot = lot_of({a: 3 * HALF, b: 2 * HALF, c: HALF})

    made = opened(pool, lot, 2)

    # 2 t of 3 t: two thirds of each; a third of a milligram is short twice, and the largest remainder gets it.
    assert shares(made) == {a: 1_000_000_000, b: 666_666_667, c: 333_333_333}
    assert has(a, lot) == 500_000_000
    assert made.residents == 3
    assert blocks(lot) == [(1, 2, "locked", owner(pool.organisation)), (3, 3, "open", 0)]
    assert findings() == []


def test_all_that_is_lent_can_be_taken_and_one_tonne_more_is_refused() -> None:
    pool = new_pool()
    a, b = (joined(pool, account) for account in people(2))
    lot = lot_of({a: HALF, b: 3 * HALF})

    with pytest.raises(TooLittleLent) as caught:
        opened(pool, lot, 3)
    made = opened(pool, lot, 2)

    assert caught.value.facts["available_mg"] == 2 * TONNE_MG
    assert shares(made) == {a: HALF, b: 3 * HALF}
    assert (has(a, lot), has(b, lot)) == (0, 0)
    assert findings() == []


@pytest.mark.parametrize(("tonnes", "price"), [(0, 1), (-1, 1), (1, 0), (1, 100_000_001), (9_000_000_001, 1)])
def test_no_tonnes_and_no_price_are_refused(tonnes: int, price: int) -> None:
    pool = new_pool()

    with pytest.raises(BadRound):
        opened(pool, "DEMO-000001", tonnes, price)


def test_a_pool_or_lot_that_is_not_there_and_a_lot_of_elsewhere_are_refused() -> None:
    pool = new_pool()

    with pytest.raises(UnknownPool):
        open_round(RoundOrder(key(), "nowhere", "DEMO-000001", 1, 1), at=AT)
    with pytest.raises(LotUnknown):
        opened(pool, "DEMO-000001", 1)
    from registry.units_town import new_lot

    (a,) = people(1)
    elsewhere = new_lot(1, jurisdiction="guangdong", holders={a: TONNE_MG})
    with pytest.raises(OtherPlace):
        opened(pool, elsewhere, 1)


def test_who_asks_for_more_and_who_lends_other_years_is_not_in_it() -> None:
    pool = new_pool()
    at_price, above, of_year, of_other_year, outside = people(5)
    joined(pool, at_price, 6_000)
    joined(pool, above, 6_001)
    joined(pool, of_year, 0, (2025, 2026))
    joined(pool, of_other_year, 0, (2025,))
    lot = lot_of(dict.fromkeys((at_price, above, of_year, of_other_year, outside), HALF))

    with pytest.raises(TooLittleLent):
        opened(pool, lot, 2, 6_000)
    made = opened(pool, lot, 1, 6_000)

    assert shares(made) == {at_price: HALF, of_year: HALF}


def test_terms_count_as_they_were_said_last_and_a_consent_without_terms_lends_nothing() -> None:
    pool = new_pool()
    a, b = people(2)
    joined(pool, a, 9_000)
    joined(pool, b, 0)
    lot = lot_of({a: HALF, b: HALF})
    with pytest.raises(TooLittleLent):
        opened(pool, lot, 1)

    change_terms(a, pool, Wish(6_000), at=AT)

    assert shares(opened(pool, lot, 1)) == {a: HALF, b: HALF}


def test_who_paused_or_left_is_not_in_it_and_who_resumed_or_came_back_is() -> None:
    pool = new_pool()
    paused, left, back = (joined(pool, account) for account in people(3))
    lot = lot_of(dict.fromkeys((paused, left, back), TONNE_MG))
    consent = membership(paused, pool, at=AT)
    assert consent
    pause(consent.consent.grant.pk, at=AT, method="test")
    leave(left, pool, at=AT, method="test")
    leave(back, pool, at=AT, method="test")
    joined(pool, back)

    assert shares(opened(pool, lot, 1)) == {back: TONNE_MG}
    with pytest.raises(TooLittleLent):
        opened(pool, lot, 1)
    resume(consent.consent.grant.pk, at=LATER, method="test")
    assert shares(opened(pool, lot, 1, at=LATER)) == {paused: TONNE_MG}
    assert findings() == []


def test_an_annulled_lot_is_refused() -> None:
    pool = new_pool()
    (a,) = people(1)
    joined(pool, a)
    lot = lot_of({a: TONNE_MG})
    annul(lot, reason="wrong", at=AT)

    with pytest.raises(LotAnnulled):
        opened(pool, lot, 1)


def test_the_same_order_again_is_answered_as_before_and_another_under_its_key_is_refused() -> None:
    pool = new_pool()
    (a,) = people(1)
    joined(pool, a)
    lot = lot_of({a: 3 * TONNE_MG})
    order = RoundOrder("once", pool.code, lot, 1, 6_000)

    first = open_round(order, at=AT)

    assert open_round(order, at=LATER).pk == first.pk
    with pytest.raises(KeyReused):
        open_round(RoundOrder("once", pool.code, lot, 2, 6_000), at=LATER)
    assert Round.objects.count() == 1
    assert has(a, lot) == 2 * TONNE_MG


def test_the_database_refuses_a_share_too_much_and_a_round_that_is_not_its_shares() -> None:
    pool = new_pool()
    (a, b) = people(2)
    joined(pool, a)
    made = opened(pool, lot_of({a: TONNE_MG}), 1)

    with pytest.raises(DatabaseError, match="shares of round"), transaction.atomic():
        Share.objects.create(round=made, account=b, grant_number=1, amount_mg=1)
    with pytest.raises(DatabaseError, match="residents lent"), transaction.atomic():
        Round.objects.create(
            key="k", content_digest="d", pool=pool, lot=made.lot, vintage=2026, tonnes=1, price_minor=1,
            residents=1, opened_at=AT,
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(DatabaseError), transaction.atomic():
        made.shares.update(amount_mg=2)


@pytest.mark.django_db(transaction=True)
def test_two_rounds_at_the_same_moment_never_take_the_same_milligram() -> None:
    pool = new_pool()
    everybody = [joined(pool, account) for account in people(4)]
    lot = lot_of(dict.fromkeys(everybody, TONNE_MG))

    def open_one(number: int) -> object:
        with transaction.atomic():
            return opened(pool, lot, 3)

    results = in_parallel(2, open_one)

    done = [one for one in results if isinstance(one, Round)]
    refused = [one for one in results if isinstance(one, Refusal)]
    assert (len(done), [one.code for one in refused]) == (1, ["pooling.too_little_lent"])
    assert sum(has(account, lot) for account in everybody) == TONNE_MG
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_who_withdraws_at_the_moment_of_a_round_is_in_it_or_out_of_it_and_never_both() -> None:
    pool = new_pool()
    for turn in range(6):
        a, b = (joined(pool, account) for account in people(2))
        lot = lot_of({a: TONNE_MG, b: TONNE_MG})
        present = membership(a, pool, at=AT)
        assert present
        grant = present.consent.grant.pk

        def act(number: int, lot: str = lot, grant: int = grant) -> object:
            with transaction.atomic():
                if number:
                    return withdraw(grant, at=LATER, method="test")
                return opened(pool, lot, 2, at=AT)

        made, ended = in_parallel(2, act)

        assert ended is None
        if isinstance(made, Round):
            # The round was first: what it took was under a consent in force.
            assert shares(made) == {a: TONNE_MG, b: TONNE_MG}
        else:
            assert isinstance(made, TooLittleLent), (turn, made)
            assert (has(a, lot), has(b, lot)) == (TONNE_MG, TONNE_MG)
    assert findings() == []
