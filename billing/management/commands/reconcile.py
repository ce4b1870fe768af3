"""`manage.py reconcile [--month YYYY-MM]`: recount the books and print every difference."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from billing.management.months import month_of
from billing.metering import reconciliation


class Command(BaseCommand):
    """Exits with status 1 where anything differs."""

    help = "Recount messages, ledger, tallies, rollup and invoices; every difference by id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One month, or all."""
        parser.add_argument("--month", type=month_of, help="YYYY-MM (default: all)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Recount and print."""
        differences = reconciliation.reconcile(options["month"])
        for check, promise in reconciliation.CHECKS.items():
            found = [difference for difference in differences if difference.check == check]
            self.stdout.write(f"{'differs' if found else 'agrees'}: {promise}")
            for difference in found:
                self.stdout.write(f"  {difference}")
        if differences:
            self.stderr.write(self.style.ERROR(f"{len(differences)} differences"))
            sys.exit(1)
