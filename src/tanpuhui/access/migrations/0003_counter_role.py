"""An operator's clerk at a counter is a role of its own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0002_cache"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="membership",
            name="access_membership_role",
        ),
        migrations.AlterField(
            model_name="membership",
            name="role",
            field=models.CharField(
                choices=[
                    ("admin", "administrator"),
                    ("member", "member"),
                    ("auditor", "auditor"),
                    ("counter", "counter"),
                ],
                max_length=20,
                verbose_name="role",
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["admin", "member", "auditor", "counter"])),
                name="access_membership_role",
            ),
        ),
    ]
