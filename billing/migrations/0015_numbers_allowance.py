"""Free messages are counted for each number and month, whatever the market."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0014_cost_card")]
    operations = [
        migrations.RemoveConstraint("numbertally", "one_number_tally"),
        migrations.RemoveField("numbertally", "market"),
        migrations.RemoveField("numbertally", "category"),
        migrations.AddConstraint(
            "numbertally",
            models.UniqueConstraint(
                fields=["business_id", "month", "number_id"], name="one_number_tally"
            ),
        ),
        migrations.AlterField(
            "cardversion",
            "free_messages",
            models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="Service messages that are free for each number and month.",
            ),
        ),
    ]
