"""Answers to filings: a repeat of a key has the answer that it had, a no included, whatever has come since."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offsetting.filings import DEMO, declared, with_rules
from registry.units_town import ACME, AT, given, key, new_lot
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.answer import file, retire_once
from tanpuhui.offsetting.models import Reservation, VoluntaryRetirement
from tanpuhui.offsetting.refusals import CapExceeded, KeyReused, NotEnoughEligible, NotEnoughHeld
from tanpuhui.offsetting.reserve import ReserveOrder
from tanpuhui.offsetting.voluntary import VoluntaryOrder

pytestmark = pytest.mark.django_db


def test_a_filing_that_was_refused_stays_refused_under_its_key() -> None:
    given(ACME, new_lot(20), 20)
    declared(100)
    order = ReserveOrder(key(), ACME, 2026, 11 * TONNE_MG)

    first = file(order, with_rules(), at=AT)
    declared(200)
    again, fresh = file(order, with_rules(), at=AT), file(replace(order, key=key()), with_rules(), at=AT)

    assert isinstance(first.refusal, CapExceeded)
    assert again.refusal is not None
    assert again.refusal.as_json() == first.refusal.as_json()
    assert fresh.accepted() == {"reservation": Reservation.objects.get().pk}
    with pytest.raises(KeyReused):
        file(replace(order, amount_mg=TONNE_MG), with_rules(), at=AT)


def test_a_filing_that_was_done_is_answered_as_before_and_a_vintage_that_may_not_be_used_stays_so() -> None:
    given(ACME, new_lot(20, vintage=2019), 20)
    declared(100)
    order, strict = ReserveOrder(key(), ACME, 2026, TONNE_MG), with_rules(DEMO, earliest_vintage=2020)

    refused, again = (file(replace(order, key="old"), strict, at=AT) for _ in range(2))
    first, repeated = (file(order, strict, at=AT) for _ in range(2))
    given(ACME, new_lot(20), 20)
    still = file(order, strict, at=AT)

    assert [type(one.refusal) for one in (refused, again, first, repeated, still)] == [NotEnoughEligible] * 5
    done, done_again = (file(replace(order, key="new"), strict, at=AT) for _ in range(2))
    assert (done_again.result, done_again.repeated) == (done.accepted(), True)


def test_a_voluntary_retirement_is_answered_as_before_too() -> None:
    order = VoluntaryOrder(key(), ACME, TONNE_MG, "City marathon", "travel of its runners")

    first = retire_once(order, with_rules(), at=AT)
    given(ACME, new_lot(20), 20)
    again, fresh = (
        retire_once(order, with_rules(), at=AT),
        retire_once(replace(order, key="x"), with_rules(), at=AT),
    )

    assert isinstance(first.refusal, NotEnoughHeld)
    assert isinstance(again.refusal, NotEnoughHeld)
    assert fresh.accepted() == {"certificate": VoluntaryRetirement.objects.get().certificate.number}
