"""Redemptions hold and capture the short way; those from before come along."""

from django.db import migrations

from tanpuhui.points import sql


class Migration(migrations.Migration):
    dependencies = [("points", "0003_payments"), ("ledger", "0004_short")]
    operations = [migrations.RunSQL(sql.read(name)) for name in ("short", "redeem", "grants")]
