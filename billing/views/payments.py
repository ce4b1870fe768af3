"""Pages to pay an invoice by its link, to charge the saved method, and to save a method."""

from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import FINANCE
from billing import pay_links, tasks
from billing.documents import archive
from billing.models import BillingDetails, Invoice
from billing.payments import saved_methods, stripe_collection, stripe_gateway
from billing.views.invoices import invoice_or_404
from core import links
from core.errors import ParleyError
from core.stripe import payment_redirect
from core.tenancy import system
from core.wake import notify


@never_cache
@require_GET
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """One invoice, the amount due, and the ways to pay it."""
    invoice = _invoice_or_404(token)
    if "back" in request.GET:
        stripe_collection.refresh_attempt(invoice=invoice)
        invoice = _invoice_or_404(token)
    return _page(request, token, invoice)


@require_POST
def pay_by_card(request: HttpRequest, token: str) -> HttpResponse:
    """Redirect to the payment network's page; the open attempt's page while there is one."""
    invoice = _invoice_or_404(token)
    try:
        url = stripe_collection.pay_by_link(
            invoice=invoice, back=f"{pay_links.pay_url(invoice)}?back=1"
        )
    except ParleyError as error:
        return _page(
            request, token, _invoice_or_404(token), error=error.message, status=error.status
        )
    return payment_redirect(request, url, _("Pay by card"))


@require_GET
def pay_pdf(request: HttpRequest, token: str) -> HttpResponse:
    """The invoice's PDF."""
    invoice = _invoice_or_404(token)
    with system("who has the link of an invoice sees that invoice"):
        kept = archive.get_document(invoice, "pdf")
        headers = {
            "Content-Disposition": f'attachment; filename="{kept.name}"',
            "X-Robots-Tag": "noindex",
        }
        return HttpResponse(
            archive.read_document(kept), content_type=kept.content_type, headers=headers
        )


def _invoice_or_404(token: str) -> Invoice:
    invoice = pay_links.invoice_for_token(token)
    if invoice is None:
        raise Http404
    return invoice


def _page(
    request: HttpRequest, token: str, invoice: Invoice, error: str = "", status: int = 200
) -> HttpResponse:
    with (
        system("who has the link of an invoice sees that invoice"),
        timezone.override(ZoneInfo(invoice.business.timezone)),
    ):
        context = {
            "invoice": invoice,
            "token": token,
            "error": error,
            "live": invoice.payments.live().first(),
            "now": invoice.business.now(),
            "has_stripe": stripe_gateway.is_configured(),
        }
        response = render(request, "billing/payments/pay.html", context, status=status)
    response.headers["X-Robots-Tag"] = "noindex"
    # The URL is a secret: it must not reach other sites as a referrer. "no-referrer" would also
    # make the browser send `Origin: null` with this page's own form, which the CSRF check refuses.
    response.headers["Referrer-Policy"] = "same-origin"
    return response


@require_POST
@member_page(*FINANCE)
def pay_now(request: BusinessRequest, number: str) -> HttpResponse:
    """Charge the saved method; without one, redirect to the pay page."""
    invoice = invoice_or_404(request, number)
    if not BillingDetails.of(request.business).method_id or not stripe_gateway.is_configured():
        return redirect(pay_links.pay_path(invoice))
    try:
        stripe_collection.start_charge(invoice=invoice)
        notify(tasks.collect)
    except ParleyError as error:
        messages.error(request, error.message)
    return redirect("invoice", number=number)


@require_POST
@member_page(*FINANCE)
def change_method(request: BusinessRequest) -> HttpResponse:
    """Redirect to the payment network's page where a card is saved."""
    try:
        back = links.absolute(reverse("method_saved"))
        url = saved_methods.setup_page_url(business=request.business, back=back)
    except ParleyError as error:
        messages.error(request, error.message)
        return redirect("billing_details")
    return payment_redirect(request, url, _("Save a card"))


@require_GET
@member_page(*FINANCE)
def method_saved(request: BusinessRequest) -> HttpResponse:
    """Return from that page: store the saved method, and confirm it when it is this business's."""
    session = request.GET.get("session", "")[:200]
    try:
        details = (
            saved_methods.store_method(session, request.business.pk)
            if session.startswith(stripe_gateway.CHECKOUT)
            else None
        )
    except ParleyError as error:
        messages.error(request, error.message)
    else:
        if details is not None and details.business_id == request.business.pk:
            messages.success(
                request,
                _("From now on invoices are charged to %(method)s.")
                % {"method": details.method_label},
            )
    return redirect("billing_details")


@require_POST
@member_page(*FINANCE)
def remove_method(request: BusinessRequest) -> HttpResponse:
    """Remove the saved method; invoices are then paid manually."""
    try:
        saved_methods.remove_method(business=request.business)
    except ParleyError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("No card is on file any more."))
    return redirect("billing_details")
