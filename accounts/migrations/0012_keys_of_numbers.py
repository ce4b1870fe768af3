"""An API key can be limited to some numbers."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_requires_mfa")]
    operations = [
        migrations.AddField(
            model_name="apikey",
            name="number_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                blank=True,
                help_text="Ids of the numbers it is limited to; none: all numbers.",
                null=True,
                size=None,
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("number_ids", None), ("number_ids__len__gt", 0), _connector="OR"
                ),
                name="limited_key_has_numbers",
            ),
        ),
    ]
