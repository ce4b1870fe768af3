"""`manage.py export_card`: write a rate card as CSV, in our layout or in Meta's two."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.management.months import month_of
from billing.models import RateCard
from billing.rate_cards import csv_export, versions
from core.tenancy import system

WRITERS = {
    "own": csv_export.write_own,
    "rates": csv_export.write_rates,
    "tiers": csv_export.write_tiers,
}


class Command(BaseCommand):
    """Writes to standard output."""

    help = "Export the version of a rate card that holds in a month."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Card, month, layout."""
        parser.add_argument("--card", required=True, help="name of the rate card")
        parser.add_argument("--month", type=month_of, help="YYYY-MM (default: this one)")
        parser.add_argument("--layout", choices=sorted(WRITERS), default="own")

    def handle(self, *args: Any, **options: Any) -> None:
        """Find the version and write it."""
        with system("rate cards belong to no business"):
            card = RateCard.objects.filter(name=options["card"]).first()
            month = options["month"] or timezone.now().date().replace(day=1)
            version = versions.version_on(card, month) if card else None
            if version is None:
                raise CommandError(
                    f"No version of a card named '{options['card']}' holds in {month:%Y-%m}."
                )
            self.stdout.write(WRITERS[options["layout"]](versions.sheet_of(version)), ending="")
