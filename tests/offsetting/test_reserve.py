"""Reserve and surrender: at most the cap and the pool, once, from eligible lots; what is annulled is replaced."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import date
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from ledger.bookings import in_parallel
from offsetting.filings import DEMO, GUANGDONG, ask, declared, sound, with_rules
from registry.units_town import ACME, AT, BOLT, given, new_lot, order
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.invariants import exceptions
from tanpuhui.offsetting import ruled
from tanpuhui.offsetting.cap import YearOf
from tanpuhui.offsetting.declare import declare
from tanpuhui.offsetting.invariants import INVARIANTS
from tanpuhui.offsetting.models import (
    Ending,
    Obligation,
    Replacement,
    Reservation,
    VoluntaryRetirement,
    YearRules,
)
from tanpuhui.offsetting.refusals import (
    BadObligation,
    BadYear,
    CapExceeded,
    KeyReused,
    NoObligation,
    NoSink,
    NotEnoughEligible,
    NothingToReplace,
    NotWholeTonnes,
    ObligationBelowUse,
    PoolExceeded,
    ReservationEnded,
    ReservationLost,
    RulesRewritten,
    UnknownReservation,
)
from tanpuhui.offsetting.release import release
from tanpuhui.offsetting.replace import due_of, replace
from tanpuhui.offsetting.surrender import surrender
from tanpuhui.offsetting.year import used_mg
from tanpuhui.project.database import APP_ROLE
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.quantify.rule_tables import FOREVER, Rule
from tanpuhui.registry.annul import annul
from tanpuhui.registry.lock import lock, unlock
from tanpuhui.registry.models import Movement
from tanpuhui.registry.reconcile import INVARIANTS as RECONCILE
from tanpuhui.registry.retire import retire
from tanpuhui.registry.states import states_of
from tanpuhui.registry.units import Part, UnitOrder
from unjudged import judge_now

pytestmark = pytest.mark.django_db


def lots_of(reservation: Reservation) -> dict[str, int]:
    tonnes: dict[str, int] = {}
    for one in reservation.ranges:
        tonnes[one["lot"]] = tonnes.get(one["lot"], 0) + one["tonnes"]
    return tonnes


def test_of_a_million_tonnes_a_hundred_thousand_are_surrendered_and_a_milligram_more_is_refused() -> None:
    lot = new_lot(150_000, jurisdiction="guangdong", status="official")
    given(ACME, lot, 150_000)
    declared(1_000_000, GUANGDONG, year=2022)

    with pytest.raises(CapExceeded) as refused:
        ask(100_000 * TONNE_MG + 1, GUANGDONG, year=2022)
    assert refused.value.facts["rule"].startswith("guangdong/offset_caps/2021-01-01: at most 10 %")
    assert refused.value.facts["left_mg"] == 100_000_000_000_000
    assert "100000 t" in str(refused.value)
    reservation = ask(100_000 * TONNE_MG, GUANGDONG, year=2022)
    surrender(reservation.pk, key="s", at=AT)

    with pytest.raises(CapExceeded) as refused:
        ask(1, GUANGDONG, year=2022)
    assert refused.value.facts["left_mg"] == 0
    states = states_of(lot)
    assert (states.retired_mg, states.transferred_mg) == (100_000 * TONNE_MG, 50_000 * TONNE_MG)
    assert reservation.ranges[0]["serials"].startswith("GD-PHCER-")
    sound()


@pytest.mark.django_db(transaction=True)
def test_of_two_filings_of_sixty_thousand_tonnes_at_one_moment_exactly_one_succeeds() -> None:
    with transaction.atomic():
        given(ACME, new_lot(150_000, jurisdiction="guangdong", status="official"), 150_000)
        declared(1_000_000, GUANGDONG, year=2022)

    def file(number: int) -> Any:
        with transaction.atomic():
            return ask(60_000 * TONNE_MG, GUANGDONG, year=2022, name=f"filing {number}")

    results = in_parallel(2, file)

    kinds = sorted(type(result).__name__ for result in results)
    assert kinds == ["CapExceeded", "Reservation"], results
    (refusal,) = [result for result in results if isinstance(result, CapExceeded)]
    assert refusal.facts["left_mg"] == 40_000 * TONNE_MG
    assert used_mg("guangdong", 2022, ACME) == 60_000 * TONNE_MG
    sound()


@pytest.mark.django_db(transaction=True)
def test_companies_together_never_overrun_the_pool_of_the_year() -> None:
    pool = Rule(date(2010, 1, 1), FOREVER, "illustrative", "a test", {"pool_t": 10})
    small = changed(with_rules(), offset_pools=(pool,))
    with transaction.atomic():
        lot = new_lot(40)
        for company in (ACME, BOLT):
            given(company, lot, 20)
            declared(1_000, small, company)

    def file(number: int) -> Any:
        with transaction.atomic():
            return ask(3 * TONNE_MG, small, (ACME, BOLT)[number % 2], name=f"filing {number}")

    results = in_parallel(8, file)

    assert sum(isinstance(result, Reservation) for result in results) == 3, results
    assert sum(isinstance(result, PoolExceeded) for result in results) == 5, results
    assert used_mg("demo", 2026) == 9 * TONNE_MG
    sound()


def test_the_servers_role_may_do_all_of_it() -> None:
    first, second = new_lot(10), new_lot(10)
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {APP_ROLE}")
    try:
        given(ACME, first, 10)
        given(ACME, second, 10)
        declared(100)
        surrender(ask(5 * TONNE_MG).pk, key="s", at=AT)
        release(ask(5 * TONNE_MG).pk, key="r", at=AT)
        annul(first, reason="wrong", at=AT)
        replace(Reservation.objects.earliest("pk").pk, first, key="p", at=AT)
        sound()
        with pytest.raises(DatabaseError), transaction.atomic():
            Reservation.objects.update(amount_mg=TONNE_MG)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")


def test_a_reservation_is_made_once_under_its_key() -> None:
    given(ACME, new_lot(10), 10)
    declared(100)
    first = ask(4 * TONNE_MG, name="k")

    assert ask(4 * TONNE_MG, name="k") == first
    with pytest.raises(KeyReused):
        ask(5 * TONNE_MG, name="k")
    assert used_mg("demo", 2026, ACME) == 4 * TONNE_MG


def test_a_reservation_is_surrendered_once_and_never_released_then() -> None:
    lot = new_lot(10)
    given(ACME, lot, 10)
    declared(100)
    number = ask(4 * TONNE_MG).pk

    assert surrender(number, key="s", at=AT) == surrender(number, key="s", at=AT)

    for verb in (surrender, release):
        with pytest.raises(ReservationEnded):
            verb(number, key="other", at=AT)
    assert states_of(lot).retired_mg == 4 * TONNE_MG
    with pytest.raises(UnknownReservation):
        surrender(999, key="s", at=AT)


def test_what_is_released_is_free_again_for_the_cap_and_for_the_company() -> None:
    lot = new_lot(10)
    given(ACME, lot, 10)
    declared(100)
    number = ask(10 * TONNE_MG).pk
    with pytest.raises(CapExceeded):
        ask(TONNE_MG)

    release(number, key="r", at=AT)
    release(number, key="r", at=AT)

    with pytest.raises(ReservationEnded):
        surrender(number, key="s", at=AT)
    assert states_of(lot).transferred_mg == 10 * TONNE_MG
    assert ask(10 * TONNE_MG).used_before_mg == 0
    sound()


@pytest.mark.parametrize("amount_mg", [0, -TONNE_MG, 1, TONNE_MG + 1])
def test_parts_of_a_tonne_are_not_reserved(amount_mg: int) -> None:
    given(ACME, new_lot(10), 10)
    declared(100)

    with pytest.raises(NotWholeTonnes):
        ask(amount_mg)


def test_without_a_declaration_nothing_is_reserved_and_a_later_one_counts() -> None:
    given(ACME, new_lot(20), 20)
    with pytest.raises(NoObligation):
        ask(TONNE_MG)
    declared(50)
    declared(50)
    assert Obligation.objects.count() == 1
    with pytest.raises(CapExceeded):
        ask(6 * TONNE_MG)

    declared(100)

    assert ask(6 * TONNE_MG).cap_mg == 10 * TONNE_MG
    with pytest.raises(ObligationBelowUse):
        declared(59)
    for of, source in (
        (YearOf(2026), "x"),
        (YearOf(2026, -1), "x"),
        (YearOf(2026, 1, -1), "x"),
        (YearOf(2026, 1), " "),
    ):
        with pytest.raises(BadObligation):
            declare(ACME, DEMO, of, source=source, at=AT)


@pytest.mark.parametrize("amount_mg", [2**63, 10**30])
def test_more_than_can_be_counted_is_not_declared(amount_mg: int) -> None:
    for of in (YearOf(2026, amount_mg), YearOf(2026, TONNE_MG, amount_mg)):
        with pytest.raises(BadObligation, match="more than can be counted"):
            declare(ACME, DEMO, of, source="report", at=AT)


@pytest.mark.parametrize("year", [0, -1, 1999, 3000, 10**30])
def test_a_year_that_is_none_is_not_filed_for(year: int) -> None:
    with pytest.raises(BadYear):
        ask(TONNE_MG, year=year)


def test_lots_that_may_not_be_used_are_named_with_the_reason() -> None:
    strict = changed(
        with_rules(earliest_vintage=2020, most_vintages_back=3, accepts=["beijing"]),
        accepted_statuses=(
            Rule(date(2010, 1, 1), FOREVER, "illustrative", "a test", {"statuses": ["official"]}),
        ),
    )
    reasons = {
        new_lot(1, status="official", jurisdiction="shanghai"): "from shanghai, which demo does not accept",
        new_lot(1, status="official", vintage=2019): "vintage 2019 is before 2020",
        new_lot(1, status="official", vintage=2022): "vintage 2022 is more than 3 years before 2026",
        new_lot(1, status="published"): "factors are published, which demo does not accept",
        new_lot(1, status="official", jurisdiction="beijing"): "",
    }
    for lot in reasons:
        given(ACME, lot, 1)
    declared(1_000, strict)

    with pytest.raises(NotEnoughEligible) as refused:
        ask(2 * TONNE_MG, strict)

    assert refused.value.facts["eligible_t"] == 1
    assert sorted(refused.value.facts["not_eligible"].split("; ")) == sorted(
        f"{lot}: {reason}" for lot, reason in reasons.items() if reason
    )
    assert ask(TONNE_MG, strict).ranges[0]["lot"].startswith("BEIJING-")


def test_a_scope_that_the_rule_shuts_out_is_not_used() -> None:
    given(ACME, new_lot(1), 1)
    shut = with_rules(excluded_scopes=["energy"])
    declared(1_000, shut)

    with pytest.raises(NotEnoughEligible, match="is excluded"):
        ask(TONNE_MG, shut)


def test_the_least_local_share_is_kept_and_the_oldest_go_first() -> None:
    rules = with_rules(local_share_percent="70", accepts=["shanghai"])
    away, old, young = (
        new_lot(20, jurisdiction="shanghai", vintage=2023),
        new_lot(4, vintage=2024),
        new_lot(20),
    )
    for lot, tonnes in ((away, 20), (old, 4), (young, 20)):
        given(ACME, lot, tonnes)
    declared(1_000, rules)

    # Of 11 t at least 7.7, so 8 are local: 3 from elsewhere, the 4 older local ones, 4 of the younger.
    assert lots_of(ask(11 * TONNE_MG, rules)) == {away: 3, old: 4, young: 4}
    # 16 local tonnes are left: 22 t need 15.4, so 16; 23 t need 16.1, so 17.
    with pytest.raises(NotEnoughEligible) as refused:
        ask(23 * TONNE_MG, rules)
    assert (refused.value.facts["local_t"], refused.value.facts["eligible_local_t"]) == (17, 16)
    assert lots_of(ask(22 * TONNE_MG, rules)) == {away: 6, young: 16}


def test_a_district_files_under_its_citys_cap_and_its_lots_are_local_there() -> None:
    pudong = load_jurisdiction("pudong")
    given(ACME, new_lot(10, jurisdiction="pudong", vintage=2025), 10)
    of = YearOf(2025, 1_000 * TONNE_MG, 100 * TONNE_MG)
    declare(ACME, pudong, of, source="notice", at=AT)

    ask(3 * TONNE_MG, pudong, year=2025)

    with pytest.raises(CapExceeded) as refused:
        ask(3 * TONNE_MG, load_jurisdiction("shanghai"), year=2025)
    assert refused.value.facts["left_mg"] == 2 * TONNE_MG


def test_where_nothing_may_be_surrendered_nothing_is_reserved() -> None:
    given(ACME, new_lot(1), 1)
    points = Rule(date(2010, 1, 1), FOREVER, "illustrative", "a test", {"sink": "points"})
    without = changed(with_rules(), sinks=(points,))
    declared(1_000, without)

    with pytest.raises(NoSink, match="it has: points"):
        ask(TONNE_MG, without)


def test_rules_of_a_year_that_was_filed_for_are_not_rewritten() -> None:
    given(ACME, new_lot(10), 10)
    declared(100)
    ask(TONNE_MG)

    with pytest.raises(RulesRewritten):
        ask(TONNE_MG, with_rules(share_percent="20"))
    (rule,) = DEMO.offset_caps
    ended = changed(DEMO, offset_caps=(changed(rule, last_day=date(2026, 12, 31)),))
    assert ask(TONNE_MG, ended).used_before_mg == TONNE_MG


def test_surrendered_tonnes_of_an_annulled_lot_are_replaced_once_and_the_cap_is_not_used_again() -> None:
    wrong, good = new_lot(6), new_lot(20)
    given(ACME, wrong, 6)
    given(ACME, good, 20)
    declared(100)
    number = ask(10 * TONNE_MG).pk
    surrender(number, key="s", at=AT)
    with pytest.raises(NothingToReplace):
        replace(number, wrong, key="p", at=AT)
    annul(wrong, reason="the meter was turned back", at=AT)
    reservation = Reservation.objects.get(pk=number)
    assert [(due.lot, due.tonnes, due.reason) for due in due_of(reservation)] == [
        (wrong, 6, "the meter was turned back")
    ]

    first = replace(number, wrong, key="p", at=AT)

    assert replace(number, wrong, key="p", at=AT) == first
    assert [(one["lot"], one["tonnes"]) for one in first.ranges] == [(good, 6)]
    assert due_of(reservation) == []
    with pytest.raises(NothingToReplace):
        replace(number, wrong, key="q", at=AT)
    with pytest.raises(KeyReused):
        replace(number, good, key="p", at=AT)
    assert states_of(good).retired_mg == 10 * TONNE_MG
    assert used_mg("demo", 2026, ACME) == 10 * TONNE_MG
    # What stands in for it may be wrong too: all 10 t of that lot are owed then.
    annul(good, reason="that one too", at=AT)
    assert [(due.lot, due.tonnes) for due in due_of(reservation)] == [(good, 10)]
    sound()


def test_a_reservation_that_lost_a_lot_is_released_and_made_again() -> None:
    wrong, good = new_lot(3), new_lot(9)
    given(ACME, wrong, 3)
    given(ACME, good, 9)
    declared(100)
    number = ask(5 * TONNE_MG).pk
    annul(wrong, reason="wrong", at=AT)

    with pytest.raises(ReservationLost, match=wrong):
        surrender(number, key="s", at=AT)
    release(number, key="r", at=AT)

    assert lots_of(ask(5 * TONNE_MG)) == {good: 5}
    sound()


def test_the_database_refuses_more_than_the_cap_by_itself() -> None:
    given(ACME, new_lot(10), 10)
    declared(100)
    first = ask(TONNE_MG)

    for wrong in ({"used_before_mg": 10 * TONNE_MG}, {"pool_used_before_mg": 10**18}, {"amount_mg": 1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            said = {
                field.attname: getattr(first, field.attname) for field in Reservation._meta.concrete_fields
            }
            said |= {"id": None, "key": "x", "hold": 999, **wrong}
            Reservation.objects.create(**said)
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        Reservation.objects.filter(pk=first.pk).update(amount_mg=2 * TONNE_MG)


@pytest.mark.parametrize(
    "wrong", [{}, {"used_before_mg": TONNE_MG, "cap_mg": 99 * TONNE_MG}, {"used_before_mg": TONNE_MG}]
)
def test_the_database_counts_what_is_used_and_the_cap_itself(wrong: dict[str, int]) -> None:
    """As two filings that both saw what was left, or as whoever has the application's role would write them."""
    given(ACME, new_lot(20), 20)
    declared(100)
    first = ask(TONNE_MG)
    held = lock(order(ACME, (first.ranges[0]["lot"], 10)), at=AT).hold
    said = {field.attname: getattr(first, field.attname) for field in Reservation._meta.concrete_fields}
    said |= {"id": None, "key": "x", "hold": held, "amount_mg": 10 * TONNE_MG, **wrong}

    with pytest.raises(IntegrityError), transaction.atomic():
        Reservation.objects.create(**said)


