"""Close labels, notes and canned replies to strangers, by row and by reference."""

from django.db import migrations

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    """What Django's models cannot say."""

    dependencies = [("hosting", "0023_teamwork")]
    operations = [
        row_level_security(
            "hosting_label", "hosting_conversationlabel", "hosting_note", "hosting_cannedreply"
        ),
        run_file("hosting", "teamwork_of_one_business"),
    ]
