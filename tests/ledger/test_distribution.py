"""Which unique and foreign keys of the ledger contain the account, by which a cluster of databases divides its rows.

Citus divides a table by the hash of one column, and keeps a unique or foreign key only where it contains that column.
The keys that do not are the list of what has to change first (``docs/guides/cluster.md``): a new one fails here.
"""

from __future__ import annotations

import pytest
from django.db import connection

KEYS = """
    SELECT t.relname, c.contype, string_agg(a.attname, ', ' ORDER BY k.place) AS columns
    FROM pg_constraint AS c
        JOIN pg_class AS t ON t.oid = c.conrelid AND NOT t.relispartition
        CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.number
    WHERE t.relname LIKE 'ledger\\_%' AND c.contype IN ('p', 'u', 'f')
    GROUP BY c.oid, t.relname, c.contype
"""
HAVE_AN_ACCOUNT = """
    SELECT t.relname FROM pg_class AS t JOIN pg_attribute AS a ON a.attrelid = t.oid
    WHERE t.relname LIKE 'ledger\\_%' AND t.relkind IN ('r', 'p') AND NOT t.relispartition AND a.attname = 'account_id'
"""
#: What is told in the guide. Postings have no key at all: their rules are the trigger's.
DIVIDED = {"ledger_balance", "ledger_hold_line", "ledger_posting", "ledger_single_hold"}
READY = {("ledger_balance", "p", "account_id, asset_id")}
TO_BE_WIDENED = {
    ("ledger_hold_line", "p", "hold_id, line"),
    ("ledger_hold_line", "f", "hold_id"),
    ("ledger_single_hold", "p", "id"),
}
#: Few rows that every machine has whole.
EVERYWHERE = {"ledger_account_kind", "ledger_asset", "ledger_detached_month"}
#: A row is about several accounts: divided by its own number, or kept by one machine.
OF_SEVERAL_ACCOUNTS = {
    "ledger_applied",
    "ledger_batch",
    "ledger_counter_total",
    "ledger_hold",
    "ledger_single_hold_end",
    "ledger_transaction",
}


@pytest.mark.django_db
def test_keys_that_lack_the_account_are_those_that_the_guide_names() -> None:
    with connection.cursor() as cursor:
        cursor.execute(KEYS)
        keys = set(cursor.fetchall())
        cursor.execute(HAVE_AN_ACCOUNT)
        divided = {table for (table,) in cursor.fetchall()}

    assert divided == DIVIDED
    assert {key for key in keys if key[0] in DIVIDED} == READY | TO_BE_WIDENED
    assert {table for table, _, _ in keys} - DIVIDED == EVERYWHERE | OF_SEVERAL_ACCOUNTS
