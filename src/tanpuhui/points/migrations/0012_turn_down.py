"""What is refused for a tier or a consent is stored under its key too."""

from django.db import migrations

from tanpuhui.points import sql


class Migration(migrations.Migration):
    dependencies = [("points", "0011_funded_by_line")]

    operations = [migrations.RunSQL(sql.read(name)) for name in ("turn_down", "grants")]
