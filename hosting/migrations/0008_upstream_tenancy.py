"""Close the upstreams to strangers; the webhook door knows every secret that is good: old, new, the upstream's."""

from django.db import migrations

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    """What Django's models cannot say."""

    dependencies = [("hosting", "0007_upstream")]
    operations = [
        row_level_security("hosting_upstream"),
        run_file("hosting", "account_door", reverse="DROP FUNCTION hosting_account_door(text)"),
    ]
