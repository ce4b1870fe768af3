"""Storage, webhooks and exports of plans."""

from typing import Any

from django.db import migrations, models

LIMITS = {
    "free": {"media_megabytes": 1_000, "webhooks": 5, "exports": 10},
    "team": {"media_megabytes": 50_000, "webhooks": 50, "exports": 500},
}


def limit(apps: Any, schema_editor: Any) -> None:
    """Give the plans that came with the installation their limits."""
    plans = apps.get_model("accounts", "Plan").objects.using(schema_editor.connection.alias)
    for code, limits in LIMITS.items():
        plans.filter(code=code).update(**limits)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_plans"),
    ]

    operations = [
        migrations.AddField(
            model_name="plan",
            name="exports",
            field=models.PositiveIntegerField(
                blank=True, help_text="Of conversations, a month.", null=True
            ),
        ),
        migrations.AddField(
            model_name="plan",
            name="media_megabytes",
            field=models.PositiveIntegerField(
                blank=True, help_text="Files kept, in 1,000,000 bytes.", null=True
            ),
        ),
        migrations.AddField(
            model_name="plan",
            name="webhooks",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="plan",
            name="requests_per_second",
            field=models.PositiveIntegerField(default=80, help_text="Of each API key."),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(
                condition=models.Q(("requests_per_second__gte", 1)), name="plan_lets_keys_ask"
            ),
        ),
        migrations.RunPython(limit, migrations.RunPython.noop),
    ]
