"""A month from the first message to the invoice, every amount computed by hand.

The bakery is on a plan of $49.00 a month and sends, in May 2026:
  1,000 utility messages to the United States at $0.0091 (messages 1 to 1,000): $9.10
      5 utility messages to the United States at $0.0082 (from message 1,001): $0.041, so $0.04
      3 service messages to India at $0.0057: $0.0171, so $0.02
Total: 49.00 + 9.10 + 0.04 + 0.02 = $58.16
"""

import csv
import io
from datetime import UTC, date, datetime

import orjson
import pytest
from django.test import Client
from pypdf import PdfReader

from accounts.models import Business
from billing.documents.pdf import invoice_pdf
from billing.documents.tables import lines_csv, messages_csv
from billing.invoices import close
from billing.metering import meter
from core.tenancy import scope, system
from hosting.inbound import events
from hosting.models import SimulatedPhone
from hosting.transports import sandbox
from tests.factories import make_business, make_deliveries, make_key, make_number, make_template

NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)


@pytest.fixture
def month(db):
    business = make_business("Bakery", plan_id="team", timezone="UTC", clock_at=NOON)
    number = make_number(business)
    make_template(number)
    with system("test"):
        phone = SimulatedPhone.objects.create(business=business, wa_id="919820012345", name="Priya")
    client = Client(headers={"Authorization": f"Bearer {make_key(business)}"})
    return business, number, phone, client


def send(client, number, body):
    body = {"messaging_product": "whatsapp"} | body
    response = client.post(
        f"/v23.0/{number.phone_number_id}/messages", body, content_type="application/json"
    )
    assert response.status_code == 200, response.content
    return orjson.loads(response.content)["messages"][0]["id"]


def test_a_month_is_hosted_metered_and_invoiced(month):
    business, number, phone, client = month
    # 1,000 were delivered before; these five cross the tier's edge.
    make_deliveries(business, number, 1000, to="14155550100", at=datetime(2026, 5, 2, tzinfo=UTC))
    meter.meter_due()
    order = {
        "name": "order_update",
        "language": {"code": "en_US"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "7"}]}],
    }
    for _ in range(5):
        send(client, number, {"to": "14155550100", "type": "template", "template": order})
    with scope(business.pk):
        sandbox.write(simulated_phone=phone, number=number, text="Do you ship to Mumbai?")
    assert events.apply_due() == 1
    wamids = [
        send(client, number, {"to": "919820012345", "text": {"body": f"Yes {n}"}}) for n in range(3)
    ]
    assert sandbox.deliver_due() == 8
    events.apply_due()
    assert meter.meter_due() == 8

    with system("test"):
        Business.objects.filter(pk=business.pk).update(clock_at=datetime(2026, 6, 2, 1, tzinfo=UTC))
        business.refresh_from_db()
    (invoice,) = close.close_due_periods()

    assert invoice.number == "PARLEY-2026-000001"
    with scope(business.pk):
        lines = [
            (
                line.kind,
                line.quantity,
                line.unit_price_micros,
                line.amount_micros,
                line.amount_minor,
            )
            for line in invoice.lines.all()
        ]
        assert lines == [
            ("fee", 1, 49_000_000, 49_000_000, 4900),
            ("messages", 3, 5_700, 17_100, 2),
            ("messages", 1000, 9_100, 9_100_000, 910),
            ("messages", 5, 8_200, 41_000, 4),
        ]
        assert invoice.total_minor == 5816
        pages = "\n".join(
            page.extract_text() for page in PdfReader(io.BytesIO(invoice_pdf(invoice))).pages
        )
        assert "$58.16" in pages
        assert "PARLEY-2026-000001" in pages
        assert invoice_pdf(invoice) == invoice_pdf(invoice)

        by_line = list(csv.DictReader(io.StringIO("".join(lines_csv(invoice)))))
        assert [row["amount"] for row in by_line] == ["49.00", "0.02", "9.10", "0.04"]
        behind = list(csv.DictReader(io.StringIO("".join(messages_csv(invoice)))))
        assert len(behind) == 1008
        india = sorted(
            (row for row in behind if row["market"] == "India"),
            key=lambda row: int(row["position"]),
        )
        assert [row["wamid"] for row in india] == wamids
        assert {(row["price"], row["line"]) for row in india} == {("0.0057", "2")}
        assert "".join(messages_csv(invoice, line=4)).count("\r\n") == 1 + 5


def test_closing_twice_issues_one_invoice(month):
    business, number, _, _ = month
    make_deliveries(business, number, 1, at=NOON)
    first = close.close_period(business=business, month=date(2026, 5, 1))
    assert first is not None
    assert close.close_period(business=business, month=date(2026, 5, 1)) is None
    with scope(business.pk):
        assert business.invoices.count() == 1
