"""Row-level security, the foreign key that ties a message to its tenant, and storage settings of busy tables."""

from django.db import migrations

from core.tenancy import row_level_security


class Migration(migrations.Migration):
    """What Django's models cannot say."""

    dependencies = [("hosting", "0001_initial"), ("accounts", "0002_row_level_security")]
    operations = [
        row_level_security(
            "hosting_account",
            "hosting_number",
            "hosting_contact",
            "hosting_conversation",
            "hosting_message",
            "hosting_outgoing",
            "hosting_template",
            "hosting_handset",
            "hosting_hostedcount",
            "hosting_delivery",
        ),
        migrations.RunSQL(
            [
                """ALTER TABLE hosting_message ADD CONSTRAINT message_in_conversation_of_business
                   FOREIGN KEY (business_id, conversation_id) REFERENCES hosting_conversation (business_id, id)""",
                # Queues: rows come and go, so vacuum often and by count.
                """ALTER TABLE hosting_outgoing SET (autovacuum_vacuum_scale_factor = 0,
                   autovacuum_vacuum_threshold = 5000)""",
                """ALTER TABLE hosting_delivery SET (autovacuum_vacuum_scale_factor = 0,
                   autovacuum_vacuum_threshold = 5000)""",
                "ALTER TABLE hosting_conversation SET (fillfactor = 80)",
                "ALTER TABLE hosting_hostedcount SET (fillfactor = 50)",
            ],
            reverse_sql="ALTER TABLE hosting_message DROP CONSTRAINT message_in_conversation_of_business",
        ),
    ]
