"""What Django's models cannot say: row-level security, references, search, functions and triggers."""

from django.db import migrations

from core.schema import schema_files


class Migration(migrations.Migration):
    dependencies = [("hosting", "0001_initial"), ("accounts", "0002_schema")]
    operations = [
        schema_files("core", "tenant_tables"),
        schema_files(
            "hosting",
            "references",
            "storage_parameters",
            "message_ids",
            "search",
            "search_functions",
            "api_requests",
            "api_pages",
            "usual_sends",
            "webhook_secrets",
            "keys_of_own_numbers",
            "numbers_within_plan",
            "webhooks_within_plan",
            "count_storage",
            "nested_media",
        ),
    ]
