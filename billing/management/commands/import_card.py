"""`manage.py import_card`: read a rate card from CSV, show its changes and costs, and schedule
it.
"""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.invoices.close import next_month
from billing.management.months import month_of
from billing.models import CardVersion, Market, RateCard
from billing.rate_cards import csv_files, versions
from billing.rate_cards.versions import CardError, Sheet
from core import money
from core.tenancy import system


class Command(BaseCommand):
    """Shows a preview by default; `--schedule` schedules the card from the given month."""

    help = "Import a rate card from CSV: our own layout, or Meta's rate and tier sheets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Files, card, month."""
        parser.add_argument("files", nargs="+", type=Path)
        parser.add_argument("--card", required=True, help="name of the rate card")
        parser.add_argument(
            "--from",
            dest="month",
            type=month_of,
            help="first month, YYYY-MM (default: the next one)",
        )
        parser.add_argument(
            "--free-messages", type=int, default=0, help="free for each number and month"
        )
        parser.add_argument(
            "--free-entry-hours", type=int, default=72, help="length of the free-entry window"
        )
        parser.add_argument(
            "--service-free", action="store_true", help="service is free in the 24-hour window"
        )
        parser.add_argument(
            "--utility-free", action="store_true", help="utility is free in the 24-hour window"
        )
        parser.add_argument(
            "--reactions-charged",
            action="store_true",
            help="reactions are priced like other messages",
        )
        parser.add_argument(
            "--failed-charged", action="store_true", help="failed messages are charged"
        )
        parser.add_argument(
            "--reported-prices",
            action="store_true",
            help="marketing costs what the network reports, at most these prices",
        )
        parser.add_argument("--schedule", action="store_true", help="do it; else only show")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read the files, show the changes, schedule the version."""
        today = timezone.now().date()
        month = options["month"] or next_month(today)
        sheet = self._read(options["files"])
        with system("rate cards belong to no business"):
            card = RateCard.objects.filter(name=options["card"]).first()
            if card is None:
                raise CommandError(f"There is no rate card named '{options['card']}'.")
            in_force = versions.version_on(card, month)
            before = versions.sheet_of(in_force) if in_force else Sheet(card.currency)
        for change in versions.diff(before, sheet):
            self.stdout.write(str(change))
        try:
            version = versions.make_draft(
                card=card, sheet=sheet, valid_from=month, **_rules(options)
            )
            self._show_cost(version, _month_before(today))
            if options["schedule"]:
                versions.schedule(version, today=today)
                self.stdout.write(self.style.SUCCESS(f"{version} is scheduled."))
            else:
                versions.withdraw(version)
                self.stdout.write("Nothing was changed. Add --schedule to make it hold.")
        except CardError as error:
            raise CommandError(error.message) from error

    def _read(self, files: list[Path]) -> Sheet:
        try:
            texts = [(path.name, path.read_text(encoding="utf-8-sig")) for path in files]
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"Cannot read the file: {error}") from error
        sheet = csv_files.read(*texts, markets=Market.objects.values_list("name", flat=True))
        for problem in sheet.problems:
            self.stderr.write(str(problem))
        if sheet.problems:
            raise CommandError(f"{len(sheet.problems)} problems; nothing was changed.")
        return sheet

    def _show_cost(self, version: CardVersion, month: date) -> None:
        rows, currency = versions.rerate(version, month), version.card.currency
        was, would = (
            sum(row.charged_micros for row in rows),
            sum(row.would_be_micros for row in rows),
        )
        self.stdout.write(
            f"{month:%Y-%m}, {sum(row.messages for row in rows):,} messages of {len(rows):,} "
            "businesses: "
            f"{money.show_micros(was, currency)} as charged, "
            f"{money.show_micros(would, currency)} under this card."
        )


def _rules(options: dict[str, Any]) -> dict[str, Any]:
    return {
        "free_messages": max(options["free_messages"], 0),
        "free_entry_hours": max(options["free_entry_hours"], 0),
        "service_free_in_window": options["service_free"],
        "utility_free_in_window": options["utility_free"],
        "reactions_free": not options["reactions_charged"],
        "failed_charged": options["failed_charged"],
        "reported_prices": options["reported_prices"],
    }


def _month_before(day: date) -> date:
    first = day.replace(day=1)
    return (
        (first.replace(year=first.year - 1, month=12))
        if first.month == 1
        else first.replace(month=first.month - 1)
    )
