"""Balances of a moment in the last two months are counted back from what there is now."""

from django.db import migrations

from tanpuhui.ledger import sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0007_transfer_one")]
    operations = [migrations.RunSQL(sql.read(name)) for name in ("balance_back", "grants")]
