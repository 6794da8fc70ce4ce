"""What transactions put on counter accounts, added up as they are posted: rules of other stages hang on it."""

from django.db import migrations

from tanpuhui.ledger import sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_owed")]
    operations = [migrations.RunSQL(sql.read("counter")), migrations.RunSQL(sql.read("apply"))]
