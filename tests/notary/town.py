"""A town in which everything happened that enters the log: a close, a lot, a retirement, a surrender, a release."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from close.town import DAY, SHANGHAI, Town, act, metro
from registry.units_town import given, order
from tanpuhui.access.models import Organisation
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import organisation
from tanpuhui.offsetting import replace as replacing
from tanpuhui.offsetting.cap import YearOf
from tanpuhui.offsetting.certificate import credential_of
from tanpuhui.offsetting.declare import declare
from tanpuhui.offsetting.models import Certificate, Reservation
from tanpuhui.offsetting.reserve import ReserveOrder, reserve
from tanpuhui.offsetting.surrender import surrender
from tanpuhui.offsetting.voluntary import VoluntaryOrder, retire_voluntarily
from tanpuhui.quantify.rule_tables import FOREVER, Rule
from tanpuhui.registry.annul import annul
from tanpuhui.registry.certify import Order, certify
from tanpuhui.registry.models import Lot, PrivateRelease
from tanpuhui.registry.retire import retire
from tanpuhui.registry.statistics import publish_exact
from tanpuhui.transparency.credential_status import restore, revoke, suspend

AT = datetime(2026, 3, 12, 9, 0, tzinfo=SHANGHAI)
#: When the month is over and its statistics are released.
APRIL = datetime(2026, 4, 1, 9, 0, tzinfo=SHANGHAI)
ACME = organisation(2)
#: 5 MWh at 0.42 t for each of two roofs: 4.2 t, of which 4 fill a lot.
ROOF_WH = 5_000_000


def lived(town: Town) -> Lot:
    """Let all of it happen, in transactions of their own; answers the lot, of which a company used three tonnes."""
    town.settle("ab")
    town.take(
        act("rooftop_pv_output", "p1", "a", energy_wh=ROOF_WH),
        act("rooftop_pv_output", "p2", "b", energy_wh=ROOF_WH),
        metro("m1", "a", 10_000),
    )
    town.close()
    with transaction.atomic():
        lot = certified(town)
    with transaction.atomic():
        given(ACME, lot.code, 3)
        retire(order(ACME, (lot.code, 1), beneficiary="Acme", purpose="a fair"), at=AT)
    with transaction.atomic():
        surrendered(town)
    with transaction.atomic():
        publish_exact(
            "2026-03",
            at=APRIL,
            places=town.places,
            jurisdiction=replace(town.jurisdiction, least_persons=3, private=None),
            library=town.library,
        )
    return lot


def lived_further(town: Town, lot: Lot) -> Lot:
    """What is rarer: a voluntary retirement, credentials that lose their status, statistics with noise, and a lot
    that is annulled and replaced by another, which is answered.
    """
    with transaction.atomic():
        given(ACME, lot.code, 1)
        wanted = VoluntaryOrder("v1", ACME, TONNE_MG, "City marathon", "travel of its runners")
        voluntary = retire_voluntarily(wanted, town.jurisdiction, at=AT).certificate
        first = credential_of(Certificate.objects.get(sequence=1))
        suspend(first, reason="looked into", by="operator", at=AT)
        restore(first, reason="nothing was found", by="operator", at=AT)
        revoke(credential_of(voluntary), reason="the marathon was called off", by="operator", at=AT)
        districts_released("2026-02")
    later = DAY + timedelta(days=1)
    town.take(
        act("rooftop_pv_output", "p3", "a", day=later, energy_wh=ROOF_WH),
        act("rooftop_pv_output", "p4", "b", day=later, energy_wh=ROOF_WH),
    )
    town.close(later)
    with transaction.atomic():
        other = certified(town, later)
        given(ACME, other.code, 3)
        annul(lot.code, reason="the meters were wrong", at=AT)
        (surrendered,) = Reservation.objects.values_list("pk", flat=True)
        replacing.replace(surrendered, lot.code, key="r1", at=AT)
    return other


def districts_released(month: str) -> PrivateRelease:
    """A month of statistics as it is kept, without the noise, which needs a library of its own."""
    body = {
        "month": month,
        "epsilon_millionths": 1_000_000,
        "districts": [{"code": "310101", "persons": 12, "saved_g": 340_000}],
    }
    return PrivateRelease.objects.create(
        month=month,
        year=int(month[:4]),
        epsilon=1_000_000,
        limit_epsilon=12_000_000,
        digest=digest_json(body),
        body=body,
        published_at=AT,
    )


def certified(town: Town, through: date = DAY) -> Lot:
    wanted = Order("shanghai/rooftop-pv", 1, 2026, through, "platform operator", "Green Audit Ltd", AT)
    return certify(wanted, places=town.places, jurisdiction=town.jurisdiction, library=town.library)


def surrendered(town: Town) -> None:
    """Two tonnes for 2026 under a cap of a tenth."""
    cap = {"share_percent": "10", "denominator": "verified_emissions"}
    rules = replace(
        town.jurisdiction,
        offset_caps=(Rule(date(2010, 1, 1), FOREVER, "illustrative", "a test", cap),),
    )
    declare(ACME, rules, YearOf(2026, 1_000 * TONNE_MG), source="verification report 1", at=AT)
    reservation = reserve(ReserveOrder("r1", ACME, 2026, 2 * TONNE_MG), rules, at=AT)
    surrender(reservation.pk, key="s1", at=AT)


def by_force(statement: str, *values: Any) -> int:
    """What a superuser does who switches every trigger and foreign key off; answers how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            with transaction.atomic():
                cursor.execute(statement, values)
                return int(cursor.rowcount)
        finally:
            cursor.execute("SET session_replication_role = origin")


def rules_dropped(table: str) -> None:
    """A superuser can drop checks, keys and identities too."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('c', 'u', 'p', 'x') "
            "AND conislocal",
            [table],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}" CASCADE')
        cursor.execute(
            "SELECT indexrelid::regclass FROM pg_index WHERE indrelid = %s::regclass AND indisunique", [table]
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attidentity = 'a'", [table]
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} ALTER COLUMN "{name}" SET GENERATED BY DEFAULT')


def rests_on_more() -> None:
    """A row of each table that certification rests on and that this town has nothing of."""
    verifier = Organisation.objects.create(
        code="sure", kind=Organisation.VERIFIER, name_en="Sure", made_at=AT
    )
    for statement in (
        "INSERT INTO registry_reported (key, district, day, subject, manifest, credited_mg, below_mg, activities, "
        "lines, reported_at) VALUES ('k', 1, '2026-03-02', '', 'm', 7, 0, 1, '[]', now())",
        "INSERT INTO registry_left_out (lot_id, market, clause, source, accounts, amount_mg) "
        "SELECT code, 'ets', 'c', 's', 3, 9 FROM registry_lot",
        "INSERT INTO registry_certifier (registry, since) VALUES ('shanghai', now())",
        "INSERT INTO registry_far_lot (lot_id, home, party) SELECT code, 'elsewhere', 'shanghai' FROM registry_lot",
        "INSERT INTO verification_verifier_key (organisation_id, thumbprint, public_key, made_at) "
        f"VALUES ({verifier.pk}, 't', sha256('a key'), now())",
        "INSERT INTO verification_key_ending (key_id, reason, ended_at) "
        "SELECT id, 'lost', now() FROM verification_verifier_key",
        "INSERT INTO verification_statement (engagement_id, conclusion, population_mg, deducted_mg, content, jws, "
        "key_id, signed_at) VALUES (1, 'accept', 7, 0, '{}', 'a.b.c', 1, now())",
    ):
        assert by_force(statement) >= 1
