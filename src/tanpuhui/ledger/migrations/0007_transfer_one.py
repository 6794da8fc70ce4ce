"""A short way for transfers of two legs: small statements, no plan for many."""

from django.db import migrations

from tanpuhui.ledger import sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0006_for_good")]
    operations = [migrations.RunSQL(sql.read(name)) for name in ("transfer_one", "apply", "grants")]
