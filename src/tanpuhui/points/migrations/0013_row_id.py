"""Rows that are named by another table's number get one of their own, in the order in which they were written.

The log seals rows by it (``notary/sealed_tables.py``). It is the database's alone; no verb reads it.
"""

from django.db import migrations

TABLES = (
    "points_sponsor",
    "points_stop",
    "points_closing",
    "points_payment",
)


class Migration(migrations.Migration):
    dependencies = [("points", "0012_turn_down")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ADD COLUMN row_id bigint GENERATED ALWAYS AS IDENTITY UNIQUE",
            f"ALTER TABLE {table} DROP COLUMN row_id",
        )
        for table in TABLES
    ]
