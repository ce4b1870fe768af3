"""Numbers within the plan, kept by the database."""

from django.db import migrations

from core.sql import run_file


class Migration(migrations.Migration):
    """One trigger."""

    dependencies = [("hosting", "0008_upstream_tenancy")]
    operations = [
        run_file(
            "hosting",
            "numbers_within_plan",
            reverse="DROP FUNCTION hosting_numbers_within_plan() CASCADE",
        )
    ]