@pytest.mark.parametrize("outcome", [Ending.SURRENDERED, Ending.RELEASED])
def test_the_database_ends_no_reservation_whose_units_did_not_move(outcome: str) -> None:
    given(ACME, new_lot(20), 20)
    declared(100)
    first = ask(TONNE_MG)

    with pytest.raises(IntegrityError, match="were retired for it"), transaction.atomic():
        Ending.objects.create(reservation=first, outcome=outcome, key="s", ended_at=AT)
        judge_now()


def test_the_database_takes_no_replacement_or_retirement_of_tonnes_that_were_not_retired() -> None:
    wrong = new_lot(6)
    given(ACME, wrong, 6)
    declared(100)
    number = ask(TONNE_MG).pk
    surrender(number, key="s", at=AT)
    annul(wrong, reason="wrong", at=AT)

    with pytest.raises(IntegrityError, match="in the place of lot"), transaction.atomic():
        Replacement.objects.create(
            key="x", reservation_id=number, lot=wrong, amount_mg=TONNE_MG, ranges=[], replaced_at=AT
        )
        judge_now()
    with pytest.raises(IntegrityError, match="for an event"), transaction.atomic():
        VoluntaryRetirement.objects.create(
            key="x",
            content_digest="x",
            company=ACME,
            jurisdiction="demo",
            amount_mg=TONNE_MG,
            beneficiary="an event",
            purpose="travel",
            rule={},
            ranges=[],
            retired_at=AT,
        )
        judge_now()


