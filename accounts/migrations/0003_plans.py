"""The plans that a new installation starts with; operators edit them in the admin."""

from typing import Any

from django.db import migrations

PLANS: list[dict[str, Any]] = [
    {"code": "free", "name": "Free", "hosted_messages": 10_000, "days_kept": 90, "numbers": 1, "seats": 3,
     "requests_per_second": 20, "monthly_fee_micros": 0},
    {"code": "team", "name": "Team", "hosted_messages": 250_000, "days_kept": 730, "numbers": 5, "seats": 15,
     "requests_per_second": 80, "monthly_fee_micros": 49_000_000},
    {"code": "business", "name": "Business", "hosted_messages": None, "days_kept": None, "numbers": None,
     "seats": None, "requests_per_second": 250, "monthly_fee_micros": 299_000_000},
]  # fmt: skip


def add_plans(apps: Any, schema_editor: Any) -> None:
    """Insert the plans that are not there yet."""
    Plan = apps.get_model("accounts", "Plan")
    Plan.objects.using(schema_editor.connection.alias).bulk_create(
        [Plan(**plan) for plan in PLANS], ignore_conflicts=True
    )


class Migration(migrations.Migration):
    """Seed data."""

    dependencies = [("accounts", "0002_row_level_security")]
    operations = [migrations.RunPython(add_plans, migrations.RunPython.noop)]
