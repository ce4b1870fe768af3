"""Close the audit log to other businesses and to every change."""

from django.db import migrations

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    """A policy and two triggers."""

    dependencies = [("accounts", "0004_audit_log")]
    operations = [
        row_level_security("accounts_auditentry"),
        run_file(
            "accounts",
            "audit_append_only",
            reverse="DROP FUNCTION accounts_append_only() CASCADE",
        ),
    ]
