"""E-mails about invoices and credit notes: stored as rows in the transaction they are about, sent
once.
"""

from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import Business, Role
from billing import pay_links
from billing.documents import archive
from billing.models import BillingDetails, CreditNote, Document, Email, Invoice
from core import money
from core.tenancy import system

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
LEASE = timedelta(minutes=5)


def invoice_issued(invoice: Invoice) -> None:
    """Queue the e-mail of a new invoice, with its PDF and lines attached."""
    queue_invoice_email(invoice, "invoice_issued", attachments=["pdf", "lines"])


def credit_note_issued(note: CreditNote) -> None:
    """Queue the e-mail of a credit note, with its PDF attached."""
    context = {
        "note": note,
        "total": money.show_minor(note.total_minor, note.currency),
        "number": note.number,
    }
    _store(
        note.business,
        f"credit_note_issued-{note.pk}",
        "credit_note_issued",
        context,
        credit_note=note,
        attachments=["pdf"],
    )


def queue_invoice_email(
    invoice: Invoice, about: str, *, attachments: list[str] | None = None, **more: Any
) -> None:
    """Store an e-mail about an invoice, rendered from `emails/<about>.txt` and `.html`.

    A second one of the same kind (and step) is not stored.
    """
    context = {
        "invoice": invoice,
        "number": invoice.number,
        "pay_url": pay_links.pay_url(invoice),
        "total": money.show_minor(invoice.total_minor, invoice.currency),
        "due": money.show_minor(invoice.due_now(), invoice.currency),
        **more,
    }
    key = f"{about}-{invoice.pk}" + (f"-{more['step']}" if "step" in more else "")
    _store(invoice.business, key, about, context, invoice=invoice, attachments=attachments or [])


def preview(invoice: Invoice, about: str, **more: Any) -> tuple[str, str, str]:
    """Subject, text and HTML as `queue_invoice_email` would store them."""
    context = {
        "invoice": invoice,
        "number": str(invoice),
        "pay_url": pay_links.pay_url(invoice),
        "total": money.show_minor(invoice.total_minor, invoice.currency),
        "due": money.show_minor(invoice.due_now(), invoice.currency),
        **more,
    }
    return _render(invoice.business, about, context)


def recipient_of(business: Business) -> str:
    """Address for a business's invoices: the one on file, else its first owner's; empty without
    either.
    """
    details = BillingDetails.of(business)
    owner = (
        business.memberships.filter(role=Role.OWNER).select_related("user").order_by("id").first()
    )
    return details.email or (owner.user.email if owner else "")


def send_due(limit: int = 20) -> int:
    """Send waiting e-mails; returns how many were tried.

    One whose worker died while sending is marked unknown and not sent again automatically.
    """
    _mark_unknown()
    tried = 0
    while tried < limit and (email := _claim()):
        _send(email)
        tried += 1
    return tried


def resend(*, email: Email) -> None:
    """Make an e-mail that is dead, sent or of unknown result due again."""
    with system("operators send again"):
        Email.objects.filter(pk=email.pk).exclude(state=Email.State.SENDING).update(
            state=Email.State.WAITING, attempts=0, not_before=timezone.now()
        )


def _store(
    business: Business, key: str, about: str, context: dict[str, Any], **fields: Any
) -> None:
    to = recipient_of(business)
    if not to:
        log.warning("no_billing_address", business_id=business.pk, about=about)
        return
    subject, text, html = _render(business, about, context)
    email = Email(
        business=business, key=key, to=to, subject=subject, text=text, html=html, **fields
    )
    Email.objects.bulk_create([email], ignore_conflicts=True)


def _render(business: Business, about: str, context: dict[str, Any]) -> tuple[str, str, str]:
    context = {**context, "business": business, "base_url": settings.BASE_URL}
    first, _, text = render_to_string(f"emails/{about}.txt", context).strip().partition("\n")
    # One line: a name with a line break in it must not become a header.
    return (
        " ".join(first.split())[:200],
        text.strip() + "\n",
        render_to_string(f"emails/{about}.html", context),
    )


def _claim() -> Email | None:
    """Claim one waiting e-mail; attempt and lease are committed before the mail server is
    contacted.
    """
    with system("the outbox belongs to every business"):
        email = (
            Email.objects.select_for_update(skip_locked=True)
            .filter(state=Email.State.WAITING, not_before__lte=timezone.now())
            .order_by("not_before")
            .first()
        )
        if email is None:
            return None
        Email.objects.filter(pk=email.pk).update(
            state=Email.State.SENDING, attempts=F("attempts") + 1, not_before=timezone.now() + LEASE
        )
        email.attempts += 1
        return email


def _send(email: Email) -> None:
    try:
        _build_message(email).send()
    except Exception as error:
        log.warning("email_failed", email=email.pk, error=str(error))
        dead = email.attempts >= MAX_ATTEMPTS
        _finish(
            email,
            state=Email.State.DEAD if dead else Email.State.WAITING,
            not_before=timezone.now() + timedelta(minutes=2**email.attempts),
            last_error=str(error)[:300],
        )
    else:
        _finish(email, state=Email.State.SENT, sent_at=timezone.now(), last_error="")


def _build_message(email: Email) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        email.subject, email.text, settings.DEFAULT_FROM_EMAIL, [email.to]
    )
    if email.html:
        message.attach_alternative(email.html, "text/html")
    with system("the document is made for its own business"):
        for document in _attached_documents(email):
            message.attach(document.name, archive.read_document(document), document.content_type)
    return message


def _attached_documents(email: Email) -> list[Document]:
    source = email.invoice or email.credit_note
    return [archive.get_document(source, kind) for kind in email.attachments] if source else []


def _finish(email: Email, **fields: Any) -> None:
    with system("the outbox belongs to every business"):
        Email.objects.filter(pk=email.pk).update(**fields)


def _mark_unknown() -> None:
    with system("the outbox belongs to every business"):
        Email.objects.filter(state=Email.State.SENDING, not_before__lt=timezone.now()).update(
            state=Email.State.UNKNOWN, last_error="The worker stopped while sending."
        )
