"""An owner can ask every member for a second factor."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_plan_limits")]
    operations = [
        migrations.AlterModelOptions(
            name="business",
            options={
                "permissions": [
                    ("enter_business", "Can view as a business"),
                    ("open_messages", "Can open the text of messages"),
                ],
                "verbose_name_plural": "businesses",
            },
        ),
        migrations.AddField(
            model_name="business",
            name="requires_mfa",
            field=models.BooleanField(
                default=False,
                db_default=False,
                help_text="Members without a second factor see nothing.",
            ),
        ),
    ]
