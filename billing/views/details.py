"""Pages of billing details and of the draft of the current month."""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.access import BusinessRequest, member_page
from accounts.models import Role
from billing.forms import BillingDetailsForm
from billing.invoices import draft as invoices_draft
from billing.models import BillingDetails, Email, Seller

FINANCE = (Role.OWNER, Role.FINANCE)
MAILS_SHOWN = 30


@member_page(*FINANCE)
def details(request: BusinessRequest) -> HttpResponse:
    """Billing details of future invoices; POST changes them. Issued invoices stay as they are."""
    posted = request.POST if request.method == "POST" else None
    form = BillingDetailsForm(posted, instance=BillingDetails.of(request.business))
    if form.is_bound and form.is_valid():
        form.save()
        messages.success(request, _("The next invoices will say this."))
        return redirect("billing_details")
    context = {
        "form": form,
        "details": BillingDetails.of(request.business),
        "terms_days": Seller.objects.values_list("terms_days", flat=True).get(is_current=True),
        "has_stripe": bool(settings.STRIPE_API_KEY),
        "mails": Email.objects.filter(business=request.business)[:MAILS_SHOWN],
    }
    return render(
        request, "billing/invoices/details.html", context, status=422 if form.errors else 200
    )


@require_GET
@member_page(*FINANCE)
def draft(request: BusinessRequest) -> HttpResponse:
    """The invoice of this month as if it were closed now."""
    now = request.business.now()
    month = now.astimezone(ZoneInfo(request.business.timezone)).date().replace(day=1)
    preview = invoices_draft.preview(business=request.business, month=month)
    return render(
        request, "billing/invoices/draft.html", {"month": month, "preview": preview, "now": now}
    )
