"""Which days a file of revisions concerns."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("evidence", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="RevisionDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="days",
                        to="evidence.lakefile",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("day", "file"), name="evidence_revision_day_once")
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="revisionday",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="1230b2cb40c36bbde9f9760f6385661df5ae8bd4",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_870e0",
                    table="evidence_revisionday",
                    when="BEFORE",
                ),
            ),
        ),
    ]
