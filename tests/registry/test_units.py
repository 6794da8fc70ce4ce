"""Whole tonnes: every number is in one hand and state, milligrams and numbers agree, and an order is done once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from ledger.bookings import in_parallel
from registry.units_town import ACME, AT, BOLT, ON, POOL, gathered, given, key, new_lot, offers, order
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.balance import balances
from tanpuhui.ledger.invariants import check
from tanpuhui.ledger.refusals import Insufficient, KeyReused
from tanpuhui.ledger.reverse import reverse
from tanpuhui.registry.annul import annul
from tanpuhui.registry.buffer import BufferOrder, fill_buffer, pay_from_buffer
from tanpuhui.registry.cancel import cancel
from tanpuhui.registry.claw_back import ClawBackOrder, claw_back
from tanpuhui.registry.freeze import freeze, frozen_of
from tanpuhui.registry.lock import Share, lock, retire_locked, transfer_locked, unlock
from tanpuhui.registry.models import Block, Lot, Movement
from tanpuhui.registry.pool import GatherOrder, Offer, deliver, gather
from tanpuhui.registry.reconcile import INVARIANTS
from tanpuhui.registry.refusals import (
    BadParts,
    BufferTooSmall,
    CannotGather,
    LotAnnulled,
    LotUnknown,
    NotEnoughUnits,
    NotInPool,
    NotLocked,
    ReasonMissing,
    SameHolder,
)
from tanpuhui.registry.retire import retire
from tanpuhui.registry.states import States, states_of
from tanpuhui.registry.transfer import transfer_units
from tanpuhui.registry.units import Range

pytestmark = pytest.mark.django_db
#: The lots here come without closes, so the invariants that compare with closes have nothing to say.
ABOUT_LOTS = [
    one
    for one in INVARIANTS
    if one.name
    in (
        "lots_are_what_is_certified",
        "lot_states_sum_to_what_was_issued",
        "blocks_tile_their_lot",
        "blocks_are_what_the_ledger_has",
    )
]


def sound() -> None:
    """Nothing breaks an invariant of the ledger or of lots and their numbers."""
    from tanpuhui.ledger.invariants import exceptions

    assert len(ABOUT_LOTS) == 4
    assert check(connection) == []
    assert [finding for one in ABOUT_LOTS for finding in exceptions(connection, one)] == []
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def blocks(lot: str) -> list[tuple[int, int, str, int]]:
    live = Block.objects.filter(lot=lot, closed_at__isnull=True).order_by("first")
    return list(live.values_list("first", "last", "state", "owner"))


def test_a_new_lot_is_open_from_its_first_number_to_its_last() -> None:
    lot = new_lot(10)

    assert blocks(lot) == [(1, 10, "open", 0)]
    assert states_of(lot) == States(certified_mg=10 * TONNE_MG)
    sound()


def test_a_pool_takes_in_proportion_to_the_milligram() -> None:
    lot = new_lot(1)
    three = (Offer(1, 100), Offer(2, 100), Offer(3, 100))

    given_mg = gather(GatherOrder(key(), POOL, lot, 100, three, ON), at=AT)

    # A third of 100 is 33 and a third: the odd milligram is the first one's.
    assert given_mg == {1: 34, 2: 33, 3: 33}
    assert states_of(lot) == States(certified_mg=TONNE_MG - 100, pooled_mg=100)
    sound()


def test_an_offer_that_is_not_there_any_more_refuses_the_whole() -> None:
    lot = new_lot(1)
    has = {offer.account: offer.offered_mg for offer in offers(lot)}

    with pytest.raises(Insufficient):
        gather(
            GatherOrder(key(), POOL, lot, has[1] + has[2] + 1, (Offer(1, has[1] + 1), Offer(2, has[2])), ON),
            at=AT,
        )

    assert states_of(lot) == States(certified_mg=TONNE_MG)


@pytest.mark.parametrize(
    ("amount_mg", "given_offers"),
    [
        (0, (Offer(1, 5),)),
        (6, (Offer(1, 5),)),
        (1, ()),
        (5, (Offer(1, 5), Offer(1, 5))),
        (1, (Offer(1, 0), Offer(2, 5))),
    ],
)
def test_a_pool_takes_from_whom_offers_and_no_more(amount_mg: int, given_offers: Any) -> None:
    with pytest.raises(CannotGather):
        gather(GatherOrder(key(), POOL, new_lot(1), amount_mg, given_offers, ON), at=AT)


def test_a_company_gets_the_lowest_open_numbers() -> None:
    lot = new_lot(10)
    gathered(lot, 7)

    ranges = deliver(order(POOL, (lot, 4)), to=ACME, at=AT)

    assert ranges == (Range(lot, 1, 4),)
    assert blocks(lot) == [(1, 4, "held", ACME), (5, 10, "open", 0)]
    assert states_of(lot) == States(
        certified_mg=3 * TONNE_MG, pooled_mg=3 * TONNE_MG, transferred_mg=4 * TONNE_MG
    )
    sound()


def test_what_follows_on_is_one_block_again() -> None:
    lot = new_lot(10)
    given(ACME, lot, 3)
    given(ACME, lot, 4)
    transfer_units(order(ACME, (lot, 5)), to=BOLT, at=AT)

    back = transfer_units(order(BOLT, (lot, 2)), to=ACME, at=AT)

    assert back == (Range(lot, 1, 2),)
    assert blocks(lot) == [
        (1, 2, "held", ACME),
        (3, 5, "held", BOLT),
        (6, 7, "held", ACME),
        (8, 10, "open", 0),
    ]
    moved = transfer_units(order(ACME, (lot, 4)), to=BOLT, at=AT)
    assert moved == (Range(lot, 1, 2), Range(lot, 6, 7))
    assert blocks(lot) == [(1, 7, "held", BOLT), (8, 10, "open", 0)]
    sound()


@pytest.mark.parametrize("verb", [retire, cancel])
def test_what_is_retired_or_cancelled_is_out_of_circulation_for_good(verb: Callable[..., Any]) -> None:
    lot = new_lot(3)
    given(ACME, lot, 3)

    assert verb(order(ACME, (lot, 3), reason="wrong"), at=AT) == (Range(lot, 1, 3),)

    with pytest.raises(NotEnoughUnits):
        transfer_units(order(ACME, (lot, 1)), to=BOLT, at=AT)
    states = states_of(lot)
    assert (states.retired_mg if verb is retire else states.cancelled_mg) == 3 * TONNE_MG
    sound()


@pytest.mark.parametrize("verb", [retire, cancel])
def test_the_database_brings_nothing_back_that_was_retired_or_cancelled(verb: Callable[..., Any]) -> None:
    lot = new_lot(3)
    given(ACME, lot, 3)
    verb(order(ACME, (lot, 3), reason="wrong"), at=AT)
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM ledger_transaction")
        [newest] = cursor.fetchone()

    with pytest.raises(IntegrityError, match="for_good"), transaction.atomic():
        reverse(connection, newest, key=key(), reason="undo", effective_on=ON, at=AT)
    sound()


def test_several_lots_are_locked_together_and_retired_or_unlocked_together() -> None:
    first, second = new_lot(5), new_lot(5)
    given(ACME, first, 5)
    given(ACME, second, 5)

    locked = lock(order(ACME, (second, 2), (first, 3)), at=AT)

    assert locked.ranges == (Range(first, 1, 3), Range(second, 6, 7))
    assert states_of(first).locked_mg == 3 * TONNE_MG
    sound()
    with pytest.raises(NotEnoughUnits):
        retire(order(ACME, (first, 3)), at=AT)
    again = lock(order(ACME, (first, 1)), at=AT)
    assert unlock(again.hold, key=key(), order=order(ACME), at=AT) == (Range(first, 4, 4),)
    retired = order(ACME, beneficiary="ACME")
    assert retire_locked(locked.hold, retired, at=AT) == locked.ranges
    assert retire_locked(locked.hold, retired, at=AT) == locked.ranges
    with pytest.raises(NotLocked):
        retire_locked(locked.hold, order(ACME), at=AT)
    with pytest.raises(NotLocked):
        unlock(locked.hold, key=key(), order=order(ACME), at=AT)
    assert states_of(first) == States(transferred_mg=2 * TONNE_MG, retired_mg=3 * TONNE_MG)
    sound()


def test_every_verb_answers_a_repeat_as_before_and_does_nothing() -> None:
    lot = new_lot(20)
    gathered(lot, 20)
    to_acme = order(POOL, (lot, 12))
    orders: list[tuple[Any, Any]] = [
        (lambda one: deliver(one, to=ACME, at=AT), to_acme),
        (lambda one: transfer_units(one, to=BOLT, at=AT), order(ACME, (lot, 3))),
        (lambda one: retire(one, at=AT), order(ACME, (lot, 2), purpose="x")),
        (lambda one: cancel(one, at=AT), order(ACME, (lot, 2), reason="x")),
        (lambda one: lock(one, at=AT), order(ACME, (lot, 4))),
    ]

    for verb, one in orders:
        first = verb(one)
        before = (blocks(lot), states_of(lot), Movement.objects.count())
        assert verb(one) == first
        assert (blocks(lot), states_of(lot), Movement.objects.count()) == before
        with pytest.raises((KeyReused, NotEnoughUnits)):
            verb(replace(one, parts=(replace(one.parts[0], tonnes=1),)))
    with pytest.raises(KeyReused):
        deliver(to_acme, to=BOLT, at=AT)
    sound()


@pytest.mark.parametrize(
    ("parts", "refusal"),
    [
        ((), BadParts),
        ((("L", 0),), BadParts),
        ((("L", -1),), BadParts),
        ((("L", 1), ("L", 1)), BadParts),
        ((("L", 4),), NotEnoughUnits),
        ((("DEMO-999999", 1),), LotUnknown),
    ],
)
def test_what_cannot_be_moved_is_refused_and_nothing_changes(parts: Any, refusal: type[Refusal]) -> None:
    lot = new_lot(5)
    given(ACME, lot, 3)
    named = tuple((lot if code == "L" else code, tonnes) for code, tonnes in parts)
    before = blocks(lot)

    for verb in (
        lambda one: transfer_units(one, to=BOLT, at=AT),
        lambda one: retire(one, at=AT),
        lambda one: cancel(replace(one, said={"reason": "x"}), at=AT),
        lambda one: lock(one, at=AT),
    ):
        with pytest.raises(refusal):
            verb(order(ACME, *named))
    assert blocks(lot) == before
    sound()


def test_a_pool_delivers_what_it_has_and_names_reasons() -> None:
    lot = new_lot(5)
    gathered(lot, 2)

    with pytest.raises(NotInPool):
        deliver(order(POOL, (lot, 3)), to=ACME, at=AT)
    with pytest.raises(ReasonMissing):
        cancel(order(ACME, (lot, 1)), at=AT)
    with pytest.raises(SameHolder):
        transfer_units(order(ACME, (lot, 1)), to=ACME, at=AT)
    assert blocks(lot) == [(1, 5, "open", 0)]


def test_the_buffer_pays_for_what_was_sold_and_was_wrong() -> None:
    lot = new_lot(10)
    gathered(lot, 5)
    fill = BufferOrder(key(), lot, TONNE_MG + 7, ON)

    assert fill_buffer(fill, pool=POOL, at=AT) == fill_buffer(fill, pool=POOL, at=AT)
    pay = BufferOrder(key(), lot, 7, ON)
    pay_from_buffer(pay, reason="phones were shaken", at=AT)
    pay_from_buffer(pay, reason="phones were shaken", at=AT)

    states = states_of(lot)
    assert (states.buffer_mg, states.cancelled_mg, states.pooled_mg) == (TONNE_MG, 7, 4 * TONNE_MG - 7)
    with pytest.raises(BufferTooSmall):
        pay_from_buffer(BufferOrder(key(), lot, TONNE_MG + 1, ON), reason="x", at=AT)
    with pytest.raises(NotInPool):
        fill_buffer(BufferOrder(key(), lot, 4 * TONNE_MG, ON), pool=POOL, at=AT)
    sound()


def test_states_of_a_lot_sum_to_what_was_issued_whatever_happens() -> None:
    lot = new_lot(20)
    gathered(lot, 14)
    deliver(order(POOL, (lot, 12)), to=ACME, at=AT)
    transfer_units(order(ACME, (lot, 1)), to=BOLT, at=AT)
    retire(order(ACME, (lot, 2)), at=AT)
    cancel(order(ACME, (lot, 3), reason="x"), at=AT)
    lock(order(ACME, (lot, 4)), at=AT)
    fill_buffer(BufferOrder(key(), lot, 5, ON), pool=POOL, at=AT)
    claw_back(ClawBackOrder(key(), 1, lot, 6, ON), at=AT)

    states = states_of(lot)

    assert states == States(
        certified_mg=6 * TONNE_MG - 6,
        pooled_mg=2 * TONNE_MG - 5,
        transferred_mg=3 * TONNE_MG,
        locked_mg=4 * TONNE_MG,
        retired_mg=2 * TONNE_MG,
        cancelled_mg=3 * TONNE_MG,
        clawed_back_mg=6,
        buffer_mg=5,
    )
    assert states.total_mg == 20 * TONNE_MG
    sound()


def test_an_annulled_lot_is_cancelled_but_for_what_was_used() -> None:
    lot, other = new_lot(10), new_lot(4)
    given(ACME, lot, 6)
    given(ACME, other, 4)
    retire(order(ACME, (lot, 2)), at=AT)
    lock(order(ACME, (lot, 1), (other, 3)), at=AT)
    freeze(1, key="suspicion", at=AT)

    annul(lot, reason="the meter was turned back", at=AT)
    annul(lot, reason="the meter was turned back", at=AT)

    assert states_of(lot) == States(retired_mg=2 * TONNE_MG, cancelled_mg=8 * TONNE_MG)
    assert blocks(lot) == [(1, 2, "retired", ACME), (3, 6, "cancelled", ACME), (7, 10, "cancelled", 0)]
    # What was locked or frozen together with it: the tonnes are their holder's again, the suspicion stands.
    assert blocks(other) == [(11, 14, "held", ACME)]
    assert all(line.asset != f"lot:{lot}" for line in frozen_of(1))
    with pytest.raises(LotAnnulled):
        retire(order(ACME, (lot, 1)), at=AT)
    with pytest.raises(LotAnnulled):
        gather(GatherOrder(key(), POOL, lot, 1, (Offer(1, 1),), ON), at=AT)
    sound()


def test_the_database_refuses_blocks_that_overlap_or_leave_a_gap() -> None:
    lot = new_lot(5)

    with pytest.raises(IntegrityError), transaction.atomic():
        Block.objects.create(lot_id=lot, first=2, last=3, state="held", owner=ACME, opened_at=AT)
    with pytest.raises(IntegrityError), transaction.atomic():
        Block.objects.filter(lot=lot).update(closed_at=AT)
        Block.objects.create(lot_id=lot, first=1, last=4, state="open", owner=0, opened_at=AT)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(DatabaseError, match="changes once"), transaction.atomic():
        Block.objects.filter(lot=lot).update(last=4)
    with pytest.raises(DatabaseError), transaction.atomic():
        Block.objects.filter(lot=lot).delete()
    sound()


def test_numbers_without_milligrams_are_found() -> None:
    from tanpuhui.ledger.invariants import exceptions

    lot = new_lot(5)
    Block.objects.filter(lot=lot).update(closed_at=AT)
    Block.objects.create(lot_id=lot, first=1, last=5, state="held", owner=ACME, opened_at=AT)

    found = [finding.invariant for one in ABOUT_LOTS for finding in exceptions(connection, one)]

    assert set(found) == {"blocks_are_what_the_ledger_has"}


@pytest.mark.django_db(transaction=True)
def test_the_last_tonne_is_moved_once_however_many_ask_at_the_same_moment() -> None:
    with transaction.atomic():
        lot = new_lot(2)
        given(ACME, lot, 1)

    def ask(number: int) -> Any:
        with transaction.atomic():
            verb = (
                lambda one: transfer_units(one, to=BOLT, at=AT),
                lambda one: retire(one, at=AT),
                lambda one: lock(one, at=AT),
            )[number % 3]
            return verb(order(ACME, (lot, 1)))

    results = in_parallel(6, ask)

    assert sum(isinstance(result, NotEnoughUnits) for result in results) == 5, results
    assert Lot.objects.get(pk=lot).blocks.filter(closed_at__isnull=True).count() == 2
    rows = balances(
        connection,
        [account_id(kind, owner) for kind in (Kind.COMPANY, Kind.RETIRED) for owner in (ACME, BOLT)],
    )
    assert sum(row.available + row.held for row in rows) == TONNE_MG


def test_a_number_tells_its_way_and_a_lot_all_its_blocks() -> None:
    from tanpuhui.access.organise import organise
    from tanpuhui.ledger.account import organisation
    from tanpuhui.registry.history import history_of
    from tanpuhui.registry.lookup import find

    company = organise("company", "acme", name_zh="甲", name_en="Acme", at=AT)
    lot = new_lot(10, jurisdiction="guangdong")
    given(organisation(company.pk), lot, 3)
    retire(order(organisation(company.pk), (lot, 2), purpose="2025"), at=AT)

    second = history_of(find("GD-PHCER-SHANGHAI.ROOFTOP-PV.1-2026-000000002")).as_json()
    whole = history_of(find(lot)).as_json()

    assert (second["serial"], second["state"], second["holder"]) == (2, "retired", "acme")
    assert [(move["verb"], move["to"]["state"]) for move in second["history"]] == [
        ("deliver", "held"),
        ("retire", "retired"),
    ]
    assert second["history"][1]["said"] == {"purpose": "2025"}
    assert [(block["serial_first"], block["serial_last"], block["state"]) for block in whole["blocks"]] == [
        (1, 2, "retired"),
        (3, 3, "held"),
        (4, 10, "open"),
    ]
    assert whole["blocks"][0]["serials"] == "GD-PHCER-SHANGHAI.ROOFTOP-PV.1-2026-000000001-000000002"
    assert whole["lot_states_mg"]["certified_mg"] == 7 * TONNE_MG


def locked_for(lot: str, tonnes: int) -> int:
    """A hold of ACME's on so many tonnes of a lot of ten."""
    given(ACME, lot, 10)
    return lock(order(ACME, (lot, tonnes)), at=AT).hold


