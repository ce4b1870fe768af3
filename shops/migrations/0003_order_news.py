"""News of orders, the language of a shop, and answers to a shop's questions that wait like orders."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_redact_audit"),
        ("shops", "0002_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="catalog",
            name="language",
            field=models.CharField(
                choices=[("en", "English"), ("de", "Deutsch")],
                default="en",
                help_text="In which the shop writes to its buyers.",
                max_length=7,
            ),
        ),
        migrations.CreateModel(
            name="OrderNews",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("placed", "Placed"),
                            ("confirmed", "Confirmed"),
                            ("paid", "Paid"),
                            ("packed", "Packed"),
                            ("shipped", "Shipped"),
                            ("delivered", "Delivered"),
                            ("cancelled", "Cancelled"),
                            ("expired", "Expired"),
                            ("refunded", "Refunded"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "amount_minor",
                    models.BigIntegerField(
                        blank=True, help_text="Of a payment or refund.", null=True
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                    ),
                ),
                ("told_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveSmallIntegerField(db_default=0, default=0)),
                (
                    "not_before",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                    ),
                ),
                ("last_error", models.TextField(blank=True, db_default="")),
                (
                    "business",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.business",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="news",
                        to="shops.order",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("attempts__lt", 5), ("told_at", None)),
                        fields=["not_before"],
                        name="order_news_due",
                    ),
                    models.Index(
                        condition=models.Q(("told_at", None)),
                        fields=["order"],
                        name="order_news_open",
                    ),
                ],
            },
        ),
        row_level_security("shops_ordernews"),
        run_file("shops", "note_orders"),
        run_file("shops", "queue_replies"),
    ]
