"""Search: every message carries its words and filters as a stored tsvector; messages of a business by time.

The column is the database's own: no model reads it, nobody has to remember to write it.
"""

from django.db import migrations, models

from core.sql import run_file

UNDO = """
ALTER TABLE hosting_message DROP COLUMN search;
DROP FUNCTION hosting_search_vector(bigint, bigint, bigint, text, text, text);
DROP FUNCTION hosting_search_tokens(text);
DROP FUNCTION hosting_search_phones(text);
"""


class Migration(migrations.Migration):
    """Three functions, a generated column, two indexes."""

    dependencies = [("hosting", "0014_quicker_doors")]
    operations = [
        run_file("hosting", "search_words", reverse=UNDO),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["business", "-created_at", "-id"], name="message_time"),
        ),
    ]
