"""Reductions are certified by lots alone: the database judges it when a transaction commits."""

from django.db import migrations

from tanpuhui.registry import sql


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0005_blocks_tile_their_lot"),
        ("close", "0002_issued"),
        ("ledger", "0003_counter"),
    ]
    operations = [migrations.RunSQL(sql.read("certified"))]
