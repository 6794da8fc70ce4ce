"""Legs of a batch are found by their transaction."""

from django.db import migrations

from tanpuhui.ledger import sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0012_fewer_statements")]
    operations = [migrations.RunSQL(sql.read("by_transaction"))]
