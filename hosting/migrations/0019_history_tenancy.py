"""Close imports and exports to strangers; give past messages their own ids."""

from django.db import migrations

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    """What Django's models cannot say."""

    dependencies = [("hosting", "0018_history")]
    operations = [
        row_level_security("hosting_chatimport", "hosting_chatexport"),
        run_file("hosting", "imported_ids", reverse="DROP SEQUENCE hosting_imported_message_id"),
    ]
