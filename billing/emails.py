"""E-mails about invoices and credit notes: written in the transaction that they are about."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.db.models import Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Business, Role
from billing import pay_links
from billing.documents import archive, wording
from billing.models import BillingDetails, CreditNote, Invoice
from core import money, outbox
from core.models import Email
from core.territories import locale

log = structlog.get_logger(__name__)

KINDS = (
    "invoice_issued",
    "credit_note_issued",
    "past_due",
    "payment_failed",
    "suspended",
    "spend_alert",
)


def invoice_issued(invoice: Invoice) -> None:
    """Queue the e-mail of a new invoice, with its PDF, lines and e-invoice attached."""
    attachments = archive.kinds_for_customer(invoice)
    queue_invoice_email(invoice, "invoice_issued", attachments=attachments)


def credit_note_issued(note: CreditNote) -> None:
    """Queue the e-mail of a credit note, with its PDF and e-invoice attached."""
    with in_language_of(note.business):
        context = {
            "total": money.show_minor(note.total_minor, note.currency, locale()),
            "number": note.number,
            "invoice_number": str(note.invoice) if note.invoice else "",
            "month": wording.month(note.month),
            "use": note.get_use_display(),
            "reason": note.reason,
        }
        kinds = [kind for kind in archive.kinds_for_customer(note) if kind != "lines"]
        attachments = _attachments(note, kinds)
        _store(note.business, _key(note), "credit_note_issued", context, attachments)


def queue_invoice_email(
    invoice: Invoice, about: str, *, attachments: Iterable[str] = (), **more: Any
) -> None:
    """Write an e-mail about an invoice, rendered from the templates `emails/<about>…`.

    A second one of the same kind (and `step`, if there is one) is not written. `attachments` are
    kinds of documents.
    """
    key = _key(invoice) + (f"-{more['step']}" if "step" in more else "")
    with in_language_of(invoice.business):
        context = _context(invoice, more)
        _store(invoice.business, key, about, context, _attachments(invoice, attachments))


def preview(invoice: Invoice, about: str, **more: Any) -> outbox.Content:
    """Content as `queue_invoice_email` would write it."""
    with in_language_of(invoice.business):
        named = {"number": str(invoice), "business": invoice.business}
        return outbox.render(about, _context(invoice, more) | named)


def in_language_of(business: Business) -> AbstractContextManager[None]:
    """The language that a business has chosen for its documents, active within."""
    return translation.override(BillingDetails.of(business).language)


def _context(invoice: Invoice, more: Mapping[str, Any]) -> dict[str, Any]:
    """What templates name, in the active language; `more` may have `stops_at`, a moment."""
    zone = ZoneInfo(invoice.business.timezone)
    stops_at = more.get("stops_at")
    return {
        "number": invoice.number,
        "pay_url": pay_links.pay_url(invoice),
        "month": wording.month(invoice.period.month),
        "due_on": wording.day(invoice.due_at.astimezone(zone).date()),
        "stops_on": wording.day(stops_at.astimezone(zone).date()) if stops_at else "",
        "total": money.show_minor(invoice.total_minor, invoice.currency, locale()),
        "due": money.show_minor(invoice.due_now(), invoice.currency, locale()),
        **more,
        "failure": more.get("failure") or _("no reason given"),
    }


def recipient_of(business: Business) -> str:
    """Address for a business's invoices: the one on file, else its first owner's; empty without
    either.
    """
    details = BillingDetails.of(business)
    owner = (
        business.memberships.filter(role=Role.OWNER).select_related("user").order_by("id").first()
    )
    return details.email or (owner.user.email if owner else "")


def of_business(business: Business) -> QuerySet[Email]:
    """The mails about money that were written to a business, newest first."""
    return Email.objects.filter(business=business, kind__in=KINDS)


def of_invoice(invoice: Invoice) -> QuerySet[Email]:
    """The mails about one invoice, newest first."""
    key = _key(invoice)
    return of_business(invoice.business).filter(Q(key=key) | Q(key__startswith=f"{key}-"))


def _store(
    business: Business,
    key: str,
    about: str,
    context: dict[str, Any],
    attachments: Iterable[str] = (),
) -> None:
    to = recipient_of(business)
    if not to:
        log.warning("no_billing_address", business_id=business.pk, about=about)
        return
    content = outbox.render(about, {**context, "business": business})
    outbox.write(
        content, key=key, recipients=[to], business_id=business.pk, attachments=attachments
    )


def _key(source: Invoice | CreditNote) -> str:
    return f"{'invoice' if isinstance(source, Invoice) else 'credit_note'}-{source.pk}"


def _attachments(source: Invoice | CreditNote, kinds: Iterable[str]) -> list[str]:
    return [DOCUMENTS.reference(f"{_key(source)}-{kind}") for kind in kinds]


def _file_of(reference: str) -> outbox.File:
    """The document that `_attachments` names, made if it is not yet."""
    model, key, kind = reference.split("-")
    found = (Invoice if model == "invoice" else CreditNote).objects.get(pk=int(key))
    document = archive.get_document(found, kind)
    return outbox.File(document.name, archive.read_document(document), document.content_type)


DOCUMENTS = outbox.AttachmentSource("billing.documents", _file_of)
