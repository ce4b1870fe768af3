"""Days that locked messages are kept, plans to come, and from when on each plan held."""

import django.db.models.deletion
from django.db import migrations, models

from core.sql import run_file
from core.tenancy import row_level_security


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_redact_audit"),
    ]

    operations = [
        migrations.CreateModel(
            name="PlanTerm",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("started_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="business",
            name="next_plan",
            field=models.ForeignKey(
                blank=True,
                help_text="From the next month on.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.plan",
            ),
        ),
        migrations.AddField(
            model_name="business",
            name="next_plan_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="plan",
            name="grace_days",
            field=models.PositiveIntegerField(
                db_default=30,
                default=30,
                help_text="Days that inbound messages over the limit are kept, locked.",
            ),
        ),
        migrations.AddIndex(
            model_name="business",
            index=models.Index(
                condition=models.Q(("next_plan_at__isnull", False)),
                fields=["next_plan_at"],
                name="plan_change_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="business",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("next_plan", None), ("next_plan_at", None)),
                    models.Q(("next_plan__isnull", False), ("next_plan_at__isnull", False)),
                    _connector="OR",
                ),
                name="next_plan_has_a_start",
            ),
        ),
        migrations.AddField(
            model_name="planterm",
            name="business",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="plan_terms",
                to="accounts.business",
            ),
        ),
        migrations.AddField(
            model_name="planterm",
            name="plan",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.plan"
            ),
        ),
        migrations.AddIndex(
            model_name="planterm",
            index=models.Index(fields=["business", "id"], name="terms_of_business"),
        ),
        row_level_security("accounts_planterm"),
        run_file("accounts", "plan_terms"),
    ]
