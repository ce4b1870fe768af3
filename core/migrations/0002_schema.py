"""What Django's models cannot say: row-level security."""

from django.db import migrations

from core.schema import schema_files


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial"), ("accounts", "0002_schema")]
    operations = [schema_files("core", "tenant_tables")]
