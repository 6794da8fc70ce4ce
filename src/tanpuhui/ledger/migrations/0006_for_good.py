"""What was retired or cancelled stays so, for every client."""

from django.db import migrations

from tanpuhui.ledger import sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_release_all")]
    operations = [migrations.RunSQL(sql.read("for_good"))]
