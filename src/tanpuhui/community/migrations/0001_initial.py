"""Tables of community: goals, groups, challenges and nicknames; rows change once, when they end."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Goal",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("account", models.BigIntegerField()),
                ("month", models.DateField()),
                ("target_mg", models.BigIntegerField()),
                ("set_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Group",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("family", "family"), ("neighbourhood", "neighbourhood")], max_length=20
                    ),
                ),
                ("name", models.CharField(max_length=40)),
                ("founded_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("code", models.CharField(max_length=12, unique=True)),
                ("made_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Member",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("account", models.BigIntegerField(db_index=True)),
                ("since", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Nickname",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("account", models.BigIntegerField()),
                ("name", models.CharField(max_length=16)),
                ("folded", models.CharField(max_length=64)),
                ("since", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Participant",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("account", models.BigIntegerField(db_index=True)),
                ("since", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("participants", models.BigIntegerField()),
                ("credited_mg", models.BigIntegerField()),
                ("counted_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Challenge",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("code", models.SlugField(max_length=60, unique=True)),
                ("title_zh", models.CharField(max_length=80)),
                ("title_en", models.CharField(max_length=80)),
                ("text_zh", models.TextField()),
                ("text_en", models.TextField()),
                ("starts_on", models.DateField()),
                ("ends_on", models.DateField()),
                (
                    "methodologies",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=120), default=list, size=None
                    ),
                ),
                ("target_mg", models.BigIntegerField()),
                ("set_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_on__gte", models.F("starts_on"))),
                        name="community_challenge_days",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("target_mg__gte", 1)), name="community_challenge_target"
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="challenge",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="1fc5d1f04b4f4f29f2a15d952cb2c3bc6868e645",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_0fe2f",
                    table="community_challenge",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="challenge",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="548177d8fe7fe3659c102ceaca58b3aad80c22ed",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_ec49f",
                    table="community_challenge",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="goal",
            index=models.Index(fields=["account", "month", "-id"], name="community_goal_newest"),
        ),
        migrations.AddConstraint(
            model_name="goal",
            constraint=models.CheckConstraint(
                condition=models.Q(("month__day", 1)), name="community_goal_month"
            ),
        ),
        migrations.AddConstraint(
            model_name="goal",
            constraint=models.CheckConstraint(
                condition=models.Q(("target_mg__gte", 1)), name="community_goal_target"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="goal",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="d5ac4b74fa032336f4e7362f4919f42065eaf796",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_f0d90",
                    table="community_goal",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="goal",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="ea992e789ca77e9200eafda7bc3cc21994a40fb8",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_20607",
                    table="community_goal",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="group",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["family", "neighbourhood"])), name="community_group_kind"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="group",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="93b4acb450eaff35283ec340129c552aed9c8adc",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_72dbb",
                    table="community_group",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="group",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="4da9ea1b9ff3bb8eef898914012b74deca91a114",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_557c9",
                    table="community_group",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="group",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="invitations", to="community.group"
            ),
        ),
        migrations.AddField(
            model_name="member",
            name="group",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="members", to="community.group"
            ),
        ),
        migrations.AddConstraint(
            model_name="nickname",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("account",),
                name="community_nickname_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="nickname",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("folded",),
                name="community_nickname_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="nickname",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at__isnull", True), ("ended_at__gte", models.F("since")), _connector="OR"
                ),
                name="community_nickname_ends_after_it_begins",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="nickname",
            trigger=pgtrigger.compiler.Trigger(
                name="no_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="ca3586bf7e3bf712e78c029581c3547b28316fa1",
                    operation="DELETE",
                    pgid="pgtrigger_no_delete_fe579",
                    table="community_nickname",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="nickname",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="083929bc4534f192152af47b22ce2a0b7fac92bc",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_c63aa",
                    table="community_nickname",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="nickname",
            trigger=pgtrigger.compiler.Trigger(
                name="ends_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF OLD.ended_at IS NOT NULL OR (to_jsonb(NEW) - 'ended_at') IS DISTINCT FROM (to_jsonb(OLD) - 'ended_at')\n        THEN RAISE EXCEPTION 'rows of % change once: when they end', TG_TABLE_NAME; END IF;\n        RETURN NEW;\n    ",
                    hash="20fd7e887b6a973e44f4bf618599394b08c72f66",
                    operation="UPDATE",
                    pgid="pgtrigger_ends_once_33848",
                    table="community_nickname",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="participant",
            name="challenge",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="participants",
                to="community.challenge",
            ),
        ),
        migrations.AddField(
            model_name="tally",
            name="challenge",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="tallies", to="community.challenge"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invitation",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="d8b7e414328c7971e5d7acebb2e68996ddc011d8",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_a63c4",
                    table="community_invitation",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invitation",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="a54a8dc5737543522f5af15248acbd4699d22b8a",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_ffac9",
                    table="community_invitation",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="member",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("group", "account"),
                name="community_member_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="member",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at__isnull", True), ("ended_at__gte", models.F("since")), _connector="OR"
                ),
                name="community_member_ends_after_it_begins",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="member",
            trigger=pgtrigger.compiler.Trigger(
                name="no_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="dbffe05f25a9ac340d20cb64a8cd93602e4f1698",
                    operation="DELETE",
                    pgid="pgtrigger_no_delete_268d7",
                    table="community_member",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="member",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="0aae8b7ab0a8a7c14279d97dc8f2c503c2c3723c",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_bacb7",
                    table="community_member",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="member",
            trigger=pgtrigger.compiler.Trigger(
                name="ends_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF OLD.ended_at IS NOT NULL OR (to_jsonb(NEW) - 'ended_at') IS DISTINCT FROM (to_jsonb(OLD) - 'ended_at')\n        THEN RAISE EXCEPTION 'rows of % change once: when they end', TG_TABLE_NAME; END IF;\n        RETURN NEW;\n    ",
                    hash="eb919ef4cd3ed986ecd7a6547756d81125bac803",
                    operation="UPDATE",
                    pgid="pgtrigger_ends_once_deac6",
                    table="community_member",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="participant",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("challenge", "account"),
                name="community_participant_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="participant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at__isnull", True), ("ended_at__gte", models.F("since")), _connector="OR"
                ),
                name="community_participant_ends_after_it_begins",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="participant",
            trigger=pgtrigger.compiler.Trigger(
                name="no_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="cc8363a73fd1c26b116d78ca661ef24d01172217",
                    operation="DELETE",
                    pgid="pgtrigger_no_delete_89bc0",
                    table="community_participant",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="participant",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="fa67f04b0f404bc91b8abac652f0e9d23f2176bf",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_625bd",
                    table="community_participant",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="participant",
            trigger=pgtrigger.compiler.Trigger(
                name="ends_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF OLD.ended_at IS NOT NULL OR (to_jsonb(NEW) - 'ended_at') IS DISTINCT FROM (to_jsonb(OLD) - 'ended_at')\n        THEN RAISE EXCEPTION 'rows of % change once: when they end', TG_TABLE_NAME; END IF;\n        RETURN NEW;\n    ",
                    hash="d631ae8ec78ac28415d2cf863d63c5f056f9e846",
                    operation="UPDATE",
                    pgid="pgtrigger_ends_once_6532f",
                    table="community_participant",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="tally",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="d8d193cce9ff07ad4ea8faadc5d55140c23c3a32",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_5dbff",
                    table="community_tally",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="tally",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="73577fc1f6c9c7fe8447316c744e208fb12cfd87",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_51ace",
                    table="community_tally",
                    when="BEFORE",
                ),
            ),
        ),
    ]
