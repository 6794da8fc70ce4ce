"""What may be converted is reckoned without the months of closes that are in files."""

from django.db import migrations

from tanpuhui.points import sql


class Migration(migrations.Migration):
    dependencies = [("points", "0013_row_id")]

    operations = [migrations.RunSQL(sql.read("came"))]
