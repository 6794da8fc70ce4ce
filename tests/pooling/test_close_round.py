"""Close a round: what was not sold goes back to whom it came from, to the milligram, once."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from ledger.bookings import in_parallel
from pooling.pond import AT, LATER, blocks, findings, has, joined, lot_of, new_pool, opened, people, shares
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind
from tanpuhui.pooling.close_round import close_round
from tanpuhui.pooling.join import leave
from tanpuhui.pooling.models import Closing, Returned
from tanpuhui.pooling.pool import owner_of
from tanpuhui.pooling.refusals import UnknownRound
from tanpuhui.pooling.rounds import units_of
from tanpuhui.registry.annul import annul
from tanpuhui.registry.pool import give_back
from tanpuhui.registry.refusals import CannotGiveBack

pytestmark = pytest.mark.django_db
THIRD = TONNE_MG // 3


@pytest.mark.parametrize("number", [0, -1, 7, 2**63, 10**30])
def test_a_round_that_is_not_there_is_not_closed(number: int) -> None:
    with pytest.raises(UnknownRound):
        close_round(number, at=AT)


def test_unsold_tonnes_go_back_to_the_milligram_also_to_who_left_meanwhile() -> None:
    pool = new_pool()
    a, b, c = (joined(pool, account) for account in people(3))
    lot = lot_of({a: THIRD + 1, b: THIRD + 2, c: THIRD + 7})
    made = opened(pool, lot, 1)
    leave(b, pool, at=LATER, method="test")

    closing = close_round(made.pk, at=LATER)

    assert closing.tonnes_back == 1
    assert dict(closing.returned.values_list("account", "amount_mg")) == shares(made)
    assert [has(account, lot) for account in (a, b, c)] == [THIRD + 1, THIRD + 2, THIRD + 7]
    assert has(owner_of(pool), lot, Kind.COMPANY) == has(owner_of(pool), lot, Kind.POOL) == 0
    assert blocks(lot) == [(1, 2, "open", 0)]
    assert findings() == []


def test_closed_again_it_is_answered_as_before() -> None:
    pool = new_pool()
    (a,) = people(1)
    made = opened(pool, lot_of({joined(pool, a): TONNE_MG}), 1)
    close_round(made.pk, at=AT)

    again = close_round(made.pk, at=LATER)

    assert again.closed_at == AT
    assert (Closing.objects.count(), Returned.objects.count()) == (1, 1)
    with pytest.raises(UnknownRound):
        close_round(made.pk + 1, at=AT)


def test_what_came_back_can_be_lent_again() -> None:
    pool = new_pool()
    (a,) = people(1)
    lot = lot_of({joined(pool, a): 2 * TONNE_MG})
    first = opened(pool, lot, 2)
    close_round(first.pk, at=AT)

    second = opened(pool, lot, 2)

    assert shares(second) == {a: 2 * TONNE_MG}
    assert findings() == []


def test_of_an_annulled_lot_nothing_is_left_to_go_back() -> None:
    pool = new_pool()
    (a,) = people(1)
    lot = lot_of({joined(pool, a): 2 * TONNE_MG})
    made = opened(pool, lot, 1)
    annul(lot, reason="wrong", at=AT)
    assert findings() == []

    closing = close_round(made.pk, at=LATER)

    assert (closing.annulled, closing.tonnes_back) == (True, 0)
    assert has(a, lot) == 0
    assert findings() == []


def test_what_goes_back_must_be_whole_tonnes_of_one_lot_and_as_much_as_they_are() -> None:
    pool = new_pool()
    (a,) = people(1)
    made = opened(pool, lot_of({joined(pool, a): TONNE_MG}), 1)
    order = units_of(made, 1, key="k", at=AT)

    for amounts in ({a: TONNE_MG - 1}, {a: TONNE_MG + 1}, {a: TONNE_MG, a + 1: 0}, {}):
        with pytest.raises(CannotGiveBack):
            give_back(order, amounts, pool=owner_of(pool), at=AT)


def test_the_database_refuses_a_closing_that_keeps_something_and_a_return_too_much() -> None:
    pool = new_pool()
    a, b = people(2)
    made = opened(pool, lot_of({joined(pool, a): 2 * TONNE_MG}), 2)

    with pytest.raises(DatabaseError, match="gave"), transaction.atomic():
        Closing.objects.create(round=made, tonnes_back=1, annulled=False, closed_at=AT)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(DatabaseError, match="gave"), transaction.atomic():
        Closing.objects.create(round=made, tonnes_back=0, annulled=True, closed_at=AT)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    closing = close_round(made.pk, at=AT)
    for account, amount in ((b, 1), (a, 1)):
        with pytest.raises(DatabaseError), transaction.atomic():
            Returned.objects.create(closing=closing, account=account, amount_mg=amount)


@pytest.mark.django_db(transaction=True)
def test_closed_twice_at_the_same_moment_it_gives_back_once() -> None:
    pool = new_pool()
    a, b = (joined(pool, account) for account in people(2))
    lot = lot_of({a: TONNE_MG, b: 2 * TONNE_MG})
    with transaction.atomic():
        made = opened(pool, lot, 2)

    def close(number: int) -> object:
        with transaction.atomic():
            return close_round(made.pk, at=AT).tonnes_back

    assert in_parallel(3, close) == [2, 2, 2]
    assert (has(a, lot), has(b, lot)) == (TONNE_MG, 2 * TONNE_MG)
    assert findings() == []
