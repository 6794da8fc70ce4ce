"""Rows that are named by another table's number get one of their own, in the order in which they were written.

The log seals rows by it (``notary/sealed_tables.py``). It is the database's alone; no verb reads it.
"""

from django.db import migrations

TABLES = (
    "pooling_pool",
    "pooling_offering",
    "pooling_pay_out",
    "pooling_closing",
    "pooling_withdrawal_ending",
)


class Migration(migrations.Migration):
    dependencies = [("pooling", "0002_rules")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ADD COLUMN row_id bigint GENERATED ALWAYS AS IDENTITY UNIQUE",
            f"ALTER TABLE {table} DROP COLUMN row_id",
        )
        for table in TABLES
    ]
