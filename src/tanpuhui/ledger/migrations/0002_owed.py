"""Accounts for what was taken back after it was certified."""

from django.db import migrations

from tanpuhui.ledger import sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunSQL(sql.read("owed"))]
