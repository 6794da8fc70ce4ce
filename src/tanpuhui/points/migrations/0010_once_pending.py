"""What is never certified converts as it is pending, once."""

from django.db import migrations

from tanpuhui.points import sql


class Migration(migrations.Migration):
    dependencies = [("points", "0009_funding")]

    operations = [migrations.RunSQL(sql.read("once_pending"))]
