"""Tables of consent, append-only but for the closing of an account; identity facts live in the schema vault."""

import datetime

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.fields.json
import django.db.models.functions.comparison
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.RunSQL("CREATE SCHEMA IF NOT EXISTS vault", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Resident",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("opened_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("provider", models.TextField()),
                ("recipient", models.TextField()),
                ("purpose", models.TextField()),
                (
                    "kinds",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None),
                ),
                ("acts_from_us", models.BigIntegerField()),
                ("acts_to_us", models.BigIntegerField()),
                ("begins_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("notice_digest", models.TextField()),
                ("notice_version", models.TextField()),
                ("notice_lang", models.TextField()),
                ("artefact", models.JSONField()),
                ("jws", models.TextField()),
                ("digest", models.TextField(unique=True)),
                (
                    "supersedes",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="superseded_by",
                        to="consent.grant",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GrantEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("seq", models.IntegerField()),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("Requested", "Requested"),
                            ("Refused", "Refused"),
                            ("ConsentGiven", "ConsentGiven"),
                            ("Paused", "Paused"),
                            ("Resumed", "Resumed"),
                            ("Withdrawn", "Withdrawn"),
                            ("Expired", "Expired"),
                            ("Superseded", "Superseded"),
                            ("Terminated", "Terminated"),
                        ]
                    ),
                ),
                ("at", models.DateTimeField()),
                ("by", models.TextField()),
                ("method", models.TextField()),
                ("evidence_hash", models.TextField()),
                (
                    "grant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="consent.grant",
                    ),
                ),
            ],
            options={
                "db_table": "consent_grant_event",
            },
        ),
        migrations.CreateModel(
            name="Identity",
            fields=[
                (
                    "resident",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="identity",
                        serialize=False,
                        to="consent.resident",
                    ),
                ),
                ("birth_on", models.DateField(null=True)),
                ("proof_issuer", models.TextField(null=True)),
                ("proof_digest", models.BinaryField(max_length=32, null=True)),
            ],
            options={
                "db_table": 'vault"."identity',
            },
        ),
        migrations.AddConstraint(
            model_name="resident",
            constraint=models.CheckConstraint(
                condition=models.Q(("closed_at__gte", models.F("opened_at"))),
                name="consent_resident_closes_after_it_opens",
            ),
        ),
        migrations.AddField(
            model_name="grant",
            name="guardian",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="consent.resident",
            ),
        ),
        migrations.AddField(
            model_name="grant",
            name="resident",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="grants",
                to="consent.resident",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="resident",
            trigger=pgtrigger.compiler.Trigger(
                name="no_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="2b02293145dc70c5de1fe1a514e28465da51a63c",
                    operation="DELETE",
                    pgid="pgtrigger_no_delete_cd3a1",
                    table="consent_resident",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="resident",
            trigger=pgtrigger.compiler.Trigger(
                name="closes_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n                    IF OLD.closed_at IS NOT NULL OR (NEW.id, NEW.opened_at) IS DISTINCT FROM (OLD.id, OLD.opened_at)\n                    THEN RAISE EXCEPTION 'a resident''s row changes once: when the account is closed'; END IF;\n                    RETURN NEW;\n                ",
                    hash="973582e9bd0c08b614be6d94290e1a4249e010f2",
                    operation="UPDATE",
                    pgid="pgtrigger_closes_once_f6114",
                    table="consent_resident",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="resident",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="426716c15736d88d945fc11c8874e8a0f11c7450",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_66a70",
                    table="consent_resident",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="grantevent",
            constraint=models.UniqueConstraint(
                fields=("grant", "seq"), include=("state", "at"), name="consent_event_seq"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grantevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="a000db01a57c5be3fdfe383f4578181a9c47fcd5",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_f2d6f",
                    table="consent_grant_event",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grantevent",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="fb474e7693ff89aff31260b14b8f0c5b1f101cd8",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_18168",
                    table="consent_grant_event",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grantevent",
            trigger=pgtrigger.compiler.Trigger(
                name="a_locks_out_a_close",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="PERFORM pg_advisory_xact_lock_shared(34461337738374772); RETURN NULL;",
                    hash="1aab25827ba8020fe05cb851d3cde1da6caf9da7",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_a_locks_out_a_close_62a9f",
                    table="consent_grant_event",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grantevent",
            trigger=pgtrigger.compiler.Trigger(
                name="one_way",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE before record;",
                    func="\n                    SELECT e.seq, e.state, e.at INTO before FROM consent_grant_event AS e\n                    WHERE e.grant_id = NEW.grant_id ORDER BY e.seq DESC LIMIT 1;\n                    IF NEW.seq <> coalesce(before.seq, 0) + 1 OR NEW.at < coalesce(before.at, NEW.at)\n                        OR NOT (CASE WHEN before.state IS NULL THEN NEW.state IN ('ConsentGiven', 'Refused', 'Requested') ELSE CASE before.state WHEN 'Requested' THEN NEW.state IN ('ConsentGiven', 'Refused') WHEN 'ConsentGiven' THEN NEW.state IN ('Expired', 'Paused', 'Superseded', 'Terminated', 'Withdrawn') WHEN 'Paused' THEN NEW.state IN ('Expired', 'Resumed', 'Superseded', 'Terminated', 'Withdrawn') WHEN 'Resumed' THEN NEW.state IN ('Expired', 'Paused', 'Superseded', 'Terminated', 'Withdrawn') ELSE FALSE END END)\n                    THEN RAISE EXCEPTION 'grant % is %, and % cannot follow', NEW.grant_id,\n                        coalesce(before.state, 'new'), NEW.state; END IF;\n                    RETURN NEW;\n                ",
                    hash="dc9e3ebaf235fa13986eee8f18bd322ab0b58186",
                    operation="INSERT",
                    pgid="pgtrigger_one_way_5f94e",
                    table="consent_grant_event",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="identity",
            name="guardian",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="wards",
                to="consent.resident",
            ),
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                fields=["resident", "id"],
                include=(
                    "provider",
                    "recipient",
                    "purpose",
                    "kinds",
                    "acts_from_us",
                    "acts_to_us",
                    "begins_at",
                    "expires_at",
                ),
                name="consent_grant_gate",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(("kinds__len__gte", 1)), name="consent_grant_kinds"
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(("acts_to_us__gt", models.F("acts_from_us"))), name="consent_grant_acts"
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("expires_at__gt", models.F("begins_at")),
                    (
                        "expires_at__lte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("begins_at"), "+", models.Value(datetime.timedelta(days=366))
                        ),
                    ),
                ),
                name="consent_grant_lasts_a_year_at_most",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=django.db.models.functions.comparison.Coalesce(
                    models.ExpressionWrapper(
                        models.Q(
                            (
                                "acts_from_us",
                                django.db.models.functions.comparison.Cast(
                                    django.db.models.fields.json.KeyTextTransform(
                                        "from_us",
                                        django.db.models.fields.json.KeyTextTransform(
                                            "data_range", "artefact"
                                        ),
                                    ),
                                    models.BigIntegerField(),
                                ),
                            ),
                            (
                                "acts_to_us",
                                django.db.models.functions.comparison.Cast(
                                    django.db.models.fields.json.KeyTextTransform(
                                        "to_us",
                                        django.db.models.fields.json.KeyTextTransform(
                                            "data_range", "artefact"
                                        ),
                                    ),
                                    models.BigIntegerField(),
                                ),
                            ),
                            (
                                "artefact__activity_types",
                                models.Func(
                                    models.F("kinds"), function="to_jsonb", output_field=models.JSONField()
                                ),
                            ),
                            (
                                "begins_at",
                                django.db.models.functions.comparison.Cast(
                                    django.db.models.fields.json.KeyTextTransform("start", "artefact"),
                                    models.DateTimeField(),
                                ),
                            ),
                            (
                                "expires_at",
                                django.db.models.functions.comparison.Cast(
                                    django.db.models.fields.json.KeyTextTransform("expiry", "artefact"),
                                    models.DateTimeField(),
                                ),
                            ),
                            (
                                "id",
                                django.db.models.functions.comparison.Cast(
                                    django.db.models.fields.json.KeyTextTransform("id", "artefact"),
                                    models.BigIntegerField(),
                                ),
                            ),
                            (
                                "notice_digest",
                                django.db.models.fields.json.KeyTextTransform(
                                    "hash",
                                    django.db.models.fields.json.KeyTextTransform("notice", "artefact"),
                                ),
                            ),
                            (
                                "provider",
                                django.db.models.fields.json.KeyTextTransform(
                                    "id",
                                    django.db.models.fields.json.KeyTextTransform("provider", "artefact"),
                                ),
                            ),
                            (
                                "purpose",
                                django.db.models.fields.json.KeyTextTransform(
                                    "code",
                                    django.db.models.fields.json.KeyTextTransform("purpose", "artefact"),
                                ),
                            ),
                            (
                                "recipient",
                                django.db.models.fields.json.KeyTextTransform(
                                    "id",
                                    django.db.models.fields.json.KeyTextTransform("recipient", "artefact"),
                                ),
                            ),
                            (
                                "resident",
                                django.db.models.functions.comparison.Cast(
                                    django.db.models.fields.json.KeyTextTransform("principal", "artefact"),
                                    models.BigIntegerField(),
                                ),
                            ),
                        ),
                        models.BooleanField(),
                    ),
                    models.Value(False),
                ),
                name="consent_grant_is_what_was_signed",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grant",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="79c89251d23f0e73e8a76f02d24a0b520906cf42",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_0f2f9",
                    table="consent_grant",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grant",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="4db4a38fff29c858e28b807a0c36532b3949cbfb",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_5ab99",
                    table="consent_grant",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="identity",
            constraint=models.UniqueConstraint(
                fields=("proof_issuer", "proof_digest"), name="consent_one_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="identity",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("proof_digest__isnull", True), ("proof_issuer__isnull", True)),
                    models.Q(("proof_digest__isnull", False), ("proof_issuer__isnull", False)),
                    _connector="OR",
                ),
                name="consent_proof_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="identity",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("guardian__isnull", True),
                    models.Q(("guardian", models.F("resident")), _negated=True),
                    _connector="OR",
                ),
                name="consent_guardian_is_another",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="identity",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="d57e29800b3643ca6a2c33b39de0c30e4b66f0cd",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_c38cf",
                    table='vault"."identity',
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="identity",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="fecaad29ee52d278053a213fc4a08ae256b7a1de",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_bdbe0",
                    table='vault"."identity',
                    when="BEFORE",
                ),
            ),
        ),
    ]
