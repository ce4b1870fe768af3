"""Contacts have user names, are found by user id, and may have a second number that stays theirs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns, an index, and the rule that a second number has one owner."""

    dependencies = [("accounts", "0008_redact_audit"), ("hosting", "0025_delivery_failed")]
    operations = [
        migrations.AddField(
            model_name="contact",
            name="username",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="The name they chose to be found by, such as @ann.",
                max_length=100,
            ),
        ),
        migrations.AlterField(
            model_name="formernumber",
            name="changed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["business", "user_id"], name="contact_user_id"),
        ),
        migrations.AddConstraint(
            model_name="formernumber",
            constraint=models.UniqueConstraint(
                condition=models.Q(("changed_at", None)),
                fields=("business", "wa_id"),
                name="second_number_of_one_contact",
            ),
        ),
    ]
