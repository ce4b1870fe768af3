"""Rules of tax are edited by operators, dated and audited, and loaded by commands."""

from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from billing.invoices import treatments
from billing.invoices.tax_rules import NoTaxRule, rules_on
from billing.models import ExchangeRate, Seller, TaxRate
from core.tenancy import system

pytestmark = pytest.mark.django_db
ECB = """Date, USD, JPY, BGN, ISK,
2026-05-29, 1.1234, 163.50, N/A, 142.10,
2026-05-28, 1.1200, 163.10, N/A, 142.00,
"""


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ops@example.com"))
    return client


def rates(place: str) -> list[tuple[Any, ...]]:
    with system("test"):
        rows = TaxRate.objects.filter(place=place)
        return list(rows.values_list("percent", "valid_from", "valid_to"))


def audited() -> list[tuple[str, str]]:
    with system("test"):
        return list(AuditEntry.objects.order_by("id").values_list("action", "subject"))


def add(operator: Client, model: str, **values: Any) -> int:
    return operator.post(reverse(f"admin:billing_{model}_add"), values).status_code


def test_a_new_rate_begins_on_its_day_and_ends_the_old_one(operator: Client) -> None:
    given = {"place": "DE", "percent": "20", "valid_from": "2027-01-01", "source": "§ 12 UStG"}
    assert add(operator, "taxrate", **given) == 302
    assert rates("DE") == [
        (Decimal(19), date(2025, 1, 1), date(2027, 1, 1)),
        (Decimal(20), date(2027, 1, 1), None),
    ]
    assert audited() == [("taxrate.ended", "DE 19 %"), ("taxrate.added", "DE 20 %")]
    with system("test"):
        assert rules_on(date(2026, 12, 31)).rate("DE") == 19
        assert rules_on(date(2027, 1, 1)).rate("DE") == 20


@pytest.mark.parametrize(
    "wrong",
    [
        {"place": "Germany"},
        {"percent": "101"},
        {"percent": "-1"},
        {"valid_from": "soon"},
        {"valid_from": "2025-01-01"},
        # Before the rate that holds, without an end.
        {"valid_from": "2024-01-01"},
        {"valid_to": "2026-01-01"},
    ],
)
def test_a_wrong_rate_is_refused_and_ends_nothing(operator: Client, wrong: dict[str, str]) -> None:
    given = {"place": "DE", "percent": "20", "valid_from": "2027-01-01"} | wrong
    add(operator, "taxrate", **given)
    assert rates("DE") == [(Decimal(19), date(2025, 1, 1), None)]
    assert audited() == []


def test_a_law_and_a_registration_are_added(operator: Client) -> None:
    law = {
        "country": "JP",
        "scheme": "vat",
        "tax_name": "JCT",
        "id_name": "T",
        "currency": "JPY",
        "abroad": "zero",
        "valid_from": "2026-01-01",
    }
    assert add(operator, "taxcountry", **law) == 302
    with system("test"):
        seller = Seller.objects.get()
        assert rules_on(date(2026, 1, 1)).law("JP").tax_name == "JCT"
        with pytest.raises(NoTaxRule):
            rules_on(date(2025, 12, 31)).law("JP")
    page = operator.get(reverse("admin:billing_seller_change", args=[seller.pk]))
    form = {name: value for name, value in page.context["adminform"].form.initial.items() if value}
    inline = {
        "registrations-TOTAL_FORMS": "1",
        "registrations-INITIAL_FORMS": "0",
        "registrations-0-place": "US-NY",
        "registrations-0-number": "NY 1",
        "registrations-0-valid_from": "2026-01-01",
    }
    answer = operator.post(
        reverse("admin:billing_seller_change", args=[seller.pk]), form | inline | {"city": "Bray"}
    )
    assert answer.status_code == 302, answer.context["errors"]
    with system("test"):
        assert [str(one) for one in Seller.objects.get().registrations.all()] == ["US-NY NY 1"]
    assert [action for action, _ in audited()] == [
        "taxcountry.added",
        "seller.changed",
        "taxregistration.added",
    ]


def test_exchange_rates_are_loaded_once_from_the_file_of_the_bank(tmp_path: Path) -> None:
    file, out = tmp_path / "eurofxref-hist.csv", StringIO()
    file.write_text(ECB)
    for _time in range(2):
        call_command("load_exchange_rates", str(file), stdout=out)
    assert out.getvalue().split("\n")[:2] == [
        "eurofxref-hist.csv: 6 new rates",
        "eurofxref-hist.csv: 0 new rates",
    ]
    # 31 May 2026 is a Sunday: the rate of the Friday before counts.
    with system("test"):
        day = date(2026, 5, 31)
        assert treatments.exchange_rate("USD", "EUR", day) == Decimal("0.890155")
        assert treatments.exchange_rate("EUR", "ISK", day) == Decimal("142.1")
        assert treatments.exchange_rate("USD", "JPY", day) == Decimal("145.540324")
        with pytest.raises(NoTaxRule, match="EUR and BGN"):
            treatments.exchange_rate("BGN", "EUR", day)
        with pytest.raises(NoTaxRule, match="EUR and USD for 2026-06-05"):
            treatments.exchange_rate("USD", "EUR", date(2026, 6, 5))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("Date,USD\n29.05.2026,1.1\n", "Line 2, Date"),
        ("Date,USD\n2026-05-29,1.1\n2026-05-28,x\n", "Line 3, USD: 'x' is no rate"),
        ("Date,USD\n2026-05-29,0\n", "Line 2, USD"),
        ("Date,USD\n2026-05-29,NaN\n", "Line 2, USD"),
        ("Day,USD\n2026-05-29,1.1\n", "Line 2, Date"),
    ],
)
def test_a_wrong_file_of_rates_is_refused_and_nothing_is_stored(
    tmp_path: Path, wrong: str, words: str
) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(wrong)
    with pytest.raises(CommandError, match=words):
        call_command("load_exchange_rates", str(file))
    with system("test"):
        assert not ExchangeRate.objects.exists()


def test_rules_are_loaded_by_a_command_and_recorded() -> None:
    with system("test"):
        TaxRate.objects.filter(place="FR").delete()
    out = StringIO()
    call_command("load_tax_rules", stdout=out)
    assert "TaxRate: 1 new" in out.getvalue()
    assert [percent for percent, *_ in rates("FR")] == [20]
    call_command("load_tax_rules", stdout=out)
    assert [action for action, _ in audited()] == ["tax_rules.loaded"]
