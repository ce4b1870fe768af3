"""`manage.py load_tax_rules`: insert the rules of tax that are not in the database."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.audit import record
from billing import models
from billing.invoices import tax_data
from core.tenancy import system


class Command(BaseCommand):
    """Inserts what is missing; what operators have changed stays."""

    help = "Insert the rules of tax of billing/data that are not in the database yet."

    def handle(self, *args: Any, **options: Any) -> None:
        """Insert and print how many of each kind are new."""
        with system("rules of tax are of no business"):
            added = tax_data.load(lambda name: getattr(models, name).objects)
            if any(added.values()):
                record.record(action="tax_rules.loaded", subject="billing/data", after=added)
        for name, count in added.items():
            self.stdout.write(f"{name}: {count} new")
