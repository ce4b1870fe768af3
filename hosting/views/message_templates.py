"""Template settings: list, details, a form with preview, deletion, synchronisation."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.audit import record
from accounts.models import ADMINS
from core.wake import notify
from hosting import tasks
from hosting.errors import CloudApiError
from hosting.forms.message_templates import NewTemplateForm
from hosting.message_templates import lifecycle, upstream_sync
from hosting.models import Account, Template, TemplateStatus

PAGE = 50


@require_GET
@member_page(*ADMINS)
def templates(request: BusinessRequest) -> HttpResponse:
    """Templates, newest first."""
    rows = Template.objects.live().filter(business=request.business).select_related("account")
    status = request.GET.get("status", "")
    status = status if status in TemplateStatus.values else ""
    rows = rows.filter(status=status) if status else rows
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(id__lt=int(before))
    found = list(rows.order_by("-id")[: PAGE + 1])
    context = {
        "templates": found[:PAGE],
        "older": found[PAGE - 1].pk if len(found) > PAGE else 0,
        "statuses": TemplateStatus.choices,
        "status": status,
        "upstreams": Account.objects.filter(
            business=request.business, upstream__isnull=False
        ).exists(),
    }
    return render(request, "hosting/message_templates/settings_templates.html", context)


@member_page(*ADMINS)
def new_template(request: BusinessRequest) -> HttpResponse:
    """A form with preview; refusals are shown and the input is kept."""
    form = _form(request)
    if request.method == "POST" and form.is_valid():
        try:
            made = lifecycle.create_template(account=form.account(), body=form.as_body())
        except CloudApiError as error:
            form.add_error(None, error.message)
        else:
            record.record(action="template.created", subject=made, business=request.business)
            notify(tasks.call)
            return redirect("template", made.template_id)
    status = 422 if request.method == "POST" else 200
    return render(
        request,
        "hosting/message_templates/new_template.html",
        {"form": form} | form.preview(),
        status=status,
    )


@require_POST
@member_page(*ADMINS)
def preview_template(request: BusinessRequest) -> HttpResponse:
    """The preview of the input so far."""
    return render(request, "hosting/message_templates/_preview.html", _form(request).preview())


@require_GET
@member_page(*ADMINS)
def template(request: BusinessRequest, template_id: str) -> HttpResponse:
    """One template with preview and review status."""
    found = _own(request, template_id)
    return render(
        request,
        "hosting/message_templates/template.html",
        {"template": found, "parts": parts_of(found)},
    )


def parts_of(found: Template) -> dict[str, Any]:
    """Return the preview's variables for a template's components."""
    by_kind = {
        str(part.get("type")).upper(): part for part in found.components if isinstance(part, dict)
    }
    header = by_kind.get("HEADER", {})
    return {
        "header": header.get("text", ""),
        "header_format": "" if header.get("format") in (None, "TEXT") else header["format"],
        "body": by_kind.get("BODY", {}).get("text", ""),
        "footer": by_kind.get("FOOTER", {}).get("text", ""),
        "buttons": [
            button.get("text") or button.get("type")
            for button in by_kind.get("BUTTONS", {}).get("buttons", [])
        ],
    }


@require_POST
@member_page(*ADMINS)
def delete_template(request: BusinessRequest, template_id: str) -> HttpResponse:
    """Delete it in this language; sent messages stay."""
    found = _own(request, template_id)
    lifecycle.delete_templates(
        account=found.account, name=found.name, template_id=found.template_id
    )
    record.record(action="template.deleted", subject=found, business=request.business)
    messages.success(request, _("Deleted. What was sent with it stays as it is."))
    return redirect("templates")


@require_POST
@member_page(*ADMINS)
def synchronise(request: BusinessRequest) -> HttpResponse:
    """Request synchronisation with the upstreams."""
    for account in Account.objects.filter(business=request.business, upstream__isnull=False):
        upstream_sync.request_sync(account)
    notify(tasks.synchronise)
    messages.success(request, _("The upstream is asked; what is new appears here in a moment."))
    return redirect("templates")


def _form(request: BusinessRequest) -> NewTemplateForm:
    accounts = Account.objects.filter(business=request.business).order_by("id")
    return NewTemplateForm(accounts, request.POST if request.method == "POST" else None)


def _own(request: BusinessRequest, template_id: str) -> Template:
    rows = Template.objects.live().select_related("account__business")
    return get_object_or_404(rows, business=request.business, template_id=template_id)
