"""Pending reductions are issued by closes alone: the database judges it when a transaction commits."""

from django.db import migrations

from tanpuhui.close import sql


class Migration(migrations.Migration):
    dependencies = [("close", "0001_initial"), ("ledger", "0003_counter")]
    operations = [migrations.RunSQL(sql.read("issued"))]
