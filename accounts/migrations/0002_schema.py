"""What Django's models cannot say: roles, row-level security, functions and triggers. And the first plans."""

from typing import Any

from django.db import migrations

from core.schema import schema_files

# Limits that are None do not hold.
PLANS: list[dict[str, Any]] = [
    {
        "code": "free",
        "name": "Free",
        "hosted_messages": 10_000,
        "days_kept": 90,
        "max_numbers": 1,
        "max_seats": 3,
        "requests_per_second": 20,
        "webhooks_per_second": 80,
        "raw_events": 50_000,
        "locked_messages": 10_000,
        "media_megabytes": 1_000,
        "max_webhooks": 5,
        "max_exports": 10,
        "monthly_fee_micros": 0,
    },
    {
        "code": "team",
        "name": "Team",
        "hosted_messages": 250_000,
        "days_kept": 730,
        "max_numbers": 5,
        "max_seats": 15,
        "requests_per_second": 80,
        "webhooks_per_second": 320,
        "raw_events": 1_000_000,
        "locked_messages": 100_000,
        "media_megabytes": 50_000,
        "max_webhooks": 50,
        "max_exports": 500,
        "monthly_fee_micros": 49_000_000,
    },
    {
        "code": "business",
        "name": "Business",
        "hosted_messages": None,
        "days_kept": None,
        "max_numbers": None,
        "max_seats": None,
        "requests_per_second": 250,
        "webhooks_per_second": 1_000,
        "monthly_fee_micros": 299_000_000,
    },
]


def add_plans(apps: Any, schema_editor: Any) -> None:
    """Insert the plans that a new installation starts with; operators edit them in the admin."""
    Plan = apps.get_model("accounts", "Plan")
    Plan.objects.using(schema_editor.connection.alias).bulk_create(Plan(**plan) for plan in PLANS)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("sessions", "0001_initial")]
    operations = [
        schema_files("core", "roles", "marks", "tenant_tables", "cascades", "append_only"),
        schema_files(
            "accounts",
            "audit_log",
            "api_keys",
            "logins",
            "members",
            "plan_terms",
            "plan_currency",
        ),
        migrations.RunPython(add_plans),
    ]
