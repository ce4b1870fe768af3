"""The rules of pricing as functions that every statement about prices calls."""

from django.db import migrations, models

from core.sql import run_file


class Migration(migrations.Migration):
    dependencies = [("billing", "0015_numbers_allowance")]
    operations = [
        migrations.AddIndex(
            "callingcode", models.Index(fields=["prefix"], name="calling_code_prefix")
        ),
        migrations.AddIndex(
            "charge",
            models.Index(
                fields=["business_id", "month"],
                condition=models.Q(reverses_id__isnull=False),
                name="charge_reversals",
            ),
        ),
        run_file("billing", "schema/pricing_amounts"),
        run_file("billing", "schema/pricing_rules"),
    ]
