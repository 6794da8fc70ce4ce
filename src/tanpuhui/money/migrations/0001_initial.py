"""Tables of money."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "0005_session"),
    ]

    operations = [
        migrations.CreateModel(
            name="BankFile",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("digest", models.TextField(unique=True)),
                ("statement", models.TextField()),
                ("lines_count", models.BigIntegerField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "money_bank_file",
            },
        ),
        migrations.CreateModel(
            name="BankLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.IntegerField()),
                ("entry", models.TextField()),
                ("reference", models.TextField()),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("is_debit", models.BooleanField()),
                ("booked_on", models.DateField()),
                ("fingerprint", models.TextField()),
                ("claimant", models.CharField(max_length=40)),
                ("subject", models.TextField()),
                ("why_not", models.CharField(max_length=40)),
            ],
            options={
                "db_table": "money_bank_line",
            },
        ),
        migrations.CreateModel(
            name="StoredAnswer",
            fields=[
                ("key", models.TextField(primary_key=True, serialize=False)),
                ("verb", models.TextField()),
                ("content_digest", models.TextField()),
                ("result", models.JSONField(null=True)),
                ("refusal", models.JSONField(null=True)),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "money_answer",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("hold_id", models.BigIntegerField(unique=True)),
                ("at", models.DateTimeField()),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="bankfile",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="023eaaaab89a949df41d38f5a600e4f9219c2b80",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_21db1",
                    table="money_bank_file",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="bankfile",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="ce6a00350157fc667b2929fe32efa9322ade778f",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_ffa5e",
                    table="money_bank_file",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.CreateModel(
            name="Booking",
            fields=[
                (
                    "line",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="booking",
                        serialize=False,
                        to="money.bankline",
                    ),
                ),
                ("account_id", models.BigIntegerField(db_index=True)),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("tx_id", models.BigIntegerField(unique=True)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="bankline",
            name="file",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="money.bankfile"
            ),
        ),
        migrations.AddConstraint(
            model_name="storedanswer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("refusal__isnull", False), ("result__isnull", True)),
                    models.Q(("refusal__isnull", True), ("result__isnull", False)),
                    _connector="OR",
                ),
                name="money_answer_is_one_of_two",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="storedanswer",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="c0c47463eaeb6fbaf3c504791bc1f77a26d14c15",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_f0de9",
                    table="money_answer",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="storedanswer",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="04a65571df4db7b352a91d8a6735e939c0fd56ca",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_09333",
                    table="money_answer",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.CreateModel(
            name="WithdrawalEnding",
            fields=[
                (
                    "withdrawal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="ending",
                        serialize=False,
                        to="money.withdrawal",
                    ),
                ),
                ("outcome", models.CharField(max_length=10)),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "money_withdrawal_ending",
            },
        ),
        migrations.AddField(
            model_name="withdrawal",
            name="organisation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="withdrawals",
                to="access.organisation",
            ),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor", 0), _negated=True), name="money_booking_amount"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="booking",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="f89f07231c4a31779f94b99e79c4e57a729b2db0",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_d2573",
                    table="money_booking",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="booking",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="133f1a59474f2a3345408175ff60dd72e4295b4c",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_afd8f",
                    table="money_booking",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="bankline",
            index=models.Index(fields=["claimant", "subject"], name="money_bank_line_subject"),
        ),
        migrations.AddConstraint(
            model_name="bankline",
            constraint=models.UniqueConstraint(fields=("file", "number"), name="money_bank_line_number"),
        ),
        migrations.AddConstraint(
            model_name="bankline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("why_not", "seen_before"), _negated=True),
                fields=("fingerprint",),
                name="money_bank_line_counts_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="bankline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("why_not", ""),
                        models.Q(("claimant", ""), _negated=True),
                        models.Q(("subject", ""), _negated=True),
                    ),
                    models.Q(models.Q(("why_not", ""), _negated=True), ("claimant", ""), ("subject", "")),
                    _connector="OR",
                ),
                name="money_bank_line_is_claimed_or_says_why",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="bankline",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="b6189e56b090f5d0511d923b61171f626bbd960b",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_aad33",
                    table="money_bank_line",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="bankline",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="3ae4983f427a701859ed1f0493e4a767cd9ae682",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_99a52",
                    table="money_bank_line",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="withdrawalending",
            name="line",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="withdrawal_ending",
                to="money.bankline",
            ),
        ),
        migrations.AddConstraint(
            model_name="withdrawal",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gte", 1)), name="money_withdrawal_amount"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="withdrawal",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="db895b447c7283aa0e08dce7f30d6eba70df00da",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_d6b8f",
                    table="money_withdrawal",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="withdrawal",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="0899ef4a673b26f9c8866bcd607e3f24567b290f",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_a7595",
                    table="money_withdrawal",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="withdrawalending",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("line__isnull", False), ("outcome", "paid")),
                    models.Q(("line__isnull", True), ("outcome", "cancelled")),
                    _connector="OR",
                ),
                name="money_withdrawal_paid_by_a_line",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="withdrawalending",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="76a395a33396465a2caf3e6b516b5e06ab641263",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_f80b7",
                    table="money_withdrawal_ending",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="withdrawalending",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="d2f4951c2483199619846967d22388cc12ae4c9b",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_8322f",
                    table="money_withdrawal_ending",
                    when="BEFORE",
                ),
            ),
        ),
    ]
