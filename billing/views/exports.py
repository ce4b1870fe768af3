"""Finance exports in the dashboard: ask, watch, cancel, resume, download."""

import re

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import Role
from billing import finance_exports as exporting
from billing import tasks
from billing.forms import FinanceExportForm
from billing.models import Export
from core.errors import ParleyError
from core.wake import notify

FINANCE = (Role.OWNER, Role.FINANCE)
SHOWN = 50


@member_page(*FINANCE)
def exports(request: BusinessRequest) -> HttpResponse:
    """The exports there are; POST asks for one more."""
    form = FinanceExportForm(
        request.POST if request.method == "POST" else None, initial=_chosen(request)
    )
    error = ""
    if form.is_bound and form.is_valid():
        try:
            exporting.ask(
                kind=form.cleaned_data["kind"],
                business=request.business,
                filters=form.as_filters(),
                asked_by=request.user,
            )
            notify(tasks.export)
            return redirect("finance_exports")
        except ParleyError as refusal:
            error = refusal.message
    found = list(Export.objects.filter(business=request.business)[:SHOWN])
    context = {"jobs": found, "is_working": any(job.is_working for job in found)}
    if request.headers.get("HX-Target") == "jobs":
        return render(request, "billing/_exports.html", context)
    status = 422 if error or form.errors else 200
    return render(
        request, "billing/exports.html", context | {"form": form, "error": error}, status=status
    )


def _chosen(request: BusinessRequest) -> dict[str, str]:
    """The year, or the month and kind, that a link above the invoices or on one of them has chosen
    already.
    """
    year, month, kind = (request.GET.get(name, "")[:8] for name in ("year", "month", "kind"))
    chosen = {"kind": kind} if kind in Export.Kind.values else {}
    if re.fullmatch(r"\d{4}", year):
        return chosen | {"first": f"{year}-01", "last": f"{year}-12"}
    return chosen | ({"first": month, "last": month} if re.fullmatch(r"\d{4}-\d{2}", month) else {})


@require_POST
@member_page(*FINANCE)
def cancel(request: BusinessRequest, export_id: int) -> HttpResponse:
    """Stop it; what was made is thrown away."""
    exporting.cancel(export=exporting.one(request.business, export_id))
    return redirect("finance_exports")


@require_POST
@member_page(*FINANCE)
def resume(request: BusinessRequest, export_id: int) -> HttpResponse:
    """Take it up again."""
    exporting.resume(export=exporting.one(request.business, export_id))
    notify(tasks.export)
    return redirect("finance_exports")


@require_GET
@member_page(*FINANCE)
def file(request: BusinessRequest, export_id: int) -> FileResponse:
    """The finished file."""
    job = exporting.one(request.business, export_id)
    if job.state != Export.State.DONE or not default_storage.exists(job.path):
        raise Http404
    return FileResponse(default_storage.open(job.path, "rb"), as_attachment=True, filename=job.name)