def test_more_than_the_cap_and_tonnes_that_were_not_retired_are_found() -> None:
    given(ACME, new_lot(20), 20)
    declared(100)
    first = ask(10 * TONNE_MG)
    said = {field.attname: getattr(first, field.attname) for field in Reservation._meta.concrete_fields}
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE offsetting_reservation DISABLE TRIGGER offsetting_judge_reservation")
        cursor.execute("ALTER TABLE offsetting_ending DISABLE TRIGGER offsetting_judge_ending")
    second = Reservation.objects.create(**{**said, "id": None, "key": "x", "hold": 999})
    Ending.objects.create(reservation=second, outcome=Ending.SURRENDERED, key="s", ended_at=AT)

    found = {finding.invariant for one in INVARIANTS for finding in exceptions(connection, one)}

    assert found == {
        "companies_stay_under_their_caps",
        "what_is_declared_covers_what_is_used",
        "surrendered_is_retired",
    }


def moved_by_hand(key: str, lot: str, first: int, tonnes: int) -> Movement:
    """A movement as whoever has the application's role would write it, without a unit that moves."""
    return Movement.objects.create(
        verb="retire_locked",
        key=key,
        lot_id=lot,
        first=first,
        last=first + tonnes - 1,
        from_state="locked",
        from_owner=ACME,
        to_state="retired",
        to_owner=ACME,
        made_at=AT,
    )


