"""The queue of deliveries tells when something waits."""

from django.db import migrations

from core.sql import run_file


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0012_export_expires"),
        ("hosting", "0025_delivery_failed"),
    ]

    operations = [
        run_file(
            "billing",
            "tell_deliveries",
            reverse="DROP TRIGGER tell_deliveries ON hosting_delivery; DROP FUNCTION billing_tell_deliveries();",
        ),
    ]