@pytest.mark.parametrize(
    ("shares", "ranges"),
    [
        ([1], [[(1, 1)]]),
        ([8], [[(1, 8)]]),
        ([3, 4, 1], [[(1, 3)], [(4, 7)], [(8, 8)]]),
    ],
)
def test_locked_units_are_transferred_in_shares_and_the_rest_is_free(
    shares: list[int], ranges: list[list[tuple[int, int]]]
) -> None:
    lot = new_lot(10)
    hold = locked_for(lot, 8)
    first = Lot.objects.get(pk=lot).serial_first - 1
    given_out = tuple(Share(BOLT, tonnes, ref) for ref, tonnes in enumerate(shares, 1))
    wanted = order(ACME)

    done, again = (transfer_locked(hold, wanted, given_out, at=AT) for _ in range(2))

    assert done == again
    assert [[(one.first - first, one.last - first) for one in hand] for hand in done.ranges] == ranges
    states = {
        (block.owner, block.state): block.tonnes
        for block in Block.objects.filter(lot=lot, closed_at__isnull=True)
    }
    assert states == {
        key: tonnes
        for key, tonnes in (((BOLT, "held"), sum(shares)), ((ACME, "held"), 10 - sum(shares)))
        if tonnes
    }
    sound()


def test_no_more_than_is_locked_is_transferred_and_a_hold_is_transferred_once() -> None:
    lot = new_lot(10)
    hold = locked_for(lot, 8)

    with pytest.raises(AssertionError):
        transfer_locked(hold, order(ACME), (Share(BOLT, 9),), at=AT)
    transfer_locked(hold, order(ACME), (Share(BOLT, 8),), at=AT)
    with pytest.raises(NotLocked):
        transfer_locked(hold, order(ACME), (Share(BOLT, 1),), at=AT)

    sound()
