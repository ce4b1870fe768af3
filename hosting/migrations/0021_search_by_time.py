"""Search: the index knows the day of each message, so that the newest hits of any word are found at once."""

from django.db import migrations

from core.sql import run_file


class Migration(migrations.Migration):
    """The generated column anew."""

    dependencies = [("hosting", "0020_forgetting")]
    operations = [run_file("hosting", "search_by_time")]
