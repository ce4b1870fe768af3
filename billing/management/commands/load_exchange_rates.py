"""`manage.py load_exchange_rates FILE`: store exchange rates from a file of the central bank."""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.invoices import tax_data
from billing.models import ExchangeRate
from core.errors import BadInput
from core.tenancy import system


class Command(BaseCommand):
    """Stores rates of days that are not there; a rate that is there stays."""

    help = "Store exchange rates from the CSV of the European Central Bank (eurofxref-hist.csv)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file to read."""
        parser.add_argument("file", type=Path, help="such as eurofxref-hist.csv")

    def handle(self, *args: Any, **options: Any) -> None:
        """Store the rates and print how many are new."""
        try:
            with options["file"].open(encoding="utf-8-sig", newline="") as file:
                found = [
                    ExchangeRate(day=day, currency=currency, per_euro=rate)
                    for day, currency, rate in tax_data.exchange_rates(file)
                ]
        except (OSError, UnicodeDecodeError, csv.Error, BadInput) as error:
            raise CommandError(str(error)) from None
        with system("exchange rates are of no business"):
            before = ExchangeRate.objects.count()
            ExchangeRate.objects.bulk_create(found, ignore_conflicts=True, batch_size=5_000)
            added = ExchangeRate.objects.count() - before
        self.stdout.write(f"{options['file'].name}: {added:,} new rates")
