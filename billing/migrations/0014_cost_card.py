"""A rate card may say what the upstream charges us, so that operators see the margin."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0013_tell_deliveries")]
    operations = [
        migrations.AddField(
            model_name="ratecard",
            name="is_cost",
            field=models.BooleanField(
                default=False,
                db_default=False,
                help_text="What the upstream charges us; nobody is billed by it. The front page shows the margin.",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratecard",
            constraint=models.UniqueConstraint(
                fields=["currency"],
                condition=models.Q(is_cost=True),
                name="one_cost_card_per_currency",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratecard",
            constraint=models.CheckConstraint(
                condition=models.Q(is_cost=False) | models.Q(is_default=False),
                name="nobody_is_billed_at_cost",
            ),
        ),
    ]
