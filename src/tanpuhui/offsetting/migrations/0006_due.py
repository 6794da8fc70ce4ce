"""Filings are judged by what is committed, and replacements by what is due."""

from django.db import migrations

from tanpuhui.offsetting import sql


class Migration(migrations.Migration):
    dependencies = [("offsetting", "0005_credentials"), ("registry", "0011_used")]
    operations = [migrations.RunSQL(sql.read("due"))]
