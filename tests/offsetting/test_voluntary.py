"""Voluntary retirement: tonnes are retired for somebody, once, where the place's rules allow it, with a certificate."""

from __future__ import annotations

from dataclasses import replace as changed
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from ledger.bookings import in_parallel
from offsetting.filings import DEMO, GUANGDONG, ask, declared, sound
from registry.units_town import ACME, AT, BOLT, given, key, new_lot
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.certificate import annulled_of
from tanpuhui.offsetting.models import VoluntaryRetirement
from tanpuhui.offsetting.refusals import (
    BeneficiaryMissing,
    KeyReused,
    NotEnoughHeld,
    NotWholeTonnes,
    NoVoluntaryUse,
)
from tanpuhui.offsetting.voluntary import VoluntaryOrder, retire_voluntarily
from tanpuhui.offsetting.year import used_mg
from tanpuhui.project.database import APP_ROLE
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.annul import annul
from tanpuhui.registry.history import history_of
from tanpuhui.registry.lookup import find
from tanpuhui.registry.states import states_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]


def retired(
    amount_mg: int,
    rules: Jurisdiction = DEMO,
    *,
    name: str = "",
    beneficiary: str = "City marathon 2026",
    purpose: str = "travel of its runners",
    lot: str = "",
    company: int = ACME,
) -> VoluntaryRetirement:
    order = VoluntaryOrder(name or key(), company, amount_mg, beneficiary, purpose, lot)
    return retire_voluntarily(order, rules, at=AT)


def test_an_events_tonnes_are_retired_with_beneficiary_and_purpose_and_no_cap_counts_them() -> None:
    old, young = new_lot(3, vintage=2024), new_lot(10)
    for lot, tonnes in ((old, 3), (young, 10)):
        given(ACME, lot, tonnes)

    done = retired(5 * TONNE_MG)

    said = done.certificate.content
    assert (said["kind"], said["beneficiary"], said["purpose"]) == (
        "voluntary",
        "City marathon 2026",
        "travel of its runners",
    )
    assert [(one["lot"], one["tonnes"]) for one in said["ranges"]] == [(old, 3), (young, 2)]
    assert said["rule"]["name"] == "demo/sinks/2010-01-01"
    assert states_of(young).retired_mg == 2 * TONNE_MG
    assert used_mg("demo", 2026, ACME) == 0
    [*_, last] = history_of(find("1")).movements
    assert last.said == {
        "purpose": "voluntary",
        "beneficiary": "City marathon 2026",
        "for": "travel of its runners",
    }
    sound()


def test_all_that_is_held_may_be_retired_and_a_tonne_more_may_not() -> None:
    lot = new_lot(10)
    given(ACME, lot, 10)
    declared(1_000)
    ask(4 * TONNE_MG)

    with pytest.raises(NotEnoughHeld) as refused:
        retired(7 * TONNE_MG)
    assert refused.value.facts["held_t"] == 6
    retired(6 * TONNE_MG)
    with pytest.raises(NotEnoughHeld):
        retired(TONNE_MG)
    sound()


def test_a_lot_that_was_chosen_is_the_one_that_is_used() -> None:
    first, second = new_lot(5), new_lot(5)
    given(ACME, first, 5)
    given(ACME, second, 5)

    assert [one["lot"] for one in retired(2 * TONNE_MG, lot=second).ranges] == [second]
    with pytest.raises(NotEnoughHeld, match=second):
        retired(4 * TONNE_MG, lot=second)


def test_where_the_place_has_no_such_rule_nothing_is_retired() -> None:
    given(ACME, new_lot(5, jurisdiction="guangdong", status="official"), 5)

    with pytest.raises(NoVoluntaryUse, match="allowance_surrender"):
        retired(TONNE_MG, GUANGDONG)
    with pytest.raises(NoVoluntaryUse, match="it has: none"):
        retired(TONNE_MG, changed(GUANGDONG, sinks=()))
    # Nor do another place's rules let them go.
    with pytest.raises(NotEnoughHeld):
        retired(TONNE_MG)


@pytest.mark.parametrize("amount_mg", [0, -TONNE_MG, 1, TONNE_MG + 1])
def test_parts_of_a_tonne_are_not_retired(amount_mg: int) -> None:
    given(ACME, new_lot(5), 5)

    with pytest.raises(NotWholeTonnes):
        retired(amount_mg)


def test_it_says_for_whom_and_for_what() -> None:
    given(ACME, new_lot(5), 5)

    for beneficiary, purpose in (("", "x"), ("x", " \n "), ("x" * 201, "x"), ("x", "x" * 201)):
        with pytest.raises(BeneficiaryMissing):
            retired(TONNE_MG, beneficiary=beneficiary, purpose=purpose)
    assert retired(TONNE_MG, beneficiary=f"  {'x' * 199}\n y"[:202].strip()).amount_mg == TONNE_MG


def test_it_is_done_once_under_its_key() -> None:
    given(ACME, new_lot(5), 5)
    first = retired(2 * TONNE_MG, name="k")

    assert retired(2 * TONNE_MG, name="k") == first
    for other in ({"amount_mg": TONNE_MG}, {"beneficiary": "somebody else"}, {"company": BOLT}):
        with pytest.raises(KeyReused):
            retired(**{"amount_mg": 2 * TONNE_MG, "name": "k", **other})  # type: ignore[arg-type]
    assert VoluntaryRetirement.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_parallel_retirements_never_use_a_tonne_twice() -> None:
    with transaction.atomic():
        given(ACME, new_lot(5), 5)
        given(ACME, new_lot(4), 4)

    def use(number: int) -> Any:
        with transaction.atomic():
            return retired(2 * TONNE_MG, name=f"retirement {number}")

    results = in_parallel(6, use)

    assert sum(isinstance(result, VoluntaryRetirement) for result in results) == 4, results
    assert sum(isinstance(result, NotEnoughHeld) for result in results) == 2, results
    sound()


@pytest.mark.django_db(transaction=True)
def test_a_retirement_and_a_filing_at_one_moment_share_no_tonne() -> None:
    with transaction.atomic():
        lot = new_lot(6)
        given(ACME, lot, 6)
        declared(1_000)

    def use(number: int) -> Any:
        with transaction.atomic():
            return retired(4 * TONNE_MG) if number % 2 else ask(4 * TONNE_MG)

    results = in_parallel(2, use)

    done = [result for result in results if not isinstance(result, Exception)]
    assert len(done) == 1, results
    states = states_of(lot)
    assert states.retired_mg + states.locked_mg == 4 * TONNE_MG
    sound()


def test_its_certificate_says_what_was_annulled_and_that_nothing_replaces_it() -> None:
    lot = new_lot(5)
    given(ACME, lot, 5)
    certificate = retired(2 * TONNE_MG).certificate

    annul(lot, reason="wrong", at=AT)

    assert [(one.lot, one.tonnes, one.replaced_by) for one in annulled_of(certificate)] == [(lot, 2, None)]
    with pytest.raises(NotEnoughHeld):
        retired(TONNE_MG)


def test_the_servers_role_retires_and_edits_nothing() -> None:
    given(ACME, new_lot(5), 5)
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {APP_ROLE}")
    try:
        retired(TONNE_MG)
        with pytest.raises(DatabaseError), transaction.atomic():
            VoluntaryRetirement.objects.update(beneficiary="x")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
