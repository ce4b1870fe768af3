"""Seats within the plan, a last owner who stays, and invitations closed to other businesses."""

from django.db import migrations

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    """A policy and three triggers."""

    dependencies = [("accounts", "0006_invitations")]
    operations = [
        row_level_security("accounts_invitation"),
        run_file(
            "accounts",
            "membership_rules",
            reverse="DROP FUNCTION accounts_seats_within_plan() CASCADE; DROP FUNCTION accounts_keep_an_owner() CASCADE",
        ),
    ]
