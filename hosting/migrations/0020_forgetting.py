"""What must go: customers to be forgotten, how long a number keeps messages; and an own name for a contact."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.fields.json
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from core.tenancy import row_level_security


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_membership_rules"),
        ("hosting", "0019_history_tenancy"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "contact_id",
                    models.BigIntegerField(blank=True, help_text="Until it is done.", null=True),
                ),
                (
                    "digests",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64),
                        help_text="Keyed hashes of all its numbers and user ids.",
                        size=None,
                    ),
                ),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("done_at", models.DateTimeField(blank=True, null=True)),
                ("messages", models.PositiveBigIntegerField(default=0, help_text="How many went.")),
            ],
        ),
        migrations.CreateModel(
            name="Retention",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "days",
                    models.PositiveIntegerField(
                        blank=True, help_text="In force; empty: all is kept.", null=True
                    ),
                ),
                (
                    "next_days",
                    models.PositiveIntegerField(
                        blank=True, help_text="Announced, from `starts_at` on.", null=True
                    ),
                ),
                ("announced_at", models.DateTimeField(blank=True, null=True)),
                ("starts_at", models.DateTimeField(blank=True, null=True)),
                ("last_run_at", models.DateTimeField(blank=True, null=True)),
                (
                    "last_messages",
                    models.PositiveBigIntegerField(default=0, help_text="Deleted by the last run."),
                ),
                (
                    "messages",
                    models.PositiveBigIntegerField(default=0, help_text="Deleted in all."),
                ),
            ],
            options={
                "verbose_name_plural": "retention",
            },
        ),
        migrations.AddField(
            model_name="contact",
            name="alias",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="What the business calls them; shown in its place.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="contact",
            name="held_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Legal hold: nothing of this customer is deleted while it is set.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="number",
            name="days_kept",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="How long messages are kept, where shorter than the plan says.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="number",
            name="held_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Legal hold: nothing of this number is deleted while it is set.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="contact",
            name="name",
            field=models.CharField(
                blank=True, help_text="What the customer calls themselves.", max_length=200
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                models.F("business"),
                django.db.models.fields.json.KeyTextTransform("id", "content"),
                condition=models.Q(
                    ("kind__in", ["image", "audio", "video", "document", "sticker"])
                ),
                name="message_media",
            ),
        ),
        migrations.AddField(
            model_name="erasure",
            name="business",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.business",
            ),
        ),
        migrations.AddField(
            model_name="retention",
            name="business",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.business",
            ),
        ),
        migrations.AddField(
            model_name="retention",
            name="number",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="retention",
                to="hosting.number",
            ),
        ),
        migrations.AddConstraint(
            model_name="erasure",
            constraint=models.UniqueConstraint(fields=("contact_id",), name="contact_erased_once"),
        ),
        migrations.AddConstraint(
            model_name="erasure",
            constraint=models.CheckConstraint(
                condition=models.Q(("contact_id", None), ("done_at", None), _connector="OR"),
                name="erasure_done_names_nobody",
            ),
        ),
        migrations.AddConstraint(
            model_name="retention",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("next_days", None), ("starts_at", None)),
                    models.Q(("next_days__isnull", False), ("starts_at__isnull", False)),
                    _connector="OR",
                ),
                name="shorter_keeping_has_a_start",
            ),
        ),
        row_level_security("hosting_erasure", "hosting_retention"),
    ]
