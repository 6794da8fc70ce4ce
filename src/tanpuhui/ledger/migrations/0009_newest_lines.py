"""A page of a statement reads the newest months alone, and a balance of now those since now."""

from django.db import migrations

from tanpuhui.ledger import sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0008_balance_back")]
    operations = [migrations.RunSQL(sql.read(name)) for name in ("balance_unmoved", "newest_lines", "grants")]
