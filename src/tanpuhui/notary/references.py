"""References: rows of sealed tables that lead to no row; only whoever switches the database's keys off makes them.

A row that is appended after everything was sealed is a new fact. What it says of a trade, a transaction or a bank's
line that is not there is none, so it is named, whether or not the database still knows the key: the models know it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from django.apps import apps
from django.db import connection
from django.db.models import ForeignKey
from psycopg import sql

from tanpuhui.ledger.invariants import Finding
from tanpuhui.notary.sealed_tables import TABLES, Sealed

INVARIANT = "references_lead_to_rows"
ROWS_NAMED = 20
#: Columns that lead to a transaction of the ledger, whose table is divided by month and takes no foreign key.
TRANSACTIONS = ("tx_id", "units_tx", "money_tx")


@cache
def _references() -> tuple[tuple[Sealed, str, str, str], ...]:
    """A sealed table, a column of it, and the table and column that it leads to."""
    models = {model._meta.db_table: model for model in apps.get_models()}
    found = []
    for one in TABLES:
        model = models.get(one.table)
        for field in model._meta.concrete_fields if model is not None else ():
            if isinstance(field, ForeignKey):
                to = field.target_field
                found.append((one, field.column, to.model._meta.db_table, str(to.column)))
            elif field.column in TRANSACTIONS:
                found.append((one, field.column, "ledger_transaction", "id"))
    return tuple(found)


def dangling(checked: dict[str, int]) -> Iterator[Finding]:
    """Rows whose reference leads nowhere, by table and name."""
    for one, column, to, key in _references():
        checked["references"] = checked.get("references", 0) + 1
        with connection.cursor() as cursor:
            cursor.execute(_query(one, column, to, key))
            for name, value in cursor.fetchall():
                found = f"{column} {value} is no row of {to}"
                yield Finding(INVARIANT, one.table, f"{':'.join(one.names)}={name}", found)


def _query(one: Sealed, column: str, to: str, key: str) -> sql.Composable:
    return sql.SQL(
        "SELECT concat_ws(':', {names}), t.{column} FROM {table} t WHERE t.{column} IS NOT NULL "
        "AND NOT EXISTS (SELECT FROM {to} o WHERE o.{key} = t.{column}) ORDER BY 1 LIMIT {most}"
    ).format(
        names=sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in one.names),
        column=sql.Identifier(column),
        table=sql.Identifier(one.table),
        # Django names a table of another schema with the quotes between them.
        to=sql.Identifier(*to.split('"."')),
        key=sql.Identifier(key),
        most=sql.Literal(ROWS_NAMED),
    )
