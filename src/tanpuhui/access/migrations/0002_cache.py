"""The table of the shared cache: limits on attempts are counted in it, across all workers."""

from django.db import migrations

FORWARDS = """
    CREATE TABLE IF NOT EXISTS django_cache (
        cache_key varchar(255) PRIMARY KEY,
        value text NOT NULL,
        expires timestamp with time zone NOT NULL
    );
    CREATE INDEX IF NOT EXISTS django_cache_expires ON django_cache (expires);
"""


class Migration(migrations.Migration):
    dependencies = [("access", "0001_initial")]
    operations = [migrations.RunSQL(FORWARDS, "DROP TABLE django_cache")]
