"""An owner's postings are looked for once, however many transactions there are."""

from django.db import migrations

from tanpuhui.ledger import sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0009_newest_lines")]
    operations = [migrations.RunSQL(sql.read(name)) for name in ("postings_of", "grants")]
