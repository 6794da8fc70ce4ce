"""Nothing is sold twice, as SQL says it."""

from django.db import migrations

from tanpuhui.market import sql


class Migration(migrations.Migration):
    dependencies = [("market", "0001_initial")]
    operations = [migrations.RunSQL(sql.read("sold"))]
