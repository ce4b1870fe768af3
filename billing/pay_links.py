"""Pay links: the address under which anybody who was sent it may see and pay one invoice, without a
login.
"""

from django.conf import settings
from django.core import signing
from django.urls import reverse

from billing.models import Invoice, InvoiceStatus
from core.tenancy import system

SALT = "billing.pay_links"


def path_of(invoice: Invoice) -> str:
    """The path of the page that pays this invoice; the same for ever."""
    return reverse("pay", args=[signing.Signer(salt=SALT).sign(str(invoice.pk))])


def url_of(invoice: Invoice) -> str:
    """The full address, for e-mails and for the payment network to come back to."""
    return f"{settings.BASE_URL}{path_of(invoice)}"


def invoice_of(token: str) -> Invoice | None:
    """The issued invoice that a token names; None for a token that is not ours."""
    try:
        invoice_id = signing.Signer(salt=SALT).unsign(token)
    except signing.BadSignature:
        return None
    with system("who has the link of an invoice sees that invoice"):
        issued = Invoice.objects.exclude(status=InvoiceStatus.DRAFT).select_related(
            "business", "period"
        )
        return issued.filter(pk=invoice_id).with_due().first()  # type: ignore[attr-defined, no-any-return]
