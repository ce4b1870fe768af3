"""Import and export pages: upload, preview and questions, progress, download."""

import uuid
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.access import BusinessRequest, member_page
from accounts.models import ADMINS, Business
from core import widths
from core.errors import ParleyError
from core.tenancy import scope
from core.wake import notify
from hosting import tasks
from hosting.exports import jobs
from hosting.forms.transfers import ExportForm, ImportForm
from hosting.imports import jobs as imports_jobs
from hosting.models import ChatExport, ChatImport, Number

SHOWN = 50


@member_page(*ADMINS)
def imports(request: BusinessRequest) -> HttpResponse:
    """The imports; POST uploads a file."""
    form, error = (
        ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm(),
        "",
    )
    if form.is_bound and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            job = imports_jobs.create_import(
                business=request.business,
                author=request.user,
                file=file.file,
                filename=file.name or "",
            )
            notify(tasks.move_history)
            return redirect("import", job.public_id)
        except ParleyError as refusal:
            error = refusal.message
    found = ChatImport.objects.filter(business=request.business).order_by("-id")[:SHOWN]
    status = 422 if error or form.errors else 200
    return render(
        request,
        "hosting/imports/imports.html",
        {"jobs": found, "form": form, "error": error},
        status=status,
    )


@member_page(*ADMINS)
def one_import(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """One import: preview, questions, progress; POST answers and starts it."""
    job = imports_jobs.get_import(request.business, public_id)
    error = ""
    if request.method == "POST":
        try:
            imports_jobs.start_import(job=job, answers=_answers(request))
            notify(tasks.move_history)
            return redirect("import", job.public_id)
        except ParleyError as refusal:
            error = refusal.message
    context = _import_page(request.business, job) | {"error": error, "given": request.POST}
    if request.headers.get("HX-Target") == "job":
        return render(request, "hosting/imports/_import.html", context)
    return render(request, "hosting/imports/import.html", context, status=422 if error else 200)


def _answers(request: BusinessRequest) -> dict[str, Any]:
    given: dict[str, Any] = {
        name: request.POST.get(name, "") for name in ("number", "contact", "day_order", "time_zone")
    }
    return given | {"business_senders": request.POST.getlist("business_senders")}


def _import_page(business: Business, job: ChatImport) -> dict[str, Any]:
    return {
        "job": job,
        "asked": imports_jobs.questions(job) if job.state == ChatImport.State.READY else [],
        "numbers": Number.objects.filter(business=business).order_by("id"),
        "sample": [
            row | {"at": datetime.fromisoformat(row["at"])} for row in job.preview.get("sample", [])
        ],
        "first_at": _moment(job.preview.get("first_at")),
        "last_at": _moment(job.preview.get("last_at")),
        "too_old": _too_old(business, job),
    }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _too_old(business: Business, job: ChatImport) -> int:
    """Return the days that the plan keeps if the file reaches further back; else 0."""
    first, days = _moment(job.preview.get("first_at")), business.plan.days_kept
    if first is None or days is None:
        return 0
    zone = first.tzinfo or ZoneInfo(business.timezone)
    return days if first.replace(tzinfo=zone) < business.now() - timedelta(days=days) else 0


@require_POST
@member_page(*ADMINS)
def cancel_import(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Cancel an import."""
    imports_jobs.cancel(job=imports_jobs.get_import(request.business, public_id))
    return redirect("import", public_id)


@require_POST
@member_page(*ADMINS)
def undo_import(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Undo an import."""
    imports_jobs.undo(job=imports_jobs.get_import(request.business, public_id))
    notify(tasks.move_history)
    return redirect("import", public_id)


@member_page(*ADMINS)
def exports(request: BusinessRequest) -> HttpResponse:
    """The exports; POST requests one."""
    given = request.POST if request.method == "POST" else None
    form, error = ExportForm(request.business, given, initial=_chosen(request)), ""
    if form.is_bound and form.is_valid():
        try:
            jobs.request_export(
                business=request.business,
                author=request.user,
                wanted=_wanted(request.business, form),
            )
            notify(tasks.move_history)
            return redirect("exports")
        except ParleyError as refusal:
            error = refusal.message
    found = list(ChatExport.objects.filter(business=request.business).order_by("-id")[:SHOWN])
    context: dict[str, Any] = {"jobs": found, "is_working": any(job.is_working for job in found)}
    if request.headers.get("HX-Target") == "jobs":
        return render(request, "hosting/exports/_exports.html", context)
    status = 422 if error or form.errors else 200
    return render(
        request,
        "hosting/exports/exports.html",
        context | {"form": form, "error": error},
        status=status,
    )


def _chosen(request: BusinessRequest) -> dict[str, str]:
    """Return initial values from the query string, as links beside a thread set them."""
    return {
        "conversation": request.GET.get("conversation", "")[:36],
        "contact": request.GET.get("contact", "")[: widths.PERSON_ID],
    }


def _wanted(business: Business, form: ExportForm) -> jobs.ExportRequest:
    zone, data = ZoneInfo(business.timezone), form.cleaned_data
    since, until = data["since"], data["until"]
    return jobs.ExportRequest(
        format=data["format"],
        has_media=data["has_media"],
        conversation=data["conversation"],
        contact=data["contact"],
        number=data["number"],
        since=datetime.combine(since, time(), zone) if since else None,
        until=datetime.combine(until + timedelta(days=1), time(), zone) if until else None,
    )


@require_POST
@member_page(*ADMINS)
def cancel_export(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Cancel an export and delete its parts."""
    jobs.cancel(job=jobs.get_export(request.business, public_id))
    return redirect("exports")


@require_GET
@member_page(*ADMINS)
def download_export(request: BusinessRequest, public_id: uuid.UUID) -> HttpResponse:
    """Redirect from a permanent URL to one that is valid for an hour."""
    path = jobs.download_path(jobs.get_export(request.business, public_id))
    if not path:
        raise Http404
    return redirect(path)


@require_GET
def file(request: HttpRequest, token: str) -> FileResponse:
    """The file of a signed link."""
    known = jobs.ids_of_token(token)
    if known is None:
        raise Http404
    with scope(known[0]):
        job = ChatExport.objects.filter(
            business_id=known[0], public_id=known[1], state=ChatExport.State.DONE
        ).first()
    if job is None or not default_storage.exists(job.path):
        raise Http404
    # Never displayed by us: it contains text of strangers.
    return FileResponse(
        default_storage.open(job.path, "rb"),
        as_attachment=True,
        filename=job.filename,
        content_type="application/octet-stream",
    )
