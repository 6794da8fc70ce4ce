"""Tables of rights: requests and their steps, append-only; visits; letters, which live in the schema vault."""

import uuid

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.RunSQL("CREATE SCHEMA IF NOT EXISTS vault", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Request",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("account", models.BigIntegerField(db_index=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("correction", "Correct something"),
                            ("erasure", "Erase"),
                            ("restriction", "Restrict what is done with it"),
                        ],
                        max_length=20,
                    ),
                ),
                ("words", models.TextField()),
                ("made_at", models.DateTimeField()),
                ("due_on", models.DateField()),
            ],
        ),
        migrations.CreateModel(
            name="RequestStep",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("seq", models.IntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("received", "received"),
                            ("in_hand", "in_hand"),
                            ("done", "done"),
                            ("refused", "refused"),
                            ("taken_back", "taken_back"),
                        ],
                        max_length=20,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("by", models.CharField(max_length=20)),
                ("words", models.TextField(blank=True)),
            ],
            options={
                "db_table": "rights_request_step",
            },
        ),
        migrations.CreateModel(
            name="Visit",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("account", models.BigIntegerField()),
                ("clerk", models.UUIDField()),
                ("organisation", models.CharField(max_length=60)),
                (
                    "document",
                    models.CharField(
                        choices=[
                            ("identity_card", "resident identity card"),
                            ("residence_permit", "residence permit"),
                            ("passport", "passport or travel permit"),
                            ("other", "another official document with a photograph"),
                        ],
                        max_length=20,
                    ),
                ),
                ("reason", models.CharField(max_length=200)),
                ("opened_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Letter",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("account", models.BigIntegerField()),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                ("issued_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": 'vault"."letter',
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("account",),
                        name="rights_one_letter_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ended_at__isnull", True),
                            ("ended_at__gte", models.F("issued_at")),
                            _connector="OR",
                        ),
                        name="rights_letter_ends_after_it_begins",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="letter",
            trigger=pgtrigger.compiler.Trigger(
                name="no_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="700a3612ca25788dcc2775ccf9136cefde31fca7",
                    operation="DELETE",
                    pgid="pgtrigger_no_delete_a0287",
                    table='vault"."letter',
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="letter",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="9ebfc40abedaa37ccc8b82bdea2d6a1b8ed0c890",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_50dbf",
                    table='vault"."letter',
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="letter",
            trigger=pgtrigger.compiler.Trigger(
                name="ends_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF OLD.ended_at IS NOT NULL OR (to_jsonb(NEW) - 'ended_at') IS DISTINCT FROM (to_jsonb(OLD) - 'ended_at')\n        THEN RAISE EXCEPTION 'rows of % change once: when they end', TG_TABLE_NAME; END IF;\n        RETURN NEW;\n    ",
                    hash="a4a8c197e9cb7855a8e2ea4db9939575da21e709",
                    operation="UPDATE",
                    pgid="pgtrigger_ends_once_9104d",
                    table='vault"."letter',
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="request",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["correction", "erasure", "restriction"])),
                name="rights_request_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="request",
            constraint=models.CheckConstraint(
                condition=models.Q(("words__regex", "^\\s*$"), _negated=True), name="rights_request_has_words"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="request",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="74363bbb0393df0e0f7d019d60966137c4278811",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_4512e",
                    table="rights_request",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="request",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="bc3bfd25d87086ed323e14faf71567b6730e0428",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_43530",
                    table="rights_request",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="requeststep",
            name="request",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="steps",
                to="rights.request",
            ),
        ),
        migrations.AddIndex(
            model_name="visit",
            index=models.Index(fields=["account", "opened_at"], name="rights_visit_account"),
        ),
        migrations.AddConstraint(
            model_name="visit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("document__in", ["identity_card", "residence_permit", "passport", "other"])
                ),
                name="rights_visit_document",
            ),
        ),
        migrations.AddConstraint(
            model_name="visit",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason__regex", "^\\s*$"), _negated=True),
                name="rights_visit_has_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="visit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ends_at__gt", models.F("opened_at")),
                    models.Q(
                        ("ended_at__isnull", True), ("ended_at__gte", models.F("opened_at")), _connector="OR"
                    ),
                ),
                name="rights_visit_ends_after_it_begins",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="visit",
            trigger=pgtrigger.compiler.Trigger(
                name="no_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="a49f7f45dbac518f173e3be339b4e617bbfe72b0",
                    operation="DELETE",
                    pgid="pgtrigger_no_delete_e441c",
                    table="rights_visit",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="visit",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="941a8f2c5906a37dbafb01ac118ddbd9d557278d",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_7b229",
                    table="rights_visit",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="visit",
            trigger=pgtrigger.compiler.Trigger(
                name="ends_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF OLD.ended_at IS NOT NULL OR (to_jsonb(NEW) - 'ended_at') IS DISTINCT FROM (to_jsonb(OLD) - 'ended_at')\n        THEN RAISE EXCEPTION 'rows of % change once: when they end', TG_TABLE_NAME; END IF;\n        RETURN NEW;\n    ",
                    hash="76cb2506eb94ce24c816675001d5e4c8fa7a74b2",
                    operation="UPDATE",
                    pgid="pgtrigger_ends_once_cd03b",
                    table="rights_visit",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="requeststep",
            constraint=models.UniqueConstraint(fields=("request", "seq"), name="rights_step_seq"),
        ),
        migrations.AddConstraint(
            model_name="requeststep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "refused"), _negated=True),
                    models.Q(("words__regex", "^\\s*$"), _negated=True),
                    _connector="OR",
                ),
                name="rights_refusal_has_reasons",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="requeststep",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="e0eeb83221607919734fa03de13a847dafcd5c78",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_b24ed",
                    table="rights_request_step",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="requeststep",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="a669096894a7cac1bd394fb9c568a02beaee61f1",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_4e78d",
                    table="rights_request_step",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="requeststep",
            trigger=pgtrigger.compiler.Trigger(
                name="one_way",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE before record;",
                    func="\n                    SELECT s.seq, s.state, s.at INTO before FROM rights_request_step AS s\n                    WHERE s.request_id = NEW.request_id ORDER BY s.seq DESC LIMIT 1;\n                    IF NEW.seq <> coalesce(before.seq, 0) + 1 OR NEW.at < coalesce(before.at, NEW.at)\n                        OR NOT (coalesce((before.state IS NULL AND NEW.state = 'received') OR (before.state = 'received' AND NEW.state = 'done') OR (before.state = 'received' AND NEW.state = 'in_hand') OR (before.state = 'received' AND NEW.state = 'refused') OR (before.state = 'received' AND NEW.state = 'taken_back') OR (before.state = 'in_hand' AND NEW.state = 'done') OR (before.state = 'in_hand' AND NEW.state = 'refused') OR (before.state = 'in_hand' AND NEW.state = 'taken_back'), FALSE))\n                    THEN RAISE EXCEPTION 'request % is %, and % cannot follow', NEW.request_id,\n                        coalesce(before.state, 'new'), NEW.state; END IF;\n                    RETURN NEW;\n                ",
                    hash="d62f0dff71f8f4fdaa880718e0261b1572b34601",
                    operation="INSERT",
                    pgid="pgtrigger_one_way_fc18b",
                    table="rights_request_step",
                    when="BEFORE",
                ),
            ),
        ),
    ]
