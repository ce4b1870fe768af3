"""Issuing: a draft takes its seller, buyer, tax, number and date together, and is final then."""

from datetime import timedelta

import structlog
from django.db import transaction
from prometheus_client import Counter

from billing import emails
from billing.errors import BillingError
from billing.invoices import draft
from billing.invoices.numbering import next_number
from billing.journal import post
from billing.models import Invoice, InvoiceStatus, Seller
from billing.payments import settlement

log = structlog.get_logger(__name__)
ISSUED = Counter("parley_invoices_issued", "Invoices issued, without test invoices.")


class SellerIncomplete(BillingError):
    """The seller lacks what every invoice must show; the message names it."""

    code = "seller_incomplete"


def complete_seller() -> Seller:
    """The current seller; raises SellerIncomplete while it lacks what an invoice must show."""
    seller = Seller.objects.get(is_current=True)
    if missing := seller.missing():
        raise SellerIncomplete(
            f"Nothing can be issued: the seller has no {', no '.join(missing)}. "
            "Set it in the admin: Billing, Sellers."
        )
    return seller


def issue(invoice: Invoice) -> None:
    """Number, date and open a draft in one update, after which the row is final.

    Call across businesses. Raises SellerIncomplete, and WrongStatus for a day in a year whose
    numbers have ended.
    """
    seller, now = complete_seller(), invoice.business.now()
    day = seller.day_of(now)
    draft.take_terms(invoice, seller)
    prepaid = 0 if invoice.is_test else settlement.held_for(invoice)
    Invoice.objects.filter(pk=invoice.pk).update(
        number=next_number(seller.number_prefix, day, is_test=invoice.is_test),
        issued_at=now,
        issued_on=day,
        due_at=now + timedelta(days=seller.terms_days),
        status=InvoiceStatus.TEST if invoice.is_test else InvoiceStatus.OPEN,
        prepaid_minor=prepaid,
    )
    invoice.refresh_from_db()
    if not invoice.is_test:
        post.invoice_issued(invoice)
        settlement.use_balance(invoice)
        emails.invoice_issued(invoice)
        transaction.on_commit(ISSUED.inc)
    log.info(
        "invoice_issued",
        invoice=invoice.number,
        business_id=invoice.business_id,
        total=invoice.total_minor,
    )
