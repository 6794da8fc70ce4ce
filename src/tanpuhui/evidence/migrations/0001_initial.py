"""Tables of evidence, all append-only; subjects and their links live in the schema vault."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.RunSQL("CREATE SCHEMA IF NOT EXISTS vault", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="LakeFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "part",
                    models.CharField(
                        choices=[("records", "records"), ("revisions", "revisions"), ("ids", "ids")],
                        max_length=10,
                    ),
                ),
                ("day", models.DateField(null=True)),
                ("bucket", models.IntegerField(null=True)),
                ("digest", models.CharField(max_length=71)),
                ("path", models.CharField(max_length=200)),
                ("rows", models.BigIntegerField()),
                ("size_bytes", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="QuarantinedRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("row_number", models.BigIntegerField()),
                ("code", models.CharField(max_length=60)),
                ("field", models.CharField(max_length=60)),
                ("facts", models.JSONField()),
                ("ciphertext", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Subject",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("provider", models.CharField(max_length=60)),
                ("digest", models.BinaryField(max_length=32)),
            ],
            options={
                "db_table": 'vault"."subject',
            },
        ),
        migrations.CreateModel(
            name="Contract",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider", models.CharField(max_length=60)),
                ("version", models.PositiveIntegerField()),
                ("format", models.CharField(max_length=60)),
                (
                    "kinds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), size=None
                    ),
                ),
                ("schema_version", models.PositiveIntegerField(default=1)),
                ("pseudonym_key", models.CharField(default="pseudonyms-1", max_length=60)),
                ("precedence", models.PositiveIntegerField(default=100)),
                ("valid_from", models.DateField()),
                ("valid_to", models.DateField(null=True)),
                ("pia_reference", models.TextField()),
                ("enabled", models.BooleanField(default=True)),
                (
                    "repairs",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), default=list, size=None
                    ),
                ),
                ("options", models.JSONField(default=dict)),
                ("made_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("provider", "version"), name="evidence_contract_version"),
                    models.CheckConstraint(
                        condition=models.Q(("pia_reference__regex", "^\\s*$"), _negated=True),
                        name="evidence_contract_pia",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("precedence__gte", 1)), name="evidence_contract_precedence"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Batch",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("provider", models.CharField(max_length=60)),
                ("key", models.CharField(max_length=200)),
                ("digest", models.CharField(max_length=71)),
                ("rows", models.BigIntegerField()),
                ("accepted", models.BigIntegerField()),
                ("duplicate", models.BigIntegerField()),
                ("refused", models.BigIntegerField()),
                ("reasons", models.JSONField()),
                ("notes", models.JSONField()),
                ("buckets", models.PositiveIntegerField()),
                ("received_at", models.DateTimeField()),
                ("receipt", models.JSONField()),
                (
                    "contract",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="evidence.contract"),
                ),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contract",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="5eb91633016158268cde61c46fe1b3921e7337d9",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_abe8c",
                    table="evidence_contract",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="lakefile",
            name="batch",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="files", to="evidence.batch"
            ),
        ),
        migrations.CreateModel(
            name="Resolution",
            fields=[
                (
                    "row",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="resolution",
                        serialize=False,
                        to="evidence.quarantinedrow",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="quarantinedrow",
            name="batch",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="quarantined", to="evidence.batch"
            ),
        ),
        migrations.CreateModel(
            name="SubjectLink",
            fields=[
                (
                    "subject",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="link",
                        serialize=False,
                        to="evidence.subject",
                    ),
                ),
                ("account_id", models.BigIntegerField(db_index=True)),
                ("linked_at", models.DateTimeField()),
            ],
            options={
                "db_table": 'vault"."subject_link',
            },
        ),
        migrations.AddConstraint(
            model_name="subject",
            constraint=models.UniqueConstraint(fields=("provider", "digest"), name="evidence_subject_digest"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="subject",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="8ed4e2d2fee60225e31e48fd4c154e7e8bb7709d",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_3661c",
                    table='vault"."subject',
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.UniqueConstraint(fields=("provider", "key"), name="evidence_batch_key"),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "rows",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("accepted"), "+", models.F("duplicate")
                            ),
                            "+",
                            models.F("refused"),
                        ),
                    )
                ),
                name="evidence_batch_adds_up",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="batch",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="284e5d8c4458a78501d5362d3b5437332193b085",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_2705d",
                    table="evidence_batch",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="lakefile",
            index=models.Index(fields=["part", "day", "bucket"], name="evidence_lake_file_day"),
        ),
        migrations.AddConstraint(
            model_name="lakefile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("bucket__isnull", False), ("day__isnull", False), ("part", "records")),
                    models.Q(
                        models.Q(("part", "records"), _negated=True),
                        ("bucket__isnull", True),
                        ("day__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="evidence_lake_file_place",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="lakefile",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="5c42f4e7503cc130250462d65f496ce0da9d7a78",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_5fac7",
                    table="evidence_lakefile",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="resolution",
            name="batch",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="evidence.batch"),
        ),
        migrations.AddConstraint(
            model_name="quarantinedrow",
            constraint=models.UniqueConstraint(
                fields=("batch", "row_number"), name="evidence_quarantined_row"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="quarantinedrow",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="db3c2494b27b0b84c47998440369ac107a186f64",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_a984d",
                    table="evidence_quarantinedrow",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="subjectlink",
            constraint=models.CheckConstraint(
                condition=models.Q(("account_id__gte", 1)), name="evidence_link_account"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="subjectlink",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="a6a96837c8628bced8876be69f89a3299e304a1f",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_c62f7",
                    table='vault"."subject_link',
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="resolution",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="bc5497b5991aeb2a50d6d35554a4a6501ecf22ae",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_084bb",
                    table="evidence_resolution",
                    when="BEFORE",
                ),
            ),
        ),
    ]
