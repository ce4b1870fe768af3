"""Mails about money are in the language that the business has chosen for its documents."""

from datetime import UTC, datetime

import pytest

from accounts.models import Business
from billing import emails
from billing.invoices import close, credit_notes
from billing.models import BillingDetails, Invoice
from core.models import Email
from core.tenancy import system
from tests.billing.invoices.test_close import MAY, shop
from tests.factories import make_member

pytestmark = pytest.mark.django_db
STOPS = datetime(2026, 6, 30, 12, tzinfo=UTC)


def billed(language: str) -> tuple[Business, Invoice]:
    business, _ = shop(clock_at=datetime(2026, 6, 2, 1, tzinfo=UTC))
    make_member(business)
    with system("test"):
        BillingDetails.objects.create(
            business=business, name="Bäckerei", country="US", language=language
        )
    invoice = close.close_period(business=business, month=MAY)
    assert invoice is not None
    return business, invoice


def written() -> Email:
    with system("test"):
        found = Email.objects.order_by("-id").first()
    assert found is not None
    return found


def test_an_invoice_is_announced_in_german() -> None:
    _, invoice = billed("de")
    mail = written()
    assert mail.subject == f"Rechnung {invoice.number}: 49,00 $"
    assert mail.text.startswith(
        f"Ihre Rechnung {invoice.number} für Mai 2026 ist da.\n\n"
        "Gesamtbetrag: 49,00\xa0$\nZu zahlen: 49,00\xa0$ bis 16. Juni 2026\n"
    )
    for text in ('<html lang="de">', "Ansehen und bezahlen", "Alle Rechnungen"):
        assert text in mail.html
    for english in ("Invoice", "ready", "attached", "paid by"):
        assert english not in mail.text + mail.html


def test_an_invoice_is_announced_in_english() -> None:
    _, invoice = billed("en")
    mail = written()
    assert mail.subject == f"Invoice {invoice.number}: $49.00"
    assert "To be paid: $49.00, by 16 June 2026" in mail.text


@pytest.mark.parametrize(
    ("about", "subject", "text"),
    [
        (
            "past_due",
            "ist überfällig: 49,00 $",
            "war am 16. Juni 2026 fällig; 49,00\xa0$ sind noch offen.\n\nAm 30. Juni 2026 endet",
        ),
        (
            "payment_failed",
            "ist fehlgeschlagen",
            "Wir wollten 49,00\xa0$ für die Rechnung",
        ),
        (
            "suspended",
            "ist nicht bezahlt",
            "über 49,00\xa0$ ist noch nicht bezahlt; ab jetzt",
        ),
    ],
)
def test_reminders_are_in_german(about: str, subject: str, text: str) -> None:
    _, invoice = billed("de")
    with system("test"):
        mail = emails.preview(invoice, about, failure="", stops_at=STOPS)
    assert subject in mail.subject
    assert text in mail.text
    assert ("kein Grund genannt" in mail.text) is (about == "payment_failed")
    for english in ("Invoice", "Pay", "We ", "Sending", "unpaid", "due on"):
        assert english not in mail.text.replace("/pay/", "") + mail.html.replace("/pay/", "")


def test_a_credit_note_is_announced_in_german() -> None:
    _, invoice = billed("de")
    note = credit_notes.credit(invoice=invoice, reason="Ausfall", amounts={1: 1000})
    with system("test"):
        emails.credit_note_issued(note)
    mail = written()
    assert mail.subject == f"Gutschrift {note.number}: 10,00 $"
    assert mail.text.startswith(
        f"Gutschrift {note.number} zur Rechnung {invoice.number} liegt bei.\n\n"
        "Gutgeschrieben: 10,00\xa0$ ("
    )
    assert "Grund: Ausfall" in mail.text
