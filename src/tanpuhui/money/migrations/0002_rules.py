"""Residents' money accounts, and money that only a bank's line makes, as SQL says them."""

from django.db import migrations

from tanpuhui.money import sql


class Migration(migrations.Migration):
    #: Points named the kinds of account last.
    dependencies = [("money", "0001_initial"), ("points", "0002_rules"), ("ledger", "0003_counter")]
    operations = [migrations.RunSQL(sql.read(name)) for name in ("kind", "made")]
