"""A certified day is closed again on request: what comes late waits for the next lot, what goes comes off it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from django.db import connection

from close.town import KINDS, OPENED_AT, PROVIDER, SHANGHAI, TAKEN_AT, Town, act, certified_mg, pending_mg
from tanpuhui.close.due import Due, due
from tanpuhui.close.refusals import DayCertified
from tanpuhui.consent.give import give
from tanpuhui.consent.open_account import open_account
from tanpuhui.consent.terms import Terms, acts_of_days
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.invariants import check
from tanpuhui.ledger.statement import statement
from tanpuhui.registry.certify import Order, certify
from tanpuhui.registry.models import Lot
from tanpuhui.registry.reconcile import reconcile
from tanpuhui.registry.refusals import LessThanATonne

FIRST, SECOND, THIRD = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
NOW = datetime(2026, 3, 12, 9, 0, tzinfo=SHANGHAI)
ORDER = Order(
    methodology="shanghai/rooftop-pv",
    version=1,
    vintage=2026,
    through=FIRST,
    operator="platform operator",
    verifier="Green Audit Ltd",
    at=NOW,
)


def roof(
    source_id: str, person: str, energy_wh: int | None, day: date = FIRST, **more: Any
) -> dict[str, Any]:
    """A roof's output of half an hour: 420 mg for each Wh, so 2,500,000 Wh are 1.05 t."""
    return act("rooftop_pv_output", source_id, person, day=day, **({"energy_wh": energy_wh} | more))


def lot_of(town: Town, through: date = FIRST) -> Lot:
    order = replace(ORDER, through=through)
    return certify(order, places=town.places, jurisdiction=town.jurisdiction, library=town.library)


def reopen(town: Town, day: date = FIRST) -> int:
    """Close a certified day again; what it credits now, in mg."""
    return town.close(day, reopen=True).credited_mg


def owed_mg(account: int) -> int:
    return statement(connection, account, at=datetime(2027, 1, 1, tzinfo=SHANGHAI)).owed_mg()


def all_sums_hold() -> bool:
    return check(connection) == [] and reconcile(connection) == []


@pytest.fixture()
def people(town: Town) -> dict[str, int]:
    """a has 1.05 t, b has 1.05 t: two tonnes are certified, 50 kg each stay pending."""
    people = town.settle("ab")
    town.take(roof("1", "a", 2_500_000), roof("2", "b", 2_500_000))
    town.close(FIRST)
    assert lot_of(town).tonnes == 2
    assert pending_mg(people["a"]) == pending_mg(people["b"]) == 50_000_000
    return people


def retract(town: Town, source_id: str, person: str) -> None:
    town.take(roof(source_id, person, None, revision=1, action="retract"))


def test_what_comes_late_for_a_lot_waits_for_the_next_one(town: Town, people: dict[str, int]) -> None:
    town.take(roof("3", "a", 2_500_000, hour=12))

    with pytest.raises(DayCertified, match="--reopen"):
        town.close(FIRST)
    assert due(NOW, "Asia/Shanghai", town.places.lake) == [Due(FIRST, "new_evidence", "DEMO-000001")]
    assert reopen(town) == 3 * 1_050_000_000

    assert pending_mg(people["a"]) == 1_100_000_000
    assert lot_of(town).tonnes == 1
    assert all_sums_hold()
    assert due(NOW, "Asia/Shanghai", town.places.lake) == []


def test_what_is_taken_back_after_certification_is_owed_and_made_good(
    town: Town, people: dict[str, int]
) -> None:
    """1.05 t of a are taken back: 0.05 t were pending, so 1 t is owed; 2 roofs more make it good and leave 1.1 t."""
    retract(town, "1", "a")

    assert reopen(town) == 1_050_000_000

    assert (pending_mg(people["a"]), owed_mg(people["a"])) == (0, TONNE_MG)
    assert certified_mg(people["a"]) == TONNE_MG, "a certified share is not touched by a close"
    assert all_sums_hold()

    town.take(roof("4", "a", 2_500_000, SECOND), roof("5", "a", 2_500_000, SECOND, hour=12))
    town.close(SECOND)

    assert (pending_mg(people["a"]), owed_mg(people["a"])) == (1_100_000_000, 0)
    assert all_sums_hold()


def test_the_next_lot_is_smaller_by_what_is_still_owed(town: Town, people: dict[str, int]) -> None:
    """b has 0.05 + 2.1 t pending and a owes 1 t: 1.15 t are left, so one tonne is certified and not two."""
    retract(town, "1", "a")
    reopen(town)
    town.take(roof("4", "b", 2_500_000, SECOND), roof("5", "b", 2_500_000, SECOND, hour=12))
    town.close(SECOND)
    assert pending_mg(people["b"]) == 2_150_000_000

    lot = lot_of(town, SECOND)

    assert lot.tonnes == 1
    assert pending_mg(people["b"]) == 1_150_000_000
    # Three lots' tonnes are never more than what stands: 1.05 + 2.1 t credited, 3 t certified.
    with pytest.raises(LessThanATonne):
        lot_of(town, SECOND)
    assert all_sums_hold()


def test_a_debt_that_is_paid_in_part_stays_in_part(town: Town, people: dict[str, int]) -> None:
    retract(town, "1", "a")
    reopen(town)
    town.take(roof("4", "a", 1_000_000, SECOND))

    town.close(SECOND)

    # 1 t owed less 0.42 t.
    assert (pending_mg(people["a"]), owed_mg(people["a"])) == (0, 580_000_000)
    assert all_sums_hold()


def test_a_retraction_that_was_itself_replaced_gives_back_what_was_owed(
    town: Town, people: dict[str, int]
) -> None:
    retract(town, "1", "a")
    reopen(town)
    town.take(roof("1", "a", 2_500_000, revision=2))

    reopen(town)

    assert (pending_mg(people["a"]), owed_mg(people["a"])) == (50_000_000, 0)
    assert all_sums_hold()


def test_closing_a_certified_day_again_without_news_changes_nothing(
    town: Town, people: dict[str, int]
) -> None:
    assert not town.close(FIRST, reopen=True).posted


def test_other_days_and_methodologies_close_as_always(town: Town, people: dict[str, int]) -> None:
    town.take(act("metro_trip", "m", "a", day=THIRD, distance_m=1_000))

    assert town.close(THIRD, at=TAKEN_AT).credited_mg == 46_700


def test_an_act_that_moves_to_another_year_after_certification_is_not_certified_again(town: Town) -> None:
    """3.15 t of 2026, of which 3 t are certified, turn out to be of 2025: 0.15 t of them are left to certify."""
    old = date(2025, 12, 30)
    account = open_account(at=OPENED_AT)
    town.link({"a": account})
    first, _ = acts_of_days(date(2025, 1, 1), None)
    give(account, Terms(PROVIDER, KINDS, acts_from_us=first), at=OPENED_AT, method="test")
    town.take(roof("1", "a", 7_500_000))
    town.close(FIRST)
    assert lot_of(town).tonnes == 3
    town.take(roof("1", "a", 7_500_000, old, revision=1))

    reopen(town)
    town.close(old)

    assert (pending_mg(account), owed_mg(account)) == (3_150_000_000, 3 * TONNE_MG)
    order = replace(ORDER, through=old, vintage=2025)
    with pytest.raises(LessThanATonne, match="150000000 mg"):
        certify(order, places=town.places, jurisdiction=town.jurisdiction, library=town.library)
    assert all_sums_hold()
