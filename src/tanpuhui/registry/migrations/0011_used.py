"""What movements say is used up is, once: the database judges it when a transaction commits."""

from django.db import migrations

from tanpuhui.registry import sql


class Migration(migrations.Migration):
    dependencies = [("registry", "0010_reported")]
    operations = [migrations.RunSQL(sql.read("used"))]
