"""Single transfers in fewer and smaller statements; the rules stay where they were."""

from django.db import migrations

from tanpuhui.ledger import sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0011_detach")]
    operations = [
        migrations.RunSQL(sql.read(name))
        for name in ("apply", "checks", "transfer_one", "capture_one", "grants")
    ]
