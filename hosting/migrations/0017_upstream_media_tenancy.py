"""Close the tables of what goes to and comes from an upstream to strangers."""

from django.db import migrations

from core.tenancy import row_level_security


class Migration(migrations.Migration):
    """What Django's models cannot say."""

    dependencies = [("hosting", "0016_upstream_media")]
    operations = [
        row_level_security("hosting_upstreammedia", "hosting_mediafetch", "hosting_receipt")
    ]
