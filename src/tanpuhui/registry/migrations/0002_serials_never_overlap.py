"""No two lots share a serial number: the database refuses overlapping ranges, for every client."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE registry_lot ADD CONSTRAINT registry_serials_never_overlap "
            "EXCLUDE USING gist (int8range(serial_first, serial_last, '[]') WITH &&)",
            "ALTER TABLE registry_lot DROP CONSTRAINT registry_serials_never_overlap",
        )
    ]
