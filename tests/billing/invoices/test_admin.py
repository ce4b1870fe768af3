"""Invoice actions of operators: confirmed and audited, or refused without any change."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from billing.invoices import close
from billing.metering import meter
from billing.models import BillingDetails, CreditNote, Invoice, Payment, Refund
from core.models import Email
from core.tenancy import logins, system
from tests.factories import make_business, make_deliveries, make_member, make_number

pytestmark = pytest.mark.django_db
MAY = date(2026, 5, 1)


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ops@example.com"))
    return client


@pytest.fixture
def invoice() -> Invoice:
    """May: 1,000 utility messages and the fee of the plan, issued."""
    return _invoice()


def _invoice(**details: Any) -> Invoice:
    business = make_business(clock_at=datetime(2026, 6, 10, tzinfo=UTC))
    make_member(business)
    make_deliveries(business, make_number(business), 1000)
    meter.meter_due()
    with system("test"):
        BillingDetails.objects.create(business=business, email="books@example.com", **details)
    found = close.close_period(business=business, month=MAY)
    assert found is not None
    return found


def _do(operator: Client, invoice: Invoice, deed: str, **data: Any) -> Any:
    return operator.post(
        reverse(f"admin:billing_invoice_{deed}", args=[invoice.pk]), {"sent": "1", **data}
    )


def _status(invoice: Invoice) -> str:
    with system("test"):
        return Invoice.objects.get(pk=invoice.pk).status


def _audited() -> list[str]:
    with system("test"):
        return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def test_each_action_asks_for_confirmation(operator: Client, invoice: Invoice) -> None:
    page = operator.get(reverse("admin:billing_invoice_change", args=[invoice.pk])).content.decode()
    # An open invoice without payments: nothing to issue, to reissue or to refund.
    applies = {"void", "give_up", "mark_paid", "credit", "emails"}
    for deed in (*applies, "issue", "reissue", "refund"):
        url = reverse(f"admin:billing_invoice_{deed}", args=[invoice.pk])
        assert (url in page) is (deed in applies), deed
        assert operator.get(url).status_code == 200
    assert (_status(invoice), _audited()) == ("open", [])


def test_a_draft_is_issued_once(operator: Client) -> None:
    draft = _invoice(needs_approval=True)
    assert draft.number is None
    assert _do(operator, draft, "issue").status_code == 302
    assert (_status(draft), _audited()) == ("open", ["invoice.approved"])
    refused = _do(operator, draft, "issue")
    assert (refused.status_code, "is open." in refused.content.decode()) == (400, True)
    assert _audited() == ["invoice.approved"]


def test_void_wants_a_reason_and_the_same_lines_are_issued_anew_once(
    operator: Client, invoice: Invoice
) -> None:
    assert _do(operator, invoice, "void", reason="").status_code == 400
    assert _status(invoice) == "open"
    assert _do(operator, invoice, "void", reason="wrong buyer").status_code == 302
    assert _status(invoice) == "void"
    assert _do(operator, invoice, "reissue").status_code == 302
    assert _do(operator, invoice, "reissue").status_code == 400
    with system("test"):
        new = Invoice.objects.get(replaces=invoice)
        entry = AuditEntry.objects.latest("id")
    assert (new.status, new.total_minor) == ("open", invoice.total_minor)
    assert entry.after["new"] == new.number
    assert _audited() == ["invoice.voided", "invoice.reissued"]


def test_transfers_settle_an_invoice_bit_by_bit_and_never_twice(
    operator: Client, invoice: Invoice
) -> None:
    total = Decimal(invoice.total_minor) / 100
    assert _do(operator, invoice, "mark_paid", amount="1.00", reference="TRN 1").status_code == 302
    for amount, reference in (
        ("1.00", "TRN 1"),
        ("0.005", "TRN 3"),
        ("", "TRN 4"),
    ):
        assert (
            _do(operator, invoice, "mark_paid", amount=amount, reference=reference).status_code
            == 400
        )
    assert _status(invoice) == "open"
    assert (
        _do(operator, invoice, "mark_paid", amount=total - 1, reference="TRN 5").status_code == 302
    )
    assert _status(invoice) == "paid"
    with system("test"):
        paid = list(Payment.objects.order_by("id").values_list("amount_minor", "reference"))
        entry = AuditEntry.objects.latest("id")
    assert paid == [(100, "TRN 1"), (invoice.total_minor - 100, "TRN 5")]
    assert (entry.actor_name, entry.business_id) == ("ops@example.com", invoice.business_id)
    assert (entry.before["status"], entry.after["status"], entry.after["due_minor"]) == (
        "open",
        "paid",
        0,
    )


def test_a_line_is_credited_never_over_what_is_left(operator: Client, invoice: Invoice) -> None:
    with system("test"):
        line = invoice.lines.get(kind="messages")
    name = f"line_{line.position}"
    too_much = Decimal(line.amount_minor + 1) / 100
    refused = _do(operator, invoice, "credit", reason="gift", **{name: too_much})
    assert (refused.status_code, "minor units left" in refused.content.decode()) == (400, True)
    assert not _audited()
    assert _do(operator, invoice, "credit", reason="gift", **{name: "1.00"}).status_code == 302
    with system("test"):
        note = CreditNote.objects.get()
    assert (note.subtotal_minor, note.use, note.reason) == (100, "invoice", "gift")
    assert _audited() == ["invoice.credited"]


def test_all_that_was_paid_goes_back(operator: Client, invoice: Invoice) -> None:
    assert _do(operator, invoice, "refund", reason="mistake", everything="on").status_code == 400
    _do(
        operator, invoice, "mark_paid", amount=Decimal(invoice.total_minor) / 100, reference="TRN 9"
    )
    assert _do(operator, invoice, "refund", reason="mistake", everything="on").status_code == 302
    with system("test"):
        assert Refund.objects.get().amount_minor == invoice.total_minor
        assert CreditNote.objects.get().use == "refund"
    assert _audited() == ["invoice.transfer_noted", "invoice.refunded"]


def test_credit_may_be_kept(operator: Client, invoice: Invoice) -> None:
    _do(
        operator, invoice, "mark_paid", amount=Decimal(invoice.total_minor) / 100, reference="TRN 9"
    )
    assert (
        _do(operator, invoice, "credit", reason="gift", everything="on", use="balance").status_code
        == 302
    )
    with system("test"):
        assert CreditNote.objects.get().use == "balance"


def test_marking_as_uncollectible(operator: Client, invoice: Invoice) -> None:
    assert _do(operator, invoice, "give_up", reason="bankrupt").status_code == 302
    with system("test"):
        assert AuditEntry.objects.get().after["reason"] == "bankrupt"
    assert (_status(invoice), _audited()) == ("uncollectible", ["invoice.given_up"])


def test_mails_are_previewed_and_sent_again(operator: Client, invoice: Invoice) -> None:
    page = operator.get(reverse("admin:billing_invoice_emails", args=[invoice.pk])).content.decode()
    assert "books@example.com" in page
    assert "past_due" in page
    with system("test"):
        mail = Email.objects.get()
        Email.objects.update(state="dead", attempts=5)
    outbox = reverse("admin:core_email_changelist")
    assert "Could not be sent" in operator.get(outbox).content.decode()
    operator.post(outbox, {"action": "rerun", "_selected_action": [mail.pk], "index": 0})
    with system("test"):
        mail.refresh_from_db()
    assert (mail.state, mail.attempts, _audited()) == ("waiting", 0, ["email.sent_again"])


def test_lists_show_amounts_and_states(operator: Client, invoice: Invoice) -> None:
    _do(operator, invoice, "mark_paid", amount="1.00", reference="TRN 1")
    assert (
        str(invoice.number)
        in operator.get(reverse("admin:billing_invoice_changelist")).content.decode()
    )
    assert "$1.00" in operator.get(reverse("admin:billing_payment_changelist")).content.decode()


def test_an_operator_who_may_only_look_does_nothing(client: Client, invoice: Invoice) -> None:
    from django.contrib.auth.models import Permission

    staff = User.objects.create_user("support@example.com", is_staff=True)
    with logins("test"):
        staff.user_permissions.add(Permission.objects.get(codename="view_invoice"))
    client.force_login(staff)
    for deed in ("issue", "void", "reissue", "give_up", "mark_paid", "credit", "refund"):
        assert _do(client, invoice, deed, reason="x").status_code == 403
    assert (_status(invoice), _audited()) == ("open", [])
