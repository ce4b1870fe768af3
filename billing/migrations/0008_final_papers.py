"""Row-level security for the new papers, what stays as issued, and the tax rates to begin with."""

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import migrations

from core.sql import run_file
from core.tenancy import row_level_security

DATA = Path(__file__).resolve().parent.parent / "data" / "tax_rates.csv"


def add_tax_rates(apps: Any, schema_editor: Any) -> None:
    TaxRate = apps.get_model("billing", "TaxRate")
    with DATA.open(encoding="utf-8", newline="") as file:
        TaxRate.objects.using(schema_editor.connection.alias).bulk_create(
            TaxRate(
                country=row["country"],
                percent=Decimal(row["percent"]),
                valid_from=date.fromisoformat(row["valid_from"]),
                valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
            )
            for row in csv.DictReader(file)
        )


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_invoices_in_full")]
    operations = [
        row_level_security(
            "billing_billingdetails",
            "billing_discount",
            "billing_creditnote",
            "billing_creditnoteline",
            "billing_payment",
            "billing_refund",
            "billing_dunningstep",
            "billing_document",
            "billing_email",
            "billing_export",
        ),
        run_file("billing", "final_papers"),
        migrations.RunPython(add_tax_rates, migrations.RunPython.noop),
    ]
