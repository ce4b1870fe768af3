"""Finance exports in the dashboard: request, progress, cancel, resume, download."""

import re

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import FINANCE
from billing import finance_exports, tasks
from billing.forms import FinanceExportForm
from billing.models import Export
from core.errors import ParleyError
from core.wake import notify

MAX_EXPORTS_SHOWN = 50


@member_page(*FINANCE)
def exports(request: BusinessRequest) -> HttpResponse:
    """List of exports; POST requests one."""
    form = FinanceExportForm(
        request.POST if request.method == "POST" else None, initial=_initial_filters(request)
    )
    error = ""
    if form.is_bound and form.is_valid():
        try:
            finance_exports.request_export(
                kind=form.cleaned_data["kind"],
                business=request.business,
                filters=form.as_filters(),
                asked_by=request.user,
            )
            notify(tasks.export)
            return redirect("finance_exports")
        except ParleyError as refusal:
            error = refusal.message
    found = list(Export.objects.filter(business=request.business)[:MAX_EXPORTS_SHOWN])
    context = {"jobs": found, "is_working": any(job.is_working for job in found)}
    if request.headers.get("HX-Target") == "jobs":
        return render(request, "billing/finance_exports/_exports.html", context)
    status = 422 if error or form.errors else 200
    return render(
        request,
        "billing/finance_exports/exports.html",
        context | {"form": form, "error": error},
        status=status,
    )


def _initial_filters(request: BusinessRequest) -> dict[str, str]:
    """The year, or month and kind, chosen by the link that led here."""
    year, month, kind = (request.GET.get(name, "")[:8] for name in ("year", "month", "kind"))
    chosen = {"kind": kind} if kind in Export.Kind.values else {}
    if re.fullmatch(r"\d{4}", year):
        return chosen | {"first": f"{year}-01", "last": f"{year}-12"}
    return chosen | ({"first": month, "last": month} if re.fullmatch(r"\d{4}-\d{2}", month) else {})


@require_POST
@member_page(*FINANCE)
def cancel(request: BusinessRequest, export_id: int) -> HttpResponse:
    """Cancel an export; what was written is discarded."""
    finance_exports.cancel(export=finance_exports.get_export(request.business, export_id))
    return redirect("finance_exports")


@require_POST
@member_page(*FINANCE)
def resume(request: BusinessRequest, export_id: int) -> HttpResponse:
    """Run an export again."""
    finance_exports.resume(export=finance_exports.get_export(request.business, export_id))
    notify(tasks.export)
    return redirect("finance_exports")


@require_GET
@member_page(*FINANCE)
def file(request: BusinessRequest, export_id: int) -> FileResponse:
    """The finished file."""
    job = finance_exports.get_export(request.business, export_id)
    if job.state != Export.State.DONE or not default_storage.exists(job.path):
        raise Http404
    return FileResponse(default_storage.open(job.path, "rb"), as_attachment=True, filename=job.name)
