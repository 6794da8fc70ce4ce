"""Certify: a lot is whole tonnes with serials of its own, and to the milligram what residents gave."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from close.town import (
    OPENED_AT,
    PV_MG_PER_WH,
    SHANGHAI,
    Town,
    act,
    certified_mg,
    metro,
    pending_mg,
    posted_lines,
)
from tanpuhui.close import run
from tanpuhui.close.models import FrozenDay
from tanpuhui.close.refusals import DayCertified
from tanpuhui.consent.models import LOCK_KEY
from tanpuhui.consent.open_account import open_account
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.balance import balance_at
from tanpuhui.ledger.invariants import check
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import Jurisdiction, load_jurisdiction
from tanpuhui.quantify.rule_tables import Rule
from tanpuhui.registry.certify import Order, certify
from tanpuhui.registry.models import Lot
from tanpuhui.registry.serial import describe

FIRST, SECOND, THIRD = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
AT = datetime(2026, 3, 12, 9, 0, tzinfo=SHANGHAI)
ORDER = Order(
    methodology="shanghai/rooftop-pv",
    version=1,
    vintage=2026,
    through=SECOND,
    operator="platform operator",
    verifier="Green Audit Ltd",
    at=AT,
)


def roof(source_id: str, person: str, energy_wh: int, day: date) -> dict[str, Any]:
    """What a roof generated, in Wh; 1 MWh is 0.42 t."""
    return act("rooftop_pv_output", source_id, person, day=day, energy_wh=energy_wh)


def lot_of(town: Town, **others: Any) -> Lot:
    order = replace(ORDER, **others)
    with transaction.atomic():
        return certify(order, places=town.places, jurisdiction=town.jurisdiction, library=town.library)


def refused(town: Town, **others: Any) -> Refusal:
    """The refusal of a lot, after which nothing has changed."""
    before = posted_lines()
    with pytest.raises(Refusal) as caught:
        lot_of(town, **others)
    assert posted_lines() == before
    assert Lot.objects.count() == FrozenDay.objects.count() == 0
    return caught.value


@pytest.fixture()
def people(town: Town) -> dict[str, int]:
    """Two roofs on three days: 3 and 2 MWh, then 1 and 0, then 5 and 0: 1.26 + 0.84, 0.42 and 2.1 t."""
    people = town.settle("ab")
    town.take(
        roof("1", "a", 3_000_000, FIRST),
        roof("2", "b", 2_000_000, FIRST),
        roof("3", "a", 1_000_000, SECOND),
        roof("4", "a", 5_000_000, THIRD),
    )
    for day in (FIRST, SECOND, THIRD):
        town.close(day)
    return people


def test_a_lot_takes_whole_tonnes_and_leaves_the_rest_pending(town: Town, people: dict[str, int]) -> None:
    lot = lot_of(town)

    # Through the second day a has 1.68 t and b 0.84 t, 2.52 t in all: two tonnes, shared 2 to 1.
    # 2e9 * 1.68 / 2.52 = 1,333,333,333.33 and 666,666,666.67: the odd milligram goes to b.
    assert (lot.tonnes, lot.residents, lot.status) == (2, 2, "published")
    assert (certified_mg(people["a"]), certified_mg(people["b"])) == (1_333_333_333, 666_666_667)
    assert pending_mg(people["a"]) == 9_000_000 * PV_MG_PER_WH - 1_333_333_333
    assert pending_mg(people["b"]) == 2_000_000 * PV_MG_PER_WH - 666_666_667
    assert (lot.serial_first, lot.serial_last) == (1, 2)
    assert describe(lot)["serials"] == "DEMO-SHANGHAI.ROOFTOP-PV.1-2026-000000001-000000002"
    assert check(connection) == []


def test_the_ledger_has_issued_exactly_the_lots_tonnes(town: Town, people: dict[str, int]) -> None:
    lot = lot_of(town)

    issued = {row.asset: row.available for row in balance_at(connection, account_id(Kind.ISSUANCE, 0), AT)}
    crossed = {row.asset: row.available for row in balance_at(connection, account_id(Kind.CERTIFYING, 0), AT)}
    assert issued[f"lot:{lot.code}"] == -2 * TONNE_MG
    assert crossed == {"pending:shanghai/rooftop-pv@1:2026": 2 * TONNE_MG}


def test_the_second_lot_takes_only_what_the_first_left_and_its_serials_follow(
    town: Town, people: dict[str, int]
) -> None:
    first = lot_of(town)

    second = lot_of(town, through=THIRD)

    # 4.62 t less 2 t leave 2.62 t: two more tonnes, and 0.62 t stay pending.
    assert second.tonnes == 2
    assert (second.serial_first, second.serial_last) == (first.serial_last + 1, 4)
    assert second.code != first.code
    assert certified_mg(people["a"]) + certified_mg(people["b"]) == 4 * TONNE_MG
    assert pending_mg(people["a"]) + pending_mg(people["b"]) == 620_000_000
    assert check(connection) == []
    with pytest.raises(Refusal, match="less than one tonne"):
        lot_of(town, through=THIRD)


def test_days_after_the_lot_stay_open_and_pending(town: Town, people: dict[str, int]) -> None:
    lot_of(town)
    town.take(roof("5", "b", 1_000_000, THIRD))

    assert town.close(THIRD).posted
    assert set(FrozenDay.objects.values_list("day", flat=True)) == {FIRST, SECOND}


def test_a_certified_day_is_not_closed_again(town: Town, people: dict[str, int]) -> None:
    lot = lot_of(town)
    town.take(roof("5", "a", 1_000_000, FIRST))
    before = posted_lines()

    with pytest.raises(DayCertified) as caught:
        town.close(FIRST)

    assert caught.value.code == "close.day_certified"
    assert caught.value.facts["lot"] == lot.code
    assert posted_lines() == before


def test_a_day_certified_while_its_close_computes_is_not_posted(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = town.settle("a")
    late = open_account(at=OPENED_AT)
    town.link({"late": late})
    town.take(roof("1", "a", 3_000_000, FIRST), roof("2", "late", 1_000_000, FIRST))
    town.close(FIRST)
    town.give(late)
    compute = run.compute

    def compute_and_certify(*given: Any) -> Any:
        computed = compute(*given)
        lot_of(town, through=FIRST)
        return computed

    monkeypatch.setattr(run, "compute", compute_and_certify)

    with pytest.raises(DayCertified):
        town.close(FIRST)
    assert (certified_mg(people["a"]), pending_mg(people["a"])) == (TONNE_MG, 260_000_000)
    assert pending_mg(late) == 0


def test_the_database_refuses_serials_that_overlap(town: Town, people: dict[str, int]) -> None:
    lot = lot_of(town)
    kept = {name: value for name, value in vars(lot).items() if not name.startswith("_")}

    for first in (1, 2):
        another = Lot(**kept | {"code": "OTHER", "serial_first": first, "serial_last": first + 1})
        with pytest.raises(IntegrityError), transaction.atomic():
            another.save(force_insert=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Lot(**kept | {"code": "OTHER", "serial_first": 3, "serial_last": 3}).save(force_insert=True)
    Lot(**kept | {"code": "OTHER", "serial_first": 3, "serial_last": 4}).save(force_insert=True)


def test_a_lot_that_cannot_be_is_refused_and_nothing_changes(town: Town, people: dict[str, int]) -> None:
    codes = {
        "verifier": refused(town, verifier=" PLATFORM  Operator ").code,
        "vintage": refused(town, vintage=2025).code,
        "tonne": refused(town, methodology="shenzhen/metro").code,
        "before": refused(town, through=date(2026, 3, 1)).code,
        "unknown": refused(town, methodology="shenzhen/ferry").code,
    }

    assert codes == {
        "verifier": "registry.verifier_is_operator",
        "vintage": "registry.through_outside_vintage",
        "tonne": "registry.less_than_a_tonne",
        "before": "registry.less_than_a_tonne",
        "unknown": "methodology.unknown",
    }


def test_factors_of_a_status_that_the_jurisdiction_does_not_accept_make_no_lot(town: Town) -> None:
    town.settle("a")
    town.take(*(metro(f"{n}", "a", 100_000, hour=n) for n in range(4)))
    shenzhen = town.under("shenzhen")
    shenzhen.close(FIRST)

    refusal = refused(shenzhen, methodology="shenzhen/metro")

    assert refusal.code == "registry.status_not_accepted"
    assert (refusal.facts["status"], refusal.facts["accepted"]) == ("published", "official")


def test_a_scope_that_another_market_covers_makes_no_lot(town: Town, people: dict[str, int]) -> None:
    shut = Rule(
        date(2026, 3, 1),
        date(9999, 12, 31),
        "illustrative",
        "this test",
        {"scope": "energy", "reason": {"en": "covered elsewhere"}},
    )
    rules: Jurisdiction = replace(town.jurisdiction, excluded_scopes=(shut,))
    elsewhere = Town(town.folder, town.library, rules, town.buckets, town.files)

    assert refused(elsewhere).code == "registry.scope_excluded"
    assert lot_of(town).tonnes == 2


def test_the_weakest_status_of_its_factors_is_the_lots_own(town: Town) -> None:
    town.settle("abcdefg")
    rows = [act("second_hand_sale", f"{person}", person, pieces=3) for person in "abcdefg"]
    town.take(*rows)
    town.close(FIRST)

    lot = lot_of(town, methodology="national/second-hand-goods", through=FIRST)

    # Seven times three phones: 7 * 155.709 kg = 1.089963 t.
    assert (lot.tonnes, lot.status, lot.residents) == (1, "illustrative", 7)


def test_lots_are_append_only_in_the_database(town: Town, people: dict[str, int]) -> None:
    lot_of(town)
    for statement in ("UPDATE registry_lot SET tonnes = 3", "DELETE FROM registry_lot"):
        with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
            connection.cursor().execute(statement)


def test_no_close_is_posted_and_no_grant_changes_while_a_lot_is_made(
    transactional_db: None, fresh_home: Path, library: Library
) -> None:
    town = Town(fresh_home, library, load_jurisdiction("demo"), buckets=1)
    town.settle("a")
    town.take(roof("1", "a", 3_000_000, FIRST))
    town.close(FIRST)

    with transaction.atomic():
        certify(ORDER, places=town.places, jurisdiction=town.jurisdiction, library=town.library)
        with ThreadPoolExecutor(1) as elsewhere:
            free = elsewhere.submit(lock_is_free).result()

    assert not free
    assert lock_is_free()


def lock_is_free() -> bool:
    """Whether a close could post now."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK_KEY])
        free = bool(cursor.fetchone()[0])
    if current_thread() is not main_thread():
        connection.close()
    return free
