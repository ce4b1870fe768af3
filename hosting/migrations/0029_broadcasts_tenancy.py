"""Close broadcasts to strangers, by row and by reference."""

from django.db import migrations

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    """What Django's models cannot say."""

    dependencies = [("hosting", "0028_broadcasts")]
    operations = [
        row_level_security(
            "hosting_broadcast", "hosting_broadcastrecipient", "hosting_optoutwords"
        ),
        run_file("hosting", "broadcasts_of_one_business"),
    ]
