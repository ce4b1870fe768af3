"""Pay links: signed URLs that show and pay one invoice without a login."""

from django.conf import settings
from django.core import signing
from django.urls import reverse

from billing.models import Invoice, InvoiceStatus
from core.tenancy import system

SALT = "billing.pay_links"


def pay_path(invoice: Invoice) -> str:
    """Path of the invoice's pay page; it never changes."""
    return reverse("pay", args=[signing.Signer(salt=SALT).sign(str(invoice.pk))])


def pay_url(invoice: Invoice) -> str:
    """Full URL of the pay page, for e-mails and the payment network."""
    return f"{settings.BASE_URL}{pay_path(invoice)}"


def invoice_for_token(token: str) -> Invoice | None:
    """The issued invoice of a token; None for an invalid token."""
    try:
        invoice_id = signing.Signer(salt=SALT).unsign(token)
    except signing.BadSignature:
        return None
    with system("who has the link of an invoice sees that invoice"):
        issued = Invoice.objects.exclude(status=InvoiceStatus.DRAFT).select_related(
            "business", "period"
        )
        return issued.filter(pk=invoice_id).with_due().first()
