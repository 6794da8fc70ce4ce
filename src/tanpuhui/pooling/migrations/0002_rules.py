"""What was lent, sold, paid and given back adds up, as SQL says it."""

from django.db import migrations

from tanpuhui.pooling import sql


class Migration(migrations.Migration):
    dependencies = [("pooling", "0001_initial"), ("registry", "0005_blocks_tile_their_lot")]
    operations = [migrations.RunSQL(sql.read("rules"))]
