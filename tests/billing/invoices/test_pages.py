"""Pages of usage, price explanations, invoices and their files."""

import csv
from datetime import UTC, date, datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.formats import date_format

from accounts.models import Business
from billing.invoices import close
from billing.metering import meter
from billing.models import Invoice
from core.tenancy import system
from tests.factories import make_business, make_client, make_deliveries, make_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make_business(name="Bakery", clock_at=datetime(2026, 6, 15, tzinfo=UTC))


@pytest.fixture
def client(business: Business) -> Client:
    return as_member(business, "finance")


def as_member(business: Business, role: str) -> Client:
    return make_client(business, role)


@pytest.fixture
def invoice(business: Business) -> Invoice:
    make_deliveries(business, make_number(business), 3, at=datetime(2026, 5, 10, 12, tzinfo=UTC))
    meter.meter_due()
    issued = close.close_period(business=business, month=date(2026, 5, 1))
    assert issued is not None
    return issued


def test_usage_shows_the_month_asked_for(client: Client, business: Business) -> None:
    number = make_number(business)
    make_deliveries(business, number, 3, at=datetime(2026, 6, 10, 12, tzinfo=UTC))
    make_deliveries(business, number, 2, at=datetime(2026, 5, 10, 12, tzinfo=UTC))
    meter.meter_due()
    june = client.get(reverse("usage"))
    assert (june.context["usage"].month, june.context["usage"].messages) == (date(2026, 6, 1), 3)
    assert june.context["before"] == 2 * june.context["usage"].amount_micros // 3
    may = client.get(reverse("usage"), {"month": "2026-05"})
    assert (may.context["usage"].month, may.context["usage"].messages) == (date(2026, 5, 1), 2)


@pytest.mark.parametrize("month", ["x", "2026-13", "2026-5", "0000-00", "2026-05-01"])
def test_a_month_that_is_none_shows_the_present_one(client: Client, month: str) -> None:
    response = client.get(reverse("usage"), {"month": month})
    assert response.status_code == 200
    assert response.context["usage"].month == date(2026, 6, 1)


def test_an_empty_month_says_what_will_appear(client: Client) -> None:
    assert "No delivered messages this month" in client.get(reverse("usage")).content.decode()
    assert "No invoices here yet" in client.get(reverse("invoices")).content.decode()


def test_a_price_is_explained_to_its_business_only(client: Client, business: Business) -> None:
    [message_id] = make_deliveries(
        business, make_number(business), 1, at=datetime(2026, 6, 10, 12, tzinfo=UTC)
    )
    address = reverse("charge", args=[message_id])
    assert client.get(address).status_code == 404
    meter.meter_due()
    page = client.get(address)
    assert page.status_code == 200
    assert page.context["tier_number"] == 1
    assert page.context["code"].market_id == "North America"
    assert "Message 1 of the month" in page.content.decode()
    assert as_member(make_business(name="Other"), "owner").get(address).status_code == 404
    assert client.get(reverse("charge", args=[10**25])).status_code == 404


def test_an_invoice_leads_from_its_total_to_the_message(client: Client, invoice: Invoice) -> None:
    assert str(invoice.number) in client.get(reverse("invoices")).content.decode()
    page = client.get(reverse("invoice", args=[invoice.number]))
    groups = page.context["groups"]
    assert [(group.title, group.quantity) for group in groups] == [
        ("Hosting fee", None),
        ("Utility messages", 3),
    ]
    messages = groups[1]
    assert messages.amount_micros == sum(line.amount_micros for line in messages.lines)
    [line] = messages.lines
    behind = client.get(reverse("invoice_line", args=[invoice.number, line.position]))
    assert len(behind.context["rows"]) == line.quantity == 3
    assert sum(row["price_micros"] for row in behind.context["rows"]) == line.amount_micros
    assert client.get(reverse("invoice_line", args=[invoice.number, 99])).status_code == 404


def test_an_invoice_downloads_as_pdf_and_csv(client: Client, invoice: Invoice) -> None:
    pdf = client.get(reverse("invoice_download", args=[invoice.number, "pdf"]))
    assert pdf.content.startswith(b"%PDF-")
    assert pdf.headers["Content-Type"] == "application/pdf"
    lines = client.get(reverse("invoice_download", args=[invoice.number, "lines"]))
    with system("test"):
        assert len(lines.content.decode("utf-8-sig").splitlines()) == 1 + invoice.lines.count()
    messages = client.get(reverse("invoice_download", args=[invoice.number, "messages"]))
    assert len(messages.getvalue().decode("utf-8-sig").splitlines()) == 4
    assert client.get(reverse("invoice_download", args=[invoice.number, "exe"])).status_code == 404


def test_an_invoice_is_for_its_business_and_for_those_who_do_the_money(
    business: Business, invoice: Invoice
) -> None:
    stranger = as_member(make_business(name="Other"), "owner")
    agent = as_member(business, "agent")
    for address in (
        reverse("invoice", args=[invoice.number]),
        reverse("invoice_line", args=[invoice.number, 1]),
        reverse("invoice_download", args=[invoice.number, "pdf"]),
    ):
        assert stranger.get(address).status_code == 404
        assert agent.get(address).status_code == 403


def _table(client: Client, address: str) -> list[list[str]]:
    answer = client.get(address)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(answer.content.decode("utf-8-sig").splitlines()))


def test_tables_of_usage_invoices_rates_and_this_month_download_as_csv(
    client: Client, business: Business, invoice: Invoice
) -> None:
    header, row = _table(client, reverse("usage") + "?month=2026-05&csv=1")
    assert header == ["month", "market", "category", "messages", "amount", "currency"]
    with system("test"):
        _fee, line = invoice.lines.all()
    exact = f"{line.amount_micros / 1_000_000:.6f}".rstrip("0")
    assert row == ["2026-05", line.market, "utility", "3", exact, "USD"]
    listed = _table(client, reverse("invoices") + "?csv=1")
    total = f"{invoice.total_minor / 100:.2f}"
    assert listed[1:] == [
        [
            str(invoice.number),
            "2026-05",
            "open",
            "2026-06-15",
            "2026-06-29",
            "",
            total,
            total,
            "USD",
        ]
    ]
    assert _table(client, reverse("invoices") + "?csv=1&status=paid")[1:] == []
    tiers = _table(client, reverse("rates") + f"?csv=1&month=2026-05&market={line.market}")
    assert {row[1] for row in tiers[1:]} == {line.market}
    assert "utility" in {row[2] for row in tiers[1:]}
    fee = ["2026-06", "Hosting, plan Business", "1", "299", "299", "USD"]
    assert _table(client, reverse("invoice_draft") + "?csv=1")[1:] == [fee]


def test_an_issued_date_is_that_of_the_document(client: Client, invoice: Invoice) -> None:
    page = client.get(reverse("invoice", args=[invoice.number])).content.decode()
    assert invoice.issued_on
    assert f"issued {date_format(invoice.issued_on)}" in page
