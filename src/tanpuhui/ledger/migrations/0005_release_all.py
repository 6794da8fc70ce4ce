"""Many holds let go in one statement."""

from django.db import migrations

from tanpuhui.ledger import sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_short")]
    operations = [migrations.RunSQL(sql.read("release_all"))]
