"""Paying: an invoice by its link, without a login; at once with the saved method; and saving a
method.
"""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import Role
from billing import pay_links, tasks
from billing.documents import archive
from billing.models import BillingDetails, Invoice
from billing.payments import stripe_collection, stripe_gateway
from billing.views.invoices import invoice_or_404
from core.errors import ParleyError
from core.tenancy import system
from core.wake import notify

FINANCE = (Role.OWNER, Role.FINANCE)


@never_cache
@require_GET
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """One invoice, what is due on it, and how it is paid."""
    invoice = _linked(token)
    if "back" in request.GET:
        stripe_collection.look_now(invoice=invoice)
        invoice = _linked(token)
    return _page(request, token, invoice)


@require_POST
def pay_by_card(request: HttpRequest, token: str) -> HttpResponse:
    """On to the payment network's page; the same attempt while one is open."""
    invoice = _linked(token)
    try:
        url = stripe_collection.pay_by_link(
            invoice=invoice, back=f"{pay_links.url_of(invoice)}?back=1"
        )
    except ParleyError as error:
        return _page(request, token, _linked(token), error=error.message, status=error.status)
    return HttpResponseRedirect(url)


@require_GET
def pay_pdf(request: HttpRequest, token: str) -> HttpResponse:
    """The invoice's PDF."""
    invoice = _linked(token)
    with system("who has the link of an invoice sees that invoice"):
        kept = archive.document(invoice, "pdf")
        headers = {
            "Content-Disposition": f'attachment; filename="{kept.name}"',
            "X-Robots-Tag": "noindex",
        }
        return HttpResponse(archive.read(kept), content_type=kept.content_type, headers=headers)


def _linked(token: str) -> Invoice:
    invoice = pay_links.invoice_of(token)
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
            "has_stripe": stripe_gateway.is_on(),
        }
        response = render(request, "billing/pay.html", context, status=status)
    response.headers["X-Robots-Tag"] = "noindex"
    # The address is the key: it must not reach others as a referrer.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@require_POST
@member_page(*FINANCE)
def pay_now(request: BusinessRequest, number: str) -> HttpResponse:
    """Charge the saved method; without one, on to the page where the invoice is paid by hand."""
    invoice = invoice_or_404(request, number)
    if not BillingDetails.of(request.business).method_id or not stripe_gateway.is_on():
        return redirect(pay_links.path_of(invoice))
    try:
        stripe_collection.start(invoice=invoice)
        notify(tasks.collect)
    except ParleyError as error:
        messages.error(request, error.message)
    return redirect("invoice", number=number)


@require_POST
@member_page(*FINANCE)
def change_method(request: BusinessRequest) -> HttpResponse:
    """On to the payment network's page where a card is saved."""
    try:
        back = f"{settings.BASE_URL}{reverse('method_saved')}"
        return HttpResponseRedirect(
            stripe_collection.method_page(business=request.business, back=back)
        )
    except ParleyError as error:
        messages.error(request, error.message)
        return redirect("billing_details")


@require_GET
@member_page(*FINANCE)
def method_saved(request: BusinessRequest) -> HttpResponse:
    """Back from that page: what was saved is fetched, and kept when it is this business's."""
    session = request.GET.get("session", "")[:200]
    try:
        details = (
            stripe_collection.take_method(session)
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
def drop_method(request: BusinessRequest) -> HttpResponse:
    """Forget the saved method; invoices are paid by hand again."""
    try:
        stripe_collection.drop_method(business=request.business)
    except ParleyError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("No card is on file any more."))
    return redirect("billing_details")
