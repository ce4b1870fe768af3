"""Rounding to cents, in the database, where the lines are made."""

from django.db import migrations

from core.sql import run_file


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_first_seller")]
    operations = [
        run_file(
            "billing",
            "round_half_even",
            reverse="DROP FUNCTION billing_round_half_even(bigint, bigint)",
        )
    ]
