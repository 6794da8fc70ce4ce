"""The ledger as its SQL says it; Django's models only read it, and are named here so that Django knows them."""

from django.db import migrations, models

from tanpuhui.ledger import sql

NAMES = (
    "tables",
    "apply",
    "applied",
    "guard",
    "partition",
    "transfer",
    "hold",
    "batch",
    "statement",
    "grants",
)


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        *[migrations.RunSQL(sql.read(name)) for name in NAMES],
        migrations.CreateModel(
            name="Asset",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.TextField(unique=True)),
                ("unit", models.TextField()),
            ],
            options={
                "db_table": "ledger_asset",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Balance",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id", "asset", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("account_id", models.BigIntegerField()),
                ("available", models.BigIntegerField()),
                ("held", models.BigIntegerField()),
            ],
            options={
                "db_table": "ledger_balance",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Batch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.TextField(unique=True)),
                ("content_digest", models.TextField()),
                ("manifest", models.TextField(null=True)),
                ("reason", models.TextField()),
                ("effective_on", models.DateField()),
                ("posted_at", models.DateTimeField()),
                ("legs", models.BigIntegerField()),
            ],
            options={
                "db_table": "ledger_batch",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.TextField(unique=True)),
                ("reason", models.TextField()),
                ("state", models.TextField()),
                ("refusal", models.JSONField(null=True)),
                ("opened_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "ledger_hold",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Transaction",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.TextField(unique=True)),
                ("content_digest", models.TextField()),
                ("reason", models.TextField()),
                ("state", models.TextField()),
                ("refusal", models.JSONField(null=True)),
                ("effective_on", models.DateField()),
                ("posted_at", models.DateTimeField()),
                ("posted_on", models.DateField()),
                ("manifest", models.TextField(null=True)),
            ],
            options={
                "db_table": "ledger_transaction",
                "managed": False,
            },
        ),
    ]
