"""The key function asks before it writes; the door function keeps its plan; the door before it is gone."""

from django.db import migrations

from core.sql import run_file


class Migration(migrations.Migration):
    """Functions only."""

    dependencies = [("hosting", "0013_contacts_by_number"), ("accounts", "0007_membership_rules")]
    operations = [
        run_file("accounts", "open_key"),
        run_file("hosting", "enter_door"),
        migrations.RunSQL(
            "DROP FUNCTION IF EXISTS hosting_open_door(text, bytea, text)", migrations.RunSQL.noop
        ),
    ]
