"""The audit log forgets a customer who must be forgotten, and nothing else."""

from django.db import migrations

from core.sql import run_file


class Migration(migrations.Migration):
    """One function, and the trigger that knows it."""

    dependencies = [("accounts", "0007_membership_rules")]
    operations = [
        run_file(
            "accounts",
            "redact_audit",
            reverse="DROP FUNCTION accounts_redact_audit(bigint, text[], text[])",
        )
    ]
