"""Months that are over for long go to files."""

from django.db import migrations, models

from tanpuhui.ledger import sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0010_postings_of")]
    operations = [
        *[migrations.RunSQL(sql.read(name)) for name in ("detach", "grants")],
        migrations.CreateModel(
            name="DetachedMonth",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("month", models.DateField(unique=True)),
                ("legs", models.BigIntegerField()),
                ("amount_mg", models.BigIntegerField()),
                ("bytes", models.BigIntegerField()),
                ("digest", models.TextField()),
                ("detached_at", models.DateTimeField()),
            ],
            options={
                "db_table": "ledger_detached_month",
                "managed": False,
            },
        ),
    ]
