"""Keys, nonces, idempotent answers and the inbox of the provider's API; batches that were taken together."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("evidence", "0002_revision_day"),
    ]

    operations = [
        migrations.CreateModel(
            name="InboxBatch",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("provider", models.CharField(max_length=60)),
                ("key", models.CharField(max_length=200)),
                ("digest", models.CharField(max_length=71)),
                ("media", models.CharField(max_length=10)),
                ("stem", models.CharField(max_length=200)),
                ("size_bytes", models.BigIntegerField()),
                ("path", models.CharField(max_length=200)),
                ("received_at", models.DateTimeField()),
                ("signed_by", models.CharField(max_length=90)),
                ("receipt", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="ProviderKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key_id", models.CharField(max_length=90, unique=True)),
                ("provider", models.CharField(db_index=True, max_length=60)),
                ("public_key", models.BinaryField(max_length=32, unique=True)),
                ("valid_from", models.DateTimeField()),
                ("valid_to", models.DateTimeField(null=True)),
                ("made_at", models.DateTimeField()),
                ("made_by", models.CharField(max_length=90)),
            ],
        ),
        migrations.CreateModel(
            name="ProviderKeyStatus",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("status", models.CharField(choices=[("revoked", "revoked")], max_length=10)),
                ("at", models.DateTimeField()),
                ("by", models.CharField(max_length=90)),
                ("reason", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="RequestCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subject", models.CharField(max_length=200)),
                ("minute", models.BigIntegerField()),
                ("count", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="UsedNonce",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("nonce", models.CharField(max_length=128)),
                ("used_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.AddField(
            model_name="batch",
            name="late_1_day",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="batch",
            name="late_7_days",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="batch",
            name="taken_with",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, to="evidence.batch"
            ),
        ),
        migrations.CreateModel(
            name="IdempotentAnswer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider", models.CharField(max_length=60)),
                ("operation", models.CharField(max_length=60)),
                ("key", models.CharField(max_length=200)),
                ("digest", models.CharField(max_length=71)),
                ("status", models.PositiveSmallIntegerField()),
                ("answer", models.JSONField()),
                ("made_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "operation", "key"), name="evidence_answer_key"
                    )
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="idempotentanswer",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="d871ff3cbfd73f90e65d8958a09333a1a7552163",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_f34d5",
                    table="evidence_idempotentanswer",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.CreateModel(
            name="InboxRefusal",
            fields=[
                (
                    "batch",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="refusal",
                        serialize=False,
                        to="evidence.inboxbatch",
                    ),
                ),
                ("code", models.CharField(max_length=60)),
                ("message", models.TextField()),
                ("facts", models.JSONField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="InboxWaiting",
            fields=[
                (
                    "batch",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="waiting",
                        serialize=False,
                        to="evidence.inboxbatch",
                    ),
                ),
                ("provider", models.CharField(max_length=60)),
                ("size_bytes", models.BigIntegerField()),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("not_before", models.DateTimeField()),
            ],
        ),
        migrations.AddConstraint(
            model_name="inboxbatch",
            constraint=models.UniqueConstraint(fields=("provider", "key"), name="evidence_inboxbatch_key"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="inboxbatch",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="dbf58ab4553d7328be1d5c48190b4398e32d1946",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_dbd21",
                    table="evidence_inboxbatch",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="providerkey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_to__isnull", True), ("valid_to__gt", models.F("valid_from")), _connector="OR"
                ),
                name="evidence_providerkey_range",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="providerkey",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="9c8201b95ccce61253bc81c721ddc452e5b2f439",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_7e884",
                    table="evidence_providerkey",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="providerkeystatus",
            name="key",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="statuses",
                to="evidence.providerkey",
            ),
        ),
        migrations.AddConstraint(
            model_name="requestcount",
            constraint=models.UniqueConstraint(
                fields=("subject", "minute"), name="evidence_requestcount_minute"
            ),
        ),
        migrations.AddField(
            model_name="usednonce",
            name="key",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="evidence.providerkey"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="inboxrefusal",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="7b68ad7110647d37222e4f56294d87684b84f87d",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_30a1a",
                    table="evidence_inboxrefusal",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="inboxwaiting",
            index=models.Index(fields=["provider", "batch"], name="evidence_waiting_provider"),
        ),
        migrations.AddConstraint(
            model_name="providerkeystatus",
            constraint=models.UniqueConstraint(
                fields=("key", "status"), name="evidence_providerkeystatus_once"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="providerkeystatus",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="3112b14ac46e7f7d44e166aef9d30310a0298dd0",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_24291",
                    table="evidence_providerkeystatus",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="usednonce",
            constraint=models.UniqueConstraint(fields=("key", "nonce"), name="evidence_usednonce_once"),
        ),
        migrations.RunSQL(
            "ALTER TABLE evidence_requestcount SET UNLOGGED", "ALTER TABLE evidence_requestcount SET LOGGED"
        ),
    ]
