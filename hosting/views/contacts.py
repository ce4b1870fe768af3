"""Contact pages: the list, and one customer with alias, merge, block, hold, data copy, erasure."""

from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import ADMINS, AGENTS
from core import widths
from core.errors import BadInput
from core.wake import notify
from hosting import tasks
from hosting.cloudapi.number_forms import one_form
from hosting.contacts import number_changes
from hosting.inbound import opt_outs
from hosting.models import Block, Contact, Conversation, Erasure, Number
from hosting.numbers import profile
from hosting.privacy import data_copy, erasure, legal_holds

CHAT_ROLES = AGENTS
PAGE = 50


@require_GET
@member_page(*CHAT_ROLES)
def contacts(request: BusinessRequest) -> HttpResponse:
    """Customers, newest first, filtered by `q`."""
    words = request.GET.get("q", "").strip()[:100]
    found = Contact.objects.called(words).filter(business=request.business).order_by("-id")
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        found = found.filter(id__lt=int(before))
    rows = list(found[: PAGE + 1])
    context = {
        "rows": rows[:PAGE],
        "older": rows[PAGE - 1].pk if len(rows) > PAGE else 0,
        "words": words,
    }
    return render(request, "hosting/contacts/contacts.html", context)


@member_page(*CHAT_ROLES)
def contact(request: BusinessRequest, contact_id: int) -> HttpResponse:
    """One customer; POST sets the alias."""
    found = _own(request, contact_id)
    if request.method == "POST":
        found.alias = request.POST.get("alias", "").strip()[: widths.PERSON_NAME]
        found.save(update_fields=["alias"])
        return redirect("contact", contact_id)
    blocked = set(
        Block.objects.filter(business=request.business, wa_id=found.wa_id).values_list(
            "number_id", flat=True
        )
    )
    numbers = Number.objects.filter(business=request.business).order_by("id")[:100]
    context: dict[str, Any] = {
        "contact": found,
        "threads": Conversation.objects.filter(contact=found)
        .select_related("number")
        .newest_first(),
        "former": found.former_numbers.order_by("-changed_at"),
        "numbers": [(number, number.pk in blocked) for number in numbers],
        "going": Erasure.objects.filter(contact_id=found.pk).exists(),
        "now": request.business.now(),
    }
    return render(request, "hosting/contacts/contact.html", context)


@require_POST
@member_page(*CHAT_ROLES)
def merge(request: BusinessRequest, contact_id: int) -> HttpResponse:
    """Merge this contact into the one with the given number, and show that one."""
    found = _own(request, contact_id)
    digits = one_form("".join(filter(str.isdigit, request.POST.get("into", ""))))
    into = (
        Contact.objects.filter(business=request.business, wa_id=digits).first() if digits else None
    )
    if into is None:
        messages.error(request, _("No customer has this number."))
        return redirect("contact", contact_id)
    try:
        number_changes.merge_contacts(found, into=into)
    except BadInput:
        messages.error(request, _("A customer cannot be merged with themselves."))
        return redirect("contact", contact_id)
    messages.success(request, _("Both are one customer now."))
    return redirect("contact", into.pk)


@require_POST
@member_page(*CHAT_ROLES)
def block(request: BusinessRequest, contact_id: int) -> HttpResponse:
    """Block or unblock this customer on one number."""
    found = _own(request, contact_id)
    own = Number.objects.filter(business=request.business)
    number = get_object_or_404(own, phone_number_id=request.POST.get("number", ""))
    if request.POST.get("blocked") == "1":
        profile.block_customers(number, [found.wa_id])
    else:
        Block.objects.filter(number=number, wa_id=found.wa_id).delete()
    return redirect("contact", contact_id)


@require_POST
@member_page(*CHAT_ROLES)
def marketing(request: BusinessRequest, contact_id: int) -> HttpResponse:
    """Set whether marketing broadcasts reach the customer."""
    opt_outs.set_marketing(
        _own(request, contact_id), wants_marketing=request.POST.get("wanted") == "1"
    )
    return redirect("contact", contact_id)


@require_POST
@member_page(*ADMINS)
def hold(request: BusinessRequest, contact_id: int) -> HttpResponse:
    """Set or lift the legal hold."""
    legal_holds.set_hold(_own(request, contact_id), on=request.POST.get("held") == "1")
    return redirect("contact", contact_id)


@require_GET
@member_page(*ADMINS)
def data(request: BusinessRequest, contact_id: int) -> Any:
    """All stored data of the customer, as a ZIP."""
    found = _own(request, contact_id)
    return FileResponse(
        data_copy.as_zip(found), as_attachment=True, filename=f"contact-{found.pk}.zip"
    )


@require_POST
@member_page(*ADMINS)
def erase(request: BusinessRequest, contact_id: int) -> HttpResponse:
    """Request the customer's erasure after confirmation."""
    found = _own(request, contact_id)
    if request.POST.get("sure") != "1":
        messages.error(request, _("Tick the box first: this cannot be undone."))
        return redirect("contact", contact_id)
    erasure.request_erasure(contact=found)
    notify(tasks.forget)
    messages.success(request, _("The customer is being forgotten. That takes a minute or so."))
    return redirect("contacts")


def _own(request: BusinessRequest, contact_id: int) -> Contact:
    if contact_id >= 2**63:
        raise Http404
    return get_object_or_404(Contact.objects.filter(business=request.business), pk=contact_id)
