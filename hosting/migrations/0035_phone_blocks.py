"""A simulated phone blocks a number, and lets the next message to it fail."""

import django.db.models.deletion
from django.db import migrations, models

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0012_keys_of_numbers"),
        ("hosting", "0034_keys_of_numbers"),
    ]

    operations = [
        migrations.CreateModel(
            name="HandsetBlock",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "begun_after",
                    models.BigIntegerField(
                        help_text="The business's newest message when it began."
                    ),
                ),
                (
                    "ended_after",
                    models.BigIntegerField(
                        blank=True,
                        help_text="The business's newest message when it ended.",
                        null=True,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="handset",
            name="fails_with",
            field=models.PositiveIntegerField(
                blank=True, help_text="The next message to it fails with this code.", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="handset",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("fails_with", None),
                    (
                        "fails_with__in",
                        [130472, 131000, 131026, 131042, 131047, 131048, 131049, 131050, 131053],
                    ),
                    _connector="OR",
                ),
                name="handset_fails_with_known",
            ),
        ),
        migrations.AddField(
            model_name="handsetblock",
            name="business",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.business",
            ),
        ),
        migrations.AddField(
            model_name="handsetblock",
            name="handset",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="blocks",
                to="hosting.handset",
            ),
        ),
        migrations.AddField(
            model_name="handsetblock",
            name="number",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="hosting.number",
            ),
        ),
        migrations.AddIndex(
            model_name="handsetblock",
            index=models.Index(fields=["handset", "number"], name="handset_block_of"),
        ),
        migrations.AddConstraint(
            model_name="handsetblock",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_after", None)),
                fields=("handset", "number"),
                name="handset_block_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="handsetblock",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_after", None),
                    ("ended_after__gte", models.F("begun_after")),
                    _connector="OR",
                ),
                name="handset_block_ends_later",
            ),
        ),
        row_level_security("hosting_handsetblock"),
        run_file("hosting", "handset_block_rules"),
    ]
