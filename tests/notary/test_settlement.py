"""What was bought, sold, redeemed, paid and verified is sealed: a row of any such table that was touched is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

import pytest
from django.apps import apps
from django.db import connection, transaction

from close.town import Town
from notary.logged import integrate
from notary.town import AT, by_force, rules_dropped
from tanpuhui.notary import seals
from tanpuhui.notary.audit import audit, audit_table
from tanpuhui.notary.installation import log
from tanpuhui.notary.references import dangling
from tanpuhui.notary.sealed_tables import SETTLEMENT, TABLES, VERIFICATION, Sealed

pytestmark = pytest.mark.django_db
#: Tables of settlement that are no facts; why is in sealed_tables.py.
UNSEALED = {
    *(f"{package}_answer" for package in ("money", "points", "market", "offsetting")),
    *(f"points_{name}" for name in ("outbox", "attempt", "delivery", "callback", "stripe", "use")),
    'vault"."payee',
}
#: Whose rows are sealed beside those that certified reductions rest on.
LATER = (*SETTLEMENT, *VERIFICATION)
#: A value of each type for a row of a number, as SQL over it.
VALUE = {
    "bigint": "n + 10",
    "integer": "n + 10",
    "smallint": "n + 10",
    "boolean": "n > 40",
    "date": "date '2026-03-01' + n::int",
    "timestamp with time zone": "timestamptz '2026-03-01' + n * interval '1 day'",
    "jsonb": "jsonb_build_array(n)",
    "integer[]": "ARRAY[n::int]",
    "uuid": "lpad(n::text, 32, '0')::uuid",
    "bytea": "sha256(n::text::bytea)",
}
#: Another value of each type.
OTHER = {
    "boolean": "NOT {}",
    "date": "{} + 1",
    "timestamp with time zone": "{} + interval '1 microsecond'",
    "jsonb": "{} || '[1]'",
    "integer[]": "{} || 1",
    "uuid": "'00000000-0000-0000-0000-000000000001'",
    "bytea": "sha256({})",
    "character varying(3)": "'zz'",
}


@pytest.fixture(autouse=True)
def what_was_broken_is_not_checked(db: None) -> Iterator[None]:
    yield
    transaction.set_rollback(True)


def batched(edits: Iterator[tuple[str, set[str]]], most: int) -> Iterator[list[tuple[str, set[str]]]]:
    while some := list(islice(edits, most)):
        yield some


def types_of(table: str) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            [table],
        )
        return dict(cursor.fetchall())


def filled(one: Sealed) -> None:
    """Rows 2, 4, … 80 of a table, with something in every column."""
    types = types_of(one.table)
    values = ["n" if name == one.number else VALUE.get(kind, "'v' || n") for name, kind in types.items()]
    listed = ", ".join(f'"{name}"' for name in types)
    by_force(
        f"INSERT INTO {one.table} ({listed}) OVERRIDING SYSTEM VALUE "
        f"SELECT {', '.join(values)} FROM generate_series(2, 80, 2) AS n"
    )


def key(one: Sealed, number: int) -> str:
    """How findings name the row of a number."""
    name = one.names[0]
    return f"{name}={number if name == one.number else number + 10}"


def edits(one: Sealed) -> Iterator[tuple[str, set[str]]]:
    """What a superuser does to the table, each to rows of its own, with the names that must be found."""
    types, number = types_of(one.table), 0
    for name, kind in types.items():
        number += 2
        usual = "{} || '~'" if kind.startswith(("text", "char")) else "{} + 1000"
        other = OTHER.get(kind, usual).format(f'"{name}"')
        yield f'UPDATE {one.table} SET "{name}" = {other} WHERE {one.number} = {number}', {key(one, number)}
    yield f"DELETE FROM {one.table} WHERE {one.number} = 60", {key(one, 60)}
    listed = ", ".join(f'"{name}"' for name in types)
    copied = ", ".join("71" if name == one.number else f'"{name}"' for name in types)
    yield (
        f"INSERT INTO {one.table} ({listed}) OVERRIDING SYSTEM VALUE "
        f"SELECT {copied} FROM {one.table} WHERE {one.number} = 70",
        {key(one, 71) if one.names[0] == one.number else key(one, 70)},
    )
    moved = [name for name in types if name not in (one.number, *one.names)]
    exchanged = ", ".join(f'"{name}" = b."{name}"' for name in moved)
    yield (
        f"UPDATE {one.table} a SET {exchanged} FROM {one.table} b WHERE a.{one.number} IN (74, 76) "
        f"AND b.{one.number} = 150 - a.{one.number}",
        {key(one, 74), key(one, 76)},
    )


def test_every_edit_of_any_column_of_settlement_and_of_verifiers_is_named(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in LATER:
        rules_dropped(one.table)
        by_force(f"DELETE FROM {one.table}")
        filled(one)
    integrate()
    monkeypatch.setattr(seals, "running", lambda: (2**40, 2**40))
    integrate(AT + timedelta(hours=2))
    missed, tried = [], 0
    for one in LATER:
        for some in batched(edits(one), 8):
            point = transaction.savepoint()
            for statement, _ in some:
                assert by_force(statement) in (1, 2), statement
            found = audit_table(one.table, log(), town.places).findings
            transaction.savepoint_rollback(point)
            tried += len(some)
            named = {finding.key for finding in found if finding.table == one.table}
            missed += [(one.table, statement) for statement, touched in some if not touched <= named]
            # An edit names its row, and one of the row's name the new name too; nothing else is named.
            assert len(named) <= sum(len(touched) for _, touched in some) + 2, (one.table, named)

    assert missed == []
    assert tried > 400


def test_an_appended_row_that_leads_nowhere_is_named_though_it_was_never_sealed(town: Town) -> None:
    assert list(dangling({})) == []
    rules_dropped("points_stop")
    by_force("INSERT INTO points_stop (offer_id, reason, at) VALUES (999, 'none', now())")
    by_force(
        "INSERT INTO money_booking (line_id, account_id, currency, amount_minor, tx_id, at) "
        "VALUES (998, 1, 'CNY', 5, 997, now())"
    )

    with transaction.atomic():
        found = audit(log(), town.places).findings

    assert {
        (one.table, one.key, one.found) for one in found if one.invariant == "references_lead_to_rows"
    } == {
        ("points_stop", "offer_id=999", "offer_id 999 is no row of points_offer"),
        ("money_booking", "line_id=998", "line_id 998 is no row of money_bank_line"),
        ("money_booking", "line_id=998", "tx_id 997 is no row of ledger_transaction"),
    }


def test_a_key_that_was_dropped_is_a_finding_and_no_crash(town: Town) -> None:
    rules_dropped("market_listing")

    with transaction.atomic():
        found = audit(log(), town.places).findings

    [one] = [one for one in found if one.invariant == "invariants_can_be_asked"]
    assert one.table == "market"
    assert "GROUP BY" in one.found


def test_every_table_of_settlement_is_sealed_or_says_why_not() -> None:
    sealed = {one.table for one in TABLES}
    packages = ("money", "points", "market", "pooling", "offsetting")
    there = {model._meta.db_table for name in packages for model in apps.get_app_config(name).get_models()}

    assert there - sealed == UNSEALED
