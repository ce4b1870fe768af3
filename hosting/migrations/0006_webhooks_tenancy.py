"""Close the webhook tables to strangers."""

from django.db import migrations

from core.tenancy import row_level_security


class Migration(migrations.Migration):
    """What Django's models cannot say."""

    dependencies = [("hosting", "0005_webhooks")]
    operations = [
        row_level_security("hosting_webhook", "hosting_webhookcall"),
        migrations.RunSQL(
            # A queue and a log: rows change twice and go, so vacuum by count.
            "ALTER TABLE hosting_webhookcall SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)",
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
