"""Business settings: name and time zone, numbers and profiles, erasure of all customers."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts import team
from accounts.access import BusinessRequest, member_page
from accounts.models import ADMINS, Role
from core.errors import ParleyError
from core.wake import notify
from hosting import tasks
from hosting.errors import CloudApiError
from hosting.forms.workspace import BusinessForm, ProfileForm
from hosting.models import Contact, Number
from hosting.numbers import onboarding, profile
from hosting.privacy import erasure


@member_page(*ADMINS)
def business(request: BusinessRequest) -> HttpResponse:
    """Name and time zone, erasure progress."""
    found = request.business
    form = BusinessForm(
        _post_data(request), initial={"name": found.name, "timezone": found.timezone}
    )
    if request.method == "POST" and form.is_valid():
        team.change_settings(business=found, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("business")
    context = _context(request) | {"form": form}
    fragment = request.htmx and request.method == "GET"
    page = "hosting/privacy/_forgetting.html" if fragment else "hosting/numbers/business.html"
    return render(request, page, context, status=400 if form.errors else 200)


def _post_data(request: BusinessRequest) -> QueryDict | None:
    """Return the POST data, also of an empty form; None for other methods."""
    return request.POST if request.method == "POST" else None


def _context(request: BusinessRequest) -> dict[str, Any]:
    return {
        "customers": Contact.objects.filter(business=request.business).count(),
        "forgetting": erasure.progress(request.business),
        "test_customers": erasure.contacts_of_test_phones(request.business).count(),
    }


@require_GET
@member_page(*ADMINS)
def numbers(request: BusinessRequest) -> HttpResponse:
    """The numbers that customers write to."""
    own = Number.objects.filter(business=request.business).select_related("account")
    return render(request, "hosting/numbers/numbers.html", {"numbers": own.order_by("id")})


@require_POST
@member_page(*ADMINS)
def add_number(request: BusinessRequest) -> HttpResponse:
    """Add a sandbox number."""
    try:
        number = onboarding.add_number(request.business)
    except ParleyError as error:
        messages.error(request, error.message)
        return redirect("numbers")
    return redirect("number", number.phone_number_id)


@member_page(*ADMINS)
def number(request: BusinessRequest, phone_number_id: str) -> HttpResponse:
    """A number's profile as customers see it."""
    own = Number.objects.filter(business=request.business).select_related("account")
    found = get_object_or_404(own, phone_number_id=phone_number_id)
    form = ProfileForm(
        _post_data(request), initial=ProfileForm.initial_of(profile.profile_of(found))
    )
    if request.method == "POST" and form.is_valid():
        try:
            profile.change_profile(found, form.members())
        except CloudApiError as error:
            form.add_error(error.field if error.field in form.fields else None, error.details)
        else:
            messages.success(request, _("Saved."))
            return redirect("number", phone_number_id)
    status = 400 if form.errors else 200
    return render(
        request, "hosting/numbers/number.html", {"number": found, "form": form}, status=status
    )


@require_POST
@member_page(Role.OWNER)
def erase_all_customers(request: BusinessRequest) -> HttpResponse:
    """Request the erasure of all customers after the business's name was typed."""
    if request.POST.get("name", "").strip() != request.business.name:
        messages.error(
            request,
            _("Type the name of the business exactly as it stands there. Nothing was deleted."),
        )
        return redirect("business")
    asked, held = erasure.request_all_erasures(business=request.business)
    notify(tasks.forget)
    said = ngettext(
        "%(n)s customer is being forgotten.", "%(n)s customers are being forgotten.", asked
    )
    messages.success(request, said % {"n": f"{asked:,}"})
    if held:
        said = ngettext("%(n)s is kept by a legal hold.", "%(n)s are kept by a legal hold.", held)
        messages.warning(request, said % {"n": f"{held:,}"})
    return redirect("business")


@require_POST
@member_page(*ADMINS)
def erase_test_data(request: BusinessRequest) -> HttpResponse:
    """Request the erasure of the test phones' conversations."""
    asked = erasure.request_test_erasures(business=request.business)
    notify(tasks.forget)
    said = ngettext(
        "%(n)s test conversation is being removed.",
        "%(n)s test conversations are being removed.",
        asked,
    )
    messages.success(request, said % {"n": f"{asked:,}"})
    return redirect("business")
