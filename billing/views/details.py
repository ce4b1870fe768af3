"""Pages of billing details and of the draft of the current month."""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.access import BusinessRequest, member_page
from accounts.audit import record
from accounts.models import FINANCE
from billing import emails
from billing.documents import einvoice, groups, sources
from billing.forms import BillingDetailsForm
from billing.invoices import draft as invoices_draft
from billing.models import BillingDetails, Seller
from billing.views import table_files

MAILS_SHOWN = 30


@member_page(*FINANCE)
def details(request: BusinessRequest) -> HttpResponse:
    """Billing details of future invoices; POST changes them. Issued invoices stay as they are."""
    posted = request.POST if request.method == "POST" else None
    form = BillingDetailsForm(posted, instance=BillingDetails.of(request.business))
    if not settings.STRIPE_API_KEY:
        # Nothing can be charged by itself: it is not asked.
        del form.fields["auto_collect"]
    if form.is_bound and form.is_valid():
        form.save()
        record.record_form("billing_details.changed", form, request.business)
        messages.success(request, _("The next invoices will say this."))
        return redirect("billing_details")
    context = {
        "form": form,
        "details": BillingDetails.of(request.business),
        "terms_days": Seller.objects.values_list("terms_days", flat=True).get(is_current=True),
        "has_stripe": bool(settings.STRIPE_API_KEY),
        "seller_lacks": _seller_lacks(form.instance),
        "mails": emails.of_business(request.business)[:MAILS_SHOWN],
    }
    return render(
        request, "billing/invoices/details.html", context, status=422 if form.errors else 200
    )


def _seller_lacks(details: BillingDetails) -> list[str]:
    """What the seller lacks for the chosen e-invoice; until then that of EN 16931 is sent."""
    found = einvoice.lacks(details.einvoice_format, Seller.current().as_copy(), details.as_copy())
    return [one.text for one in found if one.of == "seller"]


@require_GET
@member_page(*FINANCE)
def draft(request: BusinessRequest) -> HttpResponse:
    """The invoice of this month as if it were closed now."""
    now = request.business.now()
    month = now.astimezone(ZoneInfo(request.business.timezone)).date().replace(day=1)
    preview = invoices_draft.preview(business=request.business, month=month)
    if request.GET.get("csv"):
        return table_files.draft(month, preview)
    lines = groups.grouped(sources.in_words(preview.lines)) if preview else []
    context = {"month": month, "preview": preview, "groups": lines, "now": now}
    return render(request, "billing/invoices/draft.html", context)
