"""Banks' files and lines are money's; what paid a settlement has a row of its own."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from tanpuhui.money import sql as money_sql


class Migration(migrations.Migration):
    dependencies = [
        ("money", "0002_rules"),
        ("points", "0002_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="Payment",
            fields=[
                (
                    "settlement",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="payment",
                        serialize=False,
                        to="points.settlement",
                    ),
                ),
                ("tx_id", models.BigIntegerField(unique=True)),
                (
                    "line",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="settlement_payment",
                        to="money.bankline",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(money_sql.read("moved")),
        migrations.DeleteModel(name="BankLine"),
        migrations.DeleteModel(name="BankFile"),
        pgtrigger.migrations.AddTrigger(
            model_name="payment",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="d5a0403725b623f9cd2f3089fcd633a32ac180af",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_88923",
                    table="points_payment",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="payment",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="ae54f938de198a06db1e00085f68b429a73313f9",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_cdf90",
                    table="points_payment",
                    when="BEFORE",
                ),
            ),
        ),
    ]
