"""What Django's models cannot say, and the first rows: markets, calling codes, the standard card, rules of tax, a seller."""

import csv
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import migrations

from billing.invoices import tax_data
from core.schema import schema_files

DATA = Path(__file__).resolve().parent.parent / "data"
FLOOR_MICROS, CEILING_MICROS = 5_000, 90_000


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def add_markets(apps: Any, schema_editor: Any) -> None:
    """Insert markets and calling codes."""
    db = schema_editor.connection.alias
    Market, CallingCode = (
        apps.get_model("billing", "Market"),
        apps.get_model("billing", "CallingCode"),
    )
    codes = list(_rows("calling_codes.csv"))
    names = {row["market"] for row in codes} | {
        row["market"] for row in _rows("parley_standard_usd.csv")
    }
    Market.objects.using(db).bulk_create(Market(name=name) for name in sorted(names))
    CallingCode.objects.using(db).bulk_create(
        CallingCode(
            prefix=row["prefix"],
            country=row["country"],
            market_id=row["market"],
            valid_from=_day(row["valid_from"]),
            valid_to=_day(row["valid_to"]),
        )
        for row in codes
    )


def add_card(apps: Any, schema_editor: Any) -> None:
    """Insert the card that businesses without one of their own follow."""
    db = schema_editor.connection.alias
    RateCard, CardVersion = (
        apps.get_model("billing", "RateCard"),
        apps.get_model("billing", "CardVersion"),
    )
    card = RateCard.objects.using(db).create(
        name="Parley standard",
        currency="USD",
        floor_micros=FLOOR_MICROS,
        ceiling_micros=CEILING_MICROS,
    )
    version = CardVersion.objects.using(db).create(
        card=card, state="draft", valid_from=date(2025, 1, 1)
    )
    _add_tiers(apps, db, version)
    # Its tiers can no longer be changed from here on.
    version.state = "scheduled"
    version.save(using=db, update_fields=["state"])
    apps.get_model("billing", "DefaultCard").objects.using(db).create(
        currency="USD", card=card, valid_from=version.valid_from
    )


def _add_tiers(apps: Any, db: str, version: Any) -> None:
    Rate, Tier = apps.get_model("billing", "Rate"), apps.get_model("billing", "Tier")
    rows = list(_rows("parley_standard_usd.csv"))
    keys = dict.fromkeys((row["market"], row["category"]) for row in rows)
    rates = Rate.objects.using(db).bulk_create(
        Rate(version=version, market_id=market, category=category) for market, category in keys
    )
    by_key = {(rate.market_id, rate.category): rate for rate in rates}
    Tier.objects.using(db).bulk_create(
        Tier(
            rate=by_key[row["market"], row["category"]],
            first=int(row["first"]),
            last=int(row["last"]) if row["last"] else None,
            price_micros=int(Decimal(row["price"]) * 1_000_000),
        )
        for row in rows
    )


def add_tax_rules(apps: Any, schema_editor: Any) -> None:
    """Insert the rules of tax to begin with; operators keep them."""
    tax_data.load(
        lambda name: apps.get_model("billing", name).objects.using(schema_editor.connection.alias)
    )


def add_seller(apps: Any, schema_editor: Any) -> None:
    """Insert a seller; nothing is issued until operators put their company's address in."""
    apps.get_model("billing", "Seller").objects.using(schema_editor.connection.alias).create(
        name="Parley",
        number_prefix="PARLEY",
    )


def add_ledger_accounts(apps: Any, schema_editor: Any) -> None:
    """Insert accounts of the journal to begin with; operators keep them."""
    LedgerAccount = apps.get_model("billing", "LedgerAccount")
    LedgerAccount.objects.using(schema_editor.connection.alias).bulk_create(
        LedgerAccount(**row) for row in _rows("ledger_accounts.csv")
    )


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial"), ("hosting", "0002_schema")]
    operations = [
        schema_files("core", "tenant_tables"),
        schema_files(
            "billing",
            "append_only",
            "no_overlaps",
            "card_rules",
            "choice_rules",
            "discount_rules",
            "pricing_amounts",
            "pricing_rules",
            "periods",
            "currencies",
            "commitment_rules",
            "issued_documents",
            "allocations",
            "journal",
            "notify_deliveries",
            "send_checks",
        ),
        migrations.RunPython(add_markets),
        migrations.RunPython(add_card),
        migrations.RunPython(add_seller),
        migrations.RunPython(add_tax_rules),
        migrations.RunPython(add_ledger_accounts),
    ]
