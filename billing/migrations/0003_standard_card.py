"""The markets, the calling codes and the built-in rate card, from the files in billing/data."""

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import migrations

from core.sql import run_file

DATA = Path(__file__).resolve().parent.parent / "data"
FLOOR, CEILING = 5_000, 90_000


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def add_markets(apps: Any, schema_editor: Any) -> None:
    db = schema_editor.connection.alias
    Market, CallingCode = (
        apps.get_model("billing", "Market"),
        apps.get_model("billing", "CallingCode"),
    )
    codes = _rows("calling_codes.csv")
    names = {row["market"] for row in codes} | {
        row["market"] for row in _rows("parley_standard_usd.csv")
    }
    Market.objects.using(db).bulk_create(Market(name=name) for name in sorted(names))
    CallingCode.objects.using(db).bulk_create(
        CallingCode(
            prefix=row["prefix"], country=row["country"], market_id=row["market"],
            valid_from=_day(row["valid_from"]), valid_to=_day(row["valid_to"]),
        )
        for row in codes
    )  # fmt: skip


def add_card(apps: Any, schema_editor: Any) -> None:
    db = schema_editor.connection.alias
    RateCard, CardVersion = (
        apps.get_model("billing", "RateCard"),
        apps.get_model("billing", "CardVersion"),
    )
    Rate, Tier = apps.get_model("billing", "Rate"), apps.get_model("billing", "Tier")
    card = RateCard.objects.using(db).create(
        name="Parley standard",
        currency="USD",
        floor_micros=FLOOR,
        ceiling_micros=CEILING,
        is_default=True,
    )
    version = CardVersion.objects.using(db).create(
        card=card, state="draft", valid_from=date(2025, 1, 1)
    )
    rows = _rows("parley_standard_usd.csv")
    keys = dict.fromkeys((row["market"], row["category"]) for row in rows)
    rates = Rate.objects.using(db).bulk_create(
        Rate(version=version, market_id=market, category=category) for market, category in keys
    )
    by_key = {(rate.market_id, rate.category): rate for rate in rates}
    Tier.objects.using(db).bulk_create(
        Tier(
            rate=by_key[row["market"], row["category"]], first=int(row["first"]),
            last=int(row["last"]) if row["last"] else None, price_micros=int(Decimal(row["price"]) * 1_000_000),
        )
        for row in rows
    )  # fmt: skip
    version.state = "scheduled"
    version.save(using=db, update_fields=["state"])


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_tenancy")]
    operations = [
        run_file("billing", "card_rules"),
        migrations.RunSQL(
            # Digits without a leading zero are one number each, so a range type can compare them.
            """ALTER TABLE billing_callingcode ADD CONSTRAINT calling_codes_do_not_overlap
               EXCLUDE USING gist (int8range(prefix::bigint, prefix::bigint, '[]') WITH &&,
                                   daterange(valid_from, valid_to) WITH &&)""",
            reverse_sql="ALTER TABLE billing_callingcode DROP CONSTRAINT calling_codes_do_not_overlap",
        ),
        migrations.RunPython(add_markets, migrations.RunPython.noop),
        migrations.RunPython(add_card, migrations.RunPython.noop),
    ]
