"""`manage.py close_period --month YYYY-MM`: close a month and issue its invoices."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Business
from billing.invoices import close, draft
from billing.management.months import month_of
from core import money
from core.tenancy import system


class Command(BaseCommand):
    """Closes a month that the nightly task would close."""

    help = "Close a month and issue its invoices. Closing twice changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Month, and optionally one business."""
        parser.add_argument("--month", type=month_of, required=True, help="YYYY-MM")
        parser.add_argument("--business", type=int, help="id of one business (default: all)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Close the month and print what was issued."""
        month = options["month"]
        with system("operators close for every business"):
            draft.open_months()
            businesses = Business.objects.order_by("id")
            if options["business"]:
                businesses = businesses.filter(pk=options["business"])
            found = list(businesses)
        if not found:
            raise CommandError(f"There is no business {options['business']}.")
        for business in found:
            self._close(business, month)

    def _close(self, business: Business, month: date) -> None:
        with system("operators close for every business"):
            if draft.ends_at(business, month) > business.now():
                raise CommandError(f"{month:%Y-%m} is not over yet for {business}.")
        invoice = close.close_period(business=business, month=month)
        if invoice is None:
            self.stdout.write(f"{business}: nothing to issue for {month:%Y-%m}")
        else:
            total = money.show_minor(invoice.total_minor, invoice.currency)
            self.stdout.write(f"{business}: {invoice.number}, {total}")
