"""Finance exports in the admin, over any businesses."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts.admin_site.confirmation import Question, StyledForm, ask
from accounts.admin_site.queues import QueueAdmin, QueueStateFilter
from accounts.audit import record
from accounts.models import Business, User
from billing import finance_exports, tasks
from billing.models import Export, InvoiceStatus
from core.errors import BadInput
from core.wake import notify


class ExportForm(StyledForm):
    """Filters and kind of an export; empty fields mean all."""

    kind = forms.ChoiceField(label=_("Format"), choices=Export.Kind.choices)
    first = forms.CharField(
        label=_("From month"), required=False, max_length=7, help_text="2026-01"
    )
    last = forms.CharField(label=_("To month"), required=False, max_length=7, help_text="2026-12")
    status = forms.ChoiceField(
        label=_("Status"),
        required=False,
        choices=[
            ("", _("All")),
            *(choice for choice in InvoiceStatus.choices if choice[0] != InvoiceStatus.DRAFT),
        ],
    )
    businesses = forms.CharField(
        label=_("Businesses"),
        required=False,
        max_length=2000,
        help_text=_("Their ids, with commas; empty: all."),
    )


def _filters(data: dict[str, Any]) -> dict[str, Any]:
    wanted = [word.strip() for word in data["businesses"].split(",") if word.strip()]
    if wrong := [word for word in wanted if not (word.isdecimal() and len(word) < 10)]:
        raise BadInput(f"Businesses are ids, not {wrong[0][:40]}.", field="businesses")
    ids = sorted({int(word) for word in wanted})
    known = set(Business.objects.filter(pk__in=ids).values_list("id", flat=True))
    if missing := [str(one) for one in ids if one not in known]:
        raise BadInput(f"There is no business {', '.join(missing)}.", field="businesses")
    given = {"from": data["first"], "to": data["last"], "businesses": ids}
    given["statuses"] = [data["status"]] if data["status"] else []
    return {name: value for name, value in given.items() if value}


@admin.register(Export)
class ExportAdmin(QueueAdmin):
    """Exports with their requesters and progress."""

    list_display = ("id", "kind", "whose", "shown", "progress", "asked_by", "created_at")
    list_select_related = ("business", "asked_by")
    list_filter = (QueueStateFilter, "kind", "state")
    task = tasks.export
    ordering = ("-id",)
    actions_list = ("order",)
    actions_detail = ("download", "cancel", "make_again")
    applies: ClassVar = {
        "download": lambda export: export.state == Export.State.DONE,
        "cancel": lambda export: export.is_working,
        "make_again": lambda export: not export.is_working,
    }

    @display(description=_("business"))
    def whose(self, export: Export) -> str:
        """The business, those it was narrowed to, or all."""
        if export.business_id:
            return str(export.business)
        chosen = export.filters.get("businesses")
        return ", ".join(map(str, chosen)) if chosen else str(_("all"))

    @display(
        description=_("status"),
        label={
            "done": "success",
            "failed": "danger",
            "running": "info",
            "waiting": "info",
            "expired": "default",
        },
    )
    def shown(self, export: Export) -> tuple[str, str]:
        """State as a label."""
        return export.state, export.get_state_display()

    @display(description=_("invoices"))
    def progress(self, export: Export) -> str:
        """Invoices done and in all, and estimated seconds left."""
        of = f" / {export.total}" if export.is_working and export.total else ""
        left = f", {export.seconds_left} s" if export.seconds_left else ""
        return f"{export.done}{of}{left}"

    def has_export_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may see exports and invoices."""
        return request.user.has_perms(["billing.view_export", "billing.view_invoice"])

    @action(description=_("New export"), url_path="order", permissions=["export"])
    def order(self, request: HttpRequest) -> HttpResponse:
        """Request an export; the worker writes it."""

        def do(data: dict[str, Any]) -> Any:
            export = finance_exports.request_export(
                kind=data["kind"],
                filters=_filters(data),
                asked_by=User.objects.get(pk=request.user.pk or 0),
            )
            record.record(action="export.asked", subject=export, after=export.filters)
            notify(tasks.export)
            return _("It is made in the background; it is here in a moment.")

        question = Question(
            _("Export invoices"), _("Export"), _("Issued invoices of these businesses and months.")
        )
        return ask(
            request,
            self,
            question,
            form=ExportForm,
            do=do,
            back=reverse("admin:billing_export_changelist"),
        )

    @action(description=_("Download"), url_path="download", permissions=["export"])
    def download(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The finished file; the download is in the audit log."""
        export = get_object_or_404(Export, pk=object_id)
        if export.state != Export.State.DONE or not default_storage.exists(export.path):
            messages.error(
                request, _("There is no file: %(state)s.") % {"state": export.get_state_display()}
            )
            return redirect("admin:billing_export_change", object_id)
        record.record(action="export.downloaded", subject=export)
        return FileResponse(
            default_storage.open(export.path, "rb"), as_attachment=True, filename=export.name
        )

    @action(description=_("Cancel"), url_path="cancel", permissions=["export"])
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Cancel an export."""
        export = get_object_or_404(Export, pk=object_id)

        def do(data: dict[str, Any]) -> Any:
            finance_exports.cancel(export=export)
            record.record(action="export.cancelled", subject=export)
            return _("It is cancelled.")

        question = Question(
            _("Cancel this export"), _("Cancel it"), _("What was made so far is thrown away.")
        )
        return ask(request, self, question, form=StyledForm, do=do, back=_admin_url(export))

    @action(description=_("Make again"), url_path="again", permissions=["export"])
    def make_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Run an export again."""
        export = get_object_or_404(Export, pk=object_id)

        def do(data: dict[str, Any]) -> Any:
            finance_exports.resume(export=export)
            record.record(action="export.resumed", subject=export)
            notify(tasks.export)
            return _("It is made in the background; it is here in a moment.")

        question = Question(
            _("Make this export again"), _("Make it"), _("Documents made before are reused.")
        )
        return ask(request, self, question, form=StyledForm, do=do, back=_admin_url(export))


def _admin_url(export: Export) -> str:
    return reverse("admin:billing_export_change", args=[export.pk])
