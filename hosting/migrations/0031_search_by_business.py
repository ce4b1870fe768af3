"""Search: day and stretch of a message name its business too, so that no search reads the list of all its messages."""

from django.db import migrations

from core.sql import run_file


class Migration(migrations.Migration):
    """The generated column computed anew."""

    dependencies = [("hosting", "0030_refused_sends")]
    operations = [run_file("hosting", "search_by_business")]
