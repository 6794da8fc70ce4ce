"""Trades of one source are made one after the other."""

from django.db import migrations

from tanpuhui.market import sql


class Migration(migrations.Migration):
    dependencies = [("market", "0002_rules")]
    operations = [migrations.RunSQL(sql.read("in_turn"))]
