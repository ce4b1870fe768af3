"""Spend alerts reach the business's webhooks: who heard all there was to hear hears the new field too."""

from django.db import migrations


class Migration(migrations.Migration):
    """Rows only."""

    dependencies = [("hosting", "0021_search_by_time")]
    operations = [
        migrations.RunSQL(
            """UPDATE hosting_webhook SET fields = fields || ARRAY['account_alerts']::varchar[]
                WHERE fields @> ARRAY['messages', 'message_template_status_update', 'message_template_quality_update',
                                      'account_update']::varchar[]""",
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