def test_the_database_surrenders_nothing_whose_numbers_are_still_there() -> None:
    lot = new_lot(20)
    given(ACME, lot, 20)
    declared(100)
    first = ask(5 * TONNE_MG)
    unlock(first.hold, key="u", order=order(ACME), at=AT)

    with pytest.raises(IntegrityError, match="only 0 are retired"), transaction.atomic():
        moved_by_hand(f"surrender:{first.pk}", lot, 1, 5)
        Ending.objects.create(reservation=first, outcome=Ending.SURRENDERED, key="s", ended_at=AT)
        judge_now()


def test_the_database_uses_no_number_up_twice() -> None:
    lot = new_lot(20)
    given(ACME, lot, 20)
    declared(100)
    first, second = ask(5 * TONNE_MG), ask(5 * TONNE_MG)
    surrender(first.pk, key="s", at=AT)
    unlock(second.hold, key="u", order=order(ACME), at=AT)

    with pytest.raises(IntegrityError, match="registry_used_once"), transaction.atomic():
        moved_by_hand(f"surrender:{second.pk}", lot, 1, 5)


def test_a_movement_without_its_numbers_is_found() -> None:
    lot = new_lot(20)
    given(ACME, lot, 20)
    judge_now()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE registry_movement DISABLE TRIGGER registry_judge_used")
    moved_by_hand("surrender:99", lot, 1, 5)

    found = {finding.invariant for one in RECONCILE for finding in exceptions(connection, one)}

    assert "used_numbers_are_where_they_were_moved" in found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_the_database_takes_no_filing_that_cannot_see_the_others(level: str) -> None:
    with transaction.atomic():
        given(ACME, new_lot(20), 20)
        declared(100)

    with pytest.raises(IntegrityError, match="judged by what is committed"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        ask(TONNE_MG)


def test_the_database_takes_no_replacement_of_less_than_was_due() -> None:
    wrong, good = new_lot(6), new_lot(6)
    given(ACME, wrong, 6)
    given(ACME, good, 6)
    declared(100)
    number = ask(6 * TONNE_MG).pk
    surrender(number, key="s", at=AT)
    annul(wrong, reason="wrong", at=AT)
    retire(UnitOrder("offset:replace:x", ACME, (Part(good, 1),), AT.date()), at=AT)
    said = {"reservation_id": number, "lot": wrong, "amount_mg": TONNE_MG, "ranges": [], "replaced_at": AT}

    with pytest.raises(IntegrityError, match="6000000000 mg are due"), transaction.atomic():
        Replacement.objects.create(key="x", **said)
        judge_now()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE offsetting_replacement DISABLE TRIGGER offsetting_judge_replacement")
    Replacement.objects.create(key="x", **said)

    found = {finding.invariant for one in INVARIANTS for finding in exceptions(connection, one)}
    assert found == {"replacements_are_what_was_due"}


def test_what_is_declared_by_hand_below_what_is_used_is_found() -> None:
    given(ACME, new_lot(20), 20)
    declared(100)
    ask(10 * TONNE_MG)
    sound()

    standing = Obligation.objects.get()
    Obligation.objects.create(
        company=ACME,
        jurisdiction="demo",
        year=2026,
        sequence=2,
        verified_emissions_mg=standing.verified_emissions_mg - 1,
        source="by hand",
        declared_at=AT,
    )

    found = {finding.invariant for one in INVARIANTS for finding in exceptions(connection, one)}
    assert found == {"what_is_declared_covers_what_is_used"}


@pytest.mark.parametrize(
    ("cap", "pool", "says"),
    [
        # What jurisdictions/guangdong.toml says of 2022 (no pool) and 2021 (a pool of 1 Mt).
        ({"share_percent": "10", "denominator": "verified_emissions"}, {}, []),
        ({"share_percent": "100", "denominator": "verified_emissions"}, {}, ["guangdong 2022"]),
        ({"share_percent": "10", "denominator": "allowances"}, {}, ["guangdong 2022"]),
        ({"share_percent": "10", "denominator": "verified_emissions"}, {"pool_t": 9}, ["guangdong 2022"]),
    ],
)
def test_a_year_that_is_filed_under_another_rule_than_the_tables_is_found(
    cap: dict[str, str], pool: dict[str, int], says: list[str]
) -> None:
    YearRules.objects.create(
        jurisdiction="guangdong", year=2022, cap=cap, pool=pool or None, digest="x", fixed_at=AT
    )
    for year, pool_t in ((2021, 1_000_000), (2023, None)):
        YearRules.objects.create(
            jurisdiction="guangdong",
            year=year,
            cap={"share_percent": "10", "denominator": "verified_emissions"},
            pool=None if pool_t is None else {"pool_t": pool_t},
            digest="x",
            fixed_at=AT,
        )

    assert [finding.key for one in ruled.invariants() for finding in exceptions(connection, one)] == says
