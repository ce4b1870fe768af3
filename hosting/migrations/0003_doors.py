"""The functions behind the doors: they run before the tenant is known."""

from django.db import migrations

from core.sql import run_file


class Migration(migrations.Migration):
    """Two SECURITY DEFINER functions."""

    dependencies = [("hosting", "0002_tenancy")]
    operations = [
        run_file(
            "hosting",
            "open_door",
            reverse="DROP FUNCTION hosting_open_door(text, bytea, text); DROP FUNCTION hosting_account_door(text)",
        )
    ]
