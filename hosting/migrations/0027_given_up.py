"""What gave up is found at once, however long its queue or log is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Three small indexes."""

    dependencies = [("hosting", "0026_usernames")]
    operations = [
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("is_dead", True)), fields=["-id"], name="event_dead"
            ),
        ),
        migrations.AddIndex(
            model_name="mediafetch",
            index=models.Index(
                condition=models.Q(("is_dead", True)), fields=["-media"], name="media_fetch_dead"
            ),
        ),
        migrations.AddIndex(
            model_name="outgoing",
            index=models.Index(
                condition=models.Q(("state__in", ["dead", "unknown"])),
                fields=["-message"],
                name="outgoing_given_up",
            ),
        ),
    ]
