"""Storage counted and kept within the plan, webhooks and exports too."""

import django.db.models.deletion
import django.db.models.fields.json
from django.db import migrations, models

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_plan_limits"),
        ("hosting", "0032_locked_messages"),
    ]

    operations = [
        migrations.CreateModel(
            name="Storage",
            fields=[
                (
                    "business",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.business",
                    ),
                ),
                ("bytes", models.BigIntegerField(default=0)),
            ],
            options={
                "verbose_name_plural": "storage",
            },
        ),
        migrations.AddField(
            model_name="media",
            name="locked_until",
            field=models.DateTimeField(
                blank=True,
                help_text="A customer's file over the plan's storage is kept until then, not shown.",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="lockedmessage",
            index=models.Index(
                django.db.models.fields.json.KeyTextTransform("id", "content"), name="locked_file"
            ),
        ),
        migrations.AddIndex(
            model_name="media",
            index=models.Index(
                condition=models.Q(("locked_until__isnull", False)),
                fields=["business", "id"],
                name="media_locked",
            ),
        ),
        migrations.AddConstraint(
            model_name="media",
            constraint=models.CheckConstraint(
                condition=models.Q(("locked_until", None), ("is_ready", False), _connector="OR"),
                name="locked_media_not_ready",
            ),
        ),
        migrations.AddConstraint(
            model_name="storage",
            constraint=models.CheckConstraint(
                condition=models.Q(("bytes__gte", 0)), name="storage_not_negative"
            ),
        ),
        row_level_security("hosting_storage"),
        run_file(
            "hosting", "count_storage", reverse="DROP FUNCTION hosting_count_storage() CASCADE"
        ),
        run_file(
            "hosting",
            "webhooks_within_plan",
            reverse="DROP FUNCTION hosting_webhooks_within_plan() CASCADE;"
            " DROP FUNCTION hosting_exports_within_plan() CASCADE",
        ),
    ]
