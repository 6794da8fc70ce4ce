"""Points are made by converting and buying alone; settlements have lines as they happened; a day's limit at midnight."""

from django.db import migrations

from tanpuhui.points import sql


class Migration(migrations.Migration):
    dependencies = [("points", "0007_purchases"), ("ledger", "0005_release_all")]
    operations = [migrations.RunSQL(sql.read(name)) for name in ("redeem", "judged", "grants")]
