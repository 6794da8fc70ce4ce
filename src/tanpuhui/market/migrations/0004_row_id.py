"""Rows that are named by another table's number get one of their own, in the order in which they were written.

The log seals rows by it (``notary/sealed_tables.py``). It is the database's alone; no verb reads it.
"""

from django.db import migrations

TABLES = (
    "market_listing_ending",
    "market_proposal_ending",
    "market_auction_ending",
    "market_bid_ending",
    "market_trade_ending",
    "market_unit_lock",
)


class Migration(migrations.Migration):
    dependencies = [("market", "0003_in_turn")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ADD COLUMN row_id bigint GENERATED ALWAYS AS IDENTITY UNIQUE",
            f"ALTER TABLE {table} DROP COLUMN row_id",
        )
        for table in TABLES
    ]
