"""Invariants: each is broken behind the triggers' back, and check names the row."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from ledger.bookings import AT, fund, legs_of, moving, new_asset, new_key, new_pool, new_resident
from tanpuhui.cli import ledger as command
from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.ledger.invariants import check, invariants
from tanpuhui.ledger.post_batch import post_batch
from tanpuhui.ledger.reverse import reverse
from tanpuhui.ledger.transfer import transfer

pytestmark = pytest.mark.django_db

PLANTED = [
    (
        "transaction_sums_to_zero",
        "UPDATE ledger_posting SET amount = amount + 1 WHERE tx_id = {tx} AND amount > 0",
    ),
    (
        "transaction_sums_to_zero",
        "UPDATE ledger_posting SET asset_id = {other} WHERE tx_id = {tx} AND amount > 0",
    ),
    ("transaction_has_its_legs", "DELETE FROM ledger_posting WHERE tx_id = {tx}"),
    ("transaction_has_its_legs", "DELETE FROM ledger_applied WHERE tx_id = {tx}"),
    ("transaction_has_its_legs", "UPDATE ledger_posting SET posted_on = '2026-11-25' WHERE tx_id = {tx}"),
    ("posting_has_its_transaction", "DELETE FROM ledger_transaction WHERE id = {tx}"),
    (
        "posting_has_its_transaction",
        "UPDATE ledger_transaction SET state = 'refused', refusal = '{{}}' WHERE id = {tx}",
    ),
    ("posting_has_its_transaction", "UPDATE ledger_posting SET asset_id = 999999 WHERE tx_id = {tx}"),
    (
        "balance_is_sum_of_postings",
        "UPDATE ledger_balance SET available = available + 1 WHERE account_id = {resident}",
    ),
    ("balance_is_sum_of_postings", "DELETE FROM ledger_balance WHERE account_id = {resident}"),
    ("balance_is_sum_of_postings", "INSERT INTO ledger_balance VALUES (987654321, 5, 0, {asset})"),
    (
        "held_is_sum_of_open_holds",
        "UPDATE ledger_balance SET available = available + 1, held = held - 1 WHERE held > 0",
    ),
    ("held_is_sum_of_open_holds", "UPDATE ledger_hold_line SET amount = amount - 1"),
    (
        "floor_holds",
        "ALTER TABLE ledger_balance DROP CONSTRAINT ledger_balance_floor;"
        "UPDATE ledger_balance SET available = -1 WHERE account_id = {resident}",
    ),
    (
        "reversal_inverts",
        "UPDATE ledger_posting SET amount = amount + sign(amount)"
        " WHERE tx_id = (SELECT reverses FROM ledger_transaction WHERE reverses IS NOT NULL ORDER BY id DESC LIMIT 1)",
    ),
    ("batch_has_its_transactions", "UPDATE ledger_batch SET transaction_ids = transaction_ids || 1::bigint"),
    ("batch_has_its_transactions", "UPDATE ledger_batch SET legs = legs + 7"),
    ("counter_totals_are_sums_of_postings", "UPDATE ledger_counter_total SET amount = amount - 1"),
    ("counter_totals_are_sums_of_postings", "DELETE FROM ledger_counter_total"),
    (
        "single_hold_ends_in_what_was_taken",
        "INSERT INTO ledger_single_hold VALUES (-1, {resident}, 7, {asset});"
        "INSERT INTO ledger_single_hold_end VALUES (-1, {tx}, 8, '2026-11-24 12:00Z')",
    ),
    (
        "single_hold_ends_in_what_was_taken",
        "INSERT INTO ledger_single_hold_end VALUES (-1, NULL, 0, '2026-11-24 12:00Z')",
    ),
    ("held_is_sum_of_open_holds", "INSERT INTO ledger_single_hold VALUES (-1, {resident}, 7, {asset})"),
    ("transaction_has_its_legs", "INSERT INTO ledger_applied VALUES (-1, 2)"),
    (
        "capture_takes_no_more_than_was_held",
        "UPDATE ledger_hold SET state = 'captured', closed_at = opened_at, capture_tx = {tx} WHERE state = 'open';"
        "UPDATE ledger_hold_line SET amount = 1",
    ),
]


@pytest.fixture()
def busy() -> dict[str, int]:
    """A ledger in which everything has happened once; the ids that the planted corruption aims at."""
    asset, other, resident, pool = new_asset(), new_asset(), new_resident(), new_pool()
    batch = {"key": new_key(), "manifest": None, "reason": "close", "effective_on": AT.date(), "at": AT}
    post_batch(connection, legs=legs_of([(resident, asset, 100)]), **batch)
    hold(connection, HoldOrder(new_key(), "redeem", (HoldLine(resident, asset, 10),)), at=AT).accepted()
    tx = transfer(connection, moving(resident, pool, asset, 30), at=AT).accepted()
    undone = fund(pool, asset, 5).accepted()
    reverse(connection, undone, key=new_key(), reason="wrong", effective_on=AT.date(), at=AT).accepted()
    return {"asset": asset, "other": other, "resident": resident, "tx": tx}


def test_a_sound_ledger_has_no_findings(busy: dict[str, int]) -> None:
    assert check(connection) == []


@pytest.mark.parametrize(("invariant", "corruption"), PLANTED)
def test_planted_corruption_is_named(busy: dict[str, int], invariant: str, corruption: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(corruption.format(**busy))
        cursor.execute("SET session_replication_role = origin")

    findings = check(connection)

    assert invariant in {finding.invariant for finding in findings}
    assert all(finding.table.startswith("ledger_") and finding.key and finding.found for finding in findings)


def test_every_invariant_is_broken_by_some_corruption() -> None:
    assert {name for name, _ in PLANTED} == {invariant.name for invariant in invariants()}


def test_the_finding_names_the_row(busy: dict[str, int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_balance SET available = available + 1 WHERE account_id = %s", [busy["resident"]]
        )

    (finding,) = check(connection)

    assert finding.as_json() == {
        "invariant": "balance_is_sum_of_postings",
        "table": "ledger_balance",
        "key": f"account_id={busy['resident']} asset_id={busy['asset']}",
        "found": "61 available and 10 held, postings sum to 70",
    }


@pytest.mark.django_db(transaction=True)
def test_the_command_ends_with_3_when_it_finds_something(capsys: pytest.CaptureFixture[str]) -> None:
    resident, asset = new_resident(), new_asset()
    fund(resident, asset, 100)
    sound = command.check(as_json=True)
    spoil = "UPDATE ledger_balance SET available = available + %s WHERE account_id = %s"
    with connection.cursor() as cursor:
        cursor.execute(spoil, [1, resident])

    try:
        broken = command.check(as_json=True)
        command.check(as_json=False)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(spoil, [-1, resident])

    printed = capsys.readouterr().out
    assert (sound, broken) == (0, 3)
    assert '"ok": true' in printed
    assert '"invariant": "balance_is_sum_of_postings"' in printed
    assert "Rows that break an invariant" in printed
    with transaction.atomic():
        assert check(connection) == []


@pytest.mark.slow
def test_tables_that_grew_since_they_were_looked_at_are_still_read_once() -> None:
    """Of what the planner believes to be a few rows it likes to read each for each: that is days at a million."""
    asset, pool = new_asset(), new_pool()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ledger_transaction, ledger_applied, ledger_posting, ledger_posting_single")
    fund(pool, asset, 8_000)
    resident, ones = new_resident(), [1] * 1_000
    with connection.cursor() as cursor:
        for _ in range(8):
            cursor.execute(
                "SELECT count(*) FROM ledger_transfer_many(%s::text[], %s::text[], 'test', %s, %s, %s::bigint[],"
                " %s::bigint[], %s::integer[], %s::bigint[], %s::bigint[], %s::smallint[]) WHERE state = 'posted'",
                [
                    [new_key() for _ in ones],
                    ["d" * 64 for _ in ones],
                    AT.date(),
                    AT,
                    [pool for _ in ones],
                    [resident for _ in ones],
                    [asset for _ in ones],
                    ones,
                    [0 for _ in ones],
                    [0 for _ in ones],
                ],
            )
            assert cursor.fetchone() == (1_000,)
        # At each for each this is 64 million comparisons, some seconds; once is a tenth of one.
        cursor.execute("SET LOCAL statement_timeout = '2s'")

    assert check(connection) == []
