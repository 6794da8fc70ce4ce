"""A short way for holds of one line and for transactions of two legs."""

from django.db import migrations

from tanpuhui.ledger import sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_counter")]
    operations = [migrations.RunSQL(sql.read(name)) for name in ("short", "apply", "many", "grants")]
