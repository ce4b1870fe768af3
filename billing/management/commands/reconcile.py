"""`manage.py reconcile [--month YYYY-MM]`: recount the books and name every difference."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from billing.management.months import month_of
from billing.metering import reconciliation


class Command(BaseCommand):
    """Ends with status 1 where anything differs."""

    help = "Recount messages, ledger, tallies, rollup and invoices independently; every difference by id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One month, or all."""
        parser.add_argument("--month", type=month_of, help="YYYY-MM (default: all)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Recount, print."""
        differences = reconciliation.reconcile(options["month"])
        for check, promise in reconciliation.CHECKS.items():
            found = [difference for difference in differences if difference.check == check]
            self.stdout.write(f"{'differs' if found else 'agrees'}: {promise}")
            for difference in found:
                self.stdout.write(f"  {difference}")
        if differences:
            self.stderr.write(self.style.ERROR(f"{len(differences)} differences"))
            sys.exit(1)
