"""A bank's line may fund a sponsor's budget; the database judges that it is that line."""

import django.db.models.deletion
from django.db import migrations, models

from tanpuhui.points import sql


class Migration(migrations.Migration):
    dependencies = [
        ("money", "0003_identity"),
        ("points", "0010_once_pending"),
    ]

    operations = [
        migrations.AddField(
            model_name="funding",
            name="line",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="funding",
                to="money.bankline",
            ),
        ),
        *[migrations.RunSQL(sql.read(name)) for name in ("funded_by_line", "grants")],
    ]
