"""Redemptions, stock, once-only rules and the word to a bank as SQL says them."""

from django.db import migrations

from tanpuhui.ledger import sql as ledger_sql
from tanpuhui.points import sql


class Migration(migrations.Migration):
    dependencies = [("points", "0001_initial"), ("consent", "0001_initial"), ("ledger", "0002_owed")]
    operations = [
        migrations.RunSQL(ledger_sql.read("single")),
        *[migrations.RunSQL(sql.read(name)) for name in ("kind", "once", "redeem", "grants")],
    ]
