"""Caps, pools and what was retired as they are, judged by the database."""

from django.db import migrations

from tanpuhui.offsetting import sql


class Migration(migrations.Migration):
    dependencies = [
        ("offsetting", "0002_certificates"),
        ("registry", "0007_exclusions_and_conflicts"),
        ("ledger", "0005_release_all"),
    ]
    operations = [migrations.RunSQL(sql.read("filed"))]
