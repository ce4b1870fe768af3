"""Messages over the plan's limit, and notices about it."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_plans"),
        ("hosting", "0031_search_by_business"),
    ]

    operations = [
        migrations.CreateModel(
            name="LimitNotice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("limit", models.CharField(max_length=30)),
                ("month", models.DateField()),
                ("percent", models.PositiveSmallIntegerField()),
                ("used", models.PositiveBigIntegerField()),
                ("allowed", models.PositiveBigIntegerField()),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                    ),
                ),
                ("told_at", models.DateTimeField(blank=True, null=True)),
                (
                    "business",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.business",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("told_at", None)),
                        fields=["id"],
                        name="limit_notice_to_tell",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("business", "limit", "month", "percent"), name="limit_notice_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LockedMessage",
            fields=[
                (
                    "message",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="lock",
                        serialize=False,
                        to="hosting.message",
                    ),
                ),
                ("month", models.DateField()),
                (
                    "position",
                    models.PositiveBigIntegerField(
                        help_text="The how manieth hosted message of its month it was."
                    ),
                ),
                ("kind", models.CharField(max_length=20)),
                ("text", models.TextField(blank=True)),
                ("content", models.JSONField(default=dict)),
                (
                    "keep_until",
                    models.DateTimeField(
                        help_text="Then it goes, if the plan still does not allow it."
                    ),
                ),
                (
                    "business",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.business",
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="locks",
                        to="hosting.conversation",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["business", "position"], name="locked_of_business"),
                    models.Index(fields=["keep_until"], name="locked_until"),
                ],
            },
        ),
        row_level_security("hosting_lockedmessage", "hosting_limitnotice"),
        run_file("hosting", "locked_rules"),
    ]
